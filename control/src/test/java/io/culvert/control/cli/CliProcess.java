// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.deploy.Patience;
import io.culvert.control.deploy.Script;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The command line as a process of its own. No wait for it is without a deadline, and it ends with its test. */
final class CliProcess implements AutoCloseable {
    private final String name;
    private final Process process;
    private final BufferedReader output;
    private final BufferedReader errors;

    private CliProcess(final String name, final Process process) {
        this.name = name;
        this.process = process;
        this.output = process.inputReader();
        this.errors = process.errorReader();
    }

    static CliProcess start(final String... arguments) throws IOException {
        final List<String> command = new ArrayList<>(Script.INTERRUPTIBLE);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp", System.getProperty("java.class.path"), Culvert.class.getName()));
        command.addAll(List.of(arguments));
        return new CliProcess("culvert " + String.join(" ", arguments), new ProcessBuilder(command).start());
    }

    /** The next line of its stdout; null at the end. */
    String line() {
        return next(output, "stdout");
    }

    /** The next line of its stderr; null at the end. */
    String message() {
        return next(errors, "stderr");
    }

    /** All that it says on stderr up to its end. */
    String messages() {
        final StringBuilder all = new StringBuilder();
        for (String line = message(); line != null; line = message()) {
            all.append(line).append('\n');
        }
        return all.toString();
    }

    /** A read of a pipe hears no interrupt, so it has a thread that the end of the process sets free. */
    private String next(final BufferedReader from, final String stream) {
        final FutureTask<String> read = new FutureTask<>(from::readLine);
        Thread.ofPlatform().daemon().name("reads " + stream).start(read);
        try {
            return read.get(Patience.SECONDS, TimeUnit.SECONDS);
        } catch (final TimeoutException | ExecutionException | InterruptedException e) {
            process.destroyForcibly();
            throw new AssertionError("no line on the " + stream + " of " + name + " in " + Patience.SECONDS + " s", e);
        }
    }

    /** As a reader that has seen enough. */
    void closeOutput() throws IOException {
        output.close();
    }

    /** @param signal as kill knows it: INT, TERM */
    void signal(final String signal) throws IOException, InterruptedException {
        final Process kill = new ProcessBuilder("kill", "-" + signal, Long.toString(process.pid())).start();
        if (!kill.waitFor(Patience.SECONDS, TimeUnit.SECONDS) || kill.exitValue() != 0) {
            throw new AssertionError("kill -" + signal + " of " + name);
        }
    }

    int awaitExit() throws InterruptedException {
        if (!process.waitFor(Patience.SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError(name + " goes on after " + Patience.SECONDS + " s");
        }
        return process.exitValue();
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
