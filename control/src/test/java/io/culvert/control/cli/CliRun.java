// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine;

/** One run of the command line in this process: what it printed and how it ended. */
record CliRun(int exitCode, String out, String err) {
    /** @param words split at blanks; options follow as they are */
    static CliRun of(final String words, final String... options) {
        final StringWriter out = new StringWriter();
        final StringWriter err = new StringWriter();
        final CommandLine commandLine = Culvert.commandLine();
        commandLine.setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        final List<String> arguments = new ArrayList<>(List.of(words.split(" ")));
        arguments.addAll(List.of(options));
        final int exitCode = commandLine.execute(arguments.toArray(String[]::new));
        return new CliRun(exitCode, out.toString(), err.toString());
    }
}
