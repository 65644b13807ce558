// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.Version;
import io.culvert.control.view.Output;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The one program: {@code culvert run} is the daemon, every other verb is for operators. */
@Command(
        name = "culvert",
        description = "A transparent UDP relay: Java driving DPDK.",
        mixinStandardHelpOptions = true,
        version = "culvert " + Version.CULVERT,
        subcommands = {
            RunCommand.class,
            ConfigCommand.class,
            DoctorCommand.class,
            SizingCommand.class,
            LabCommand.class,
            FlowsCommand.class,
            StatsCommand.class,
            DemoCommand.class,
            BenchCommand.class,
        })
public final class Culvert {

    public static void main(final String[] arguments) {
        final PrintWriter out = standardOutput();
        final int exitCode = commandLine().setOut(out).execute(arguments);
        out.flush();
        System.exit(exitCode);
    }

    /** {@code System.out} would keep it to itself that the pipe's reader has gone. */
    private static PrintWriter standardOutput() {
        return new PrintWriter(
                new OutputStreamWriter(new FileOutputStream(FileDescriptor.out), System.out.charset()), true);
    }

    /** The command line as users meet it: a {@link Failure} is one line on stderr and its own exit code. */
    static CommandLine commandLine() {
        return new CommandLine(new Culvert())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((exception, command, parsed) -> {
                    if (exception instanceof Output.Closed) {
                        return CommandLine.ExitCode.OK;
                    }
                    if (!(exception instanceof final Failure failure)) {
                        throw exception;
                    }
                    command.getErr().println("error: " + failure.getMessage());
                    return failure.exitCode();
                });
    }
}
