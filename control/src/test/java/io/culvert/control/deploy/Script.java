// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** One finished run of a command: exit code, stdout and stderr together, as its user sees them. */
public record Script(int exitCode, String output) {
    /**
     * In front of a command whose child shall hear SIGINT: a shell has jobs in the background ignore it, and what is
     * ignored is inherited.
     */
    public static final List<String> INTERRUPTIBLE = List.of("env", "--default-signal=INT");

    /** The checkout: the directory that holds the launcher. */
    public static Path checkout() {
        Path directory = Path.of("").toAbsolutePath();
        while (!Files.exists(directory.resolve("culvert"))) {
            directory = directory.getParent();
        }
        return directory;
    }

    public static Script run(final Map<String, String> environment, final List<String> command)
            throws IOException, InterruptedException {
        return finish(start(environment, command));
    }

    /** An empty value removes the variable. Output goes to a file, so that a child left behind cannot hold a pipe. */
    public static Running start(final Map<String, String> environment, final List<String> command) throws IOException {
        final Path output = Files.createTempFile("culvert-script", ".log");
        final ProcessBuilder builder = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectInput(ProcessBuilder.Redirect.from(Path.of("/dev/null").toFile()))
                .redirectOutput(output.toFile());
        builder.environment().putAll(environment);
        builder.environment().values().removeIf(String::isEmpty);
        return new Running(builder.start(), output);
    }

    public static Script finish(final Running running) throws IOException, InterruptedException {
        if (!running.process().waitFor(Patience.SECONDS, TimeUnit.SECONDS)) {
            running.process().destroyForcibly();
            throw new AssertionError("not finished in " + Patience.SECONDS + " s: "
                    + Files.readString(running.output(), StandardCharsets.UTF_8));
        }
        final String output = Files.readString(running.output(), StandardCharsets.UTF_8);
        Files.delete(running.output());
        return new Script(running.process().exitValue(), output);
    }

    public record Running(Process process, Path output) {
    }
}
