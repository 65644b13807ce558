// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A process that this one started and ends by its id. stdout and stderr go to files, for nobody reads them in time. It
 * is told to end when this one dies without a word (kill -9), and a Ctrl-C at the terminal reaches this one only.
 */
public final class Child {
    private static final int PATIENCE_SECONDS = 8;
    private static final int TAIL_BYTES = 2_048;
    private static final String ERROR = "error: ";
    /** DPDK's log names the function: {@code eth_rx_queue_setup(): ...}. */
    private static final Pattern DPDK_LINE = Pattern.compile("\\w+\\(\\): .*");

    private final String name;
    private final Process process;
    private final Path output;
    private final Path errors;
    private boolean frozen;

    private Child(final String name, final Process process, final Path output, final Path errors) {
        this.name = name;
        this.process = process;
        this.output = output;
        this.errors = errors;
    }

    /**
     * Only from a thread that lives as long as the demo: the child's end is bound to that thread's.
     *
     * @param farewell the signal that it gets when that thread ends
     * @param directory where its output goes
     */
    static Child start(final String name, final List<String> words, final Map<String, String> environment,
                       final String farewell, final Path directory) {
        final Path output = directory.resolve(name + ".out");
        final Path errors = directory.resolve(name + ".err");
        final List<String> command = new ArrayList<>(List.of("setsid", "setpriv", "--pdeathsig", farewell));
        command.addAll(words);
        final ProcessBuilder builder = new ProcessBuilder(command)
                .redirectOutput(output.toFile()).redirectError(errors.toFile());
        builder.environment().putAll(environment);
        try {
            return new Child(name, builder.start(), output, errors);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot start " + name + ": " + e.getMessage()
                    + ". Fix: install util-linux (setsid, setpriv) and iproute2 (ip)", e);
        }
    }

    public long pid() {
        return process.pid();
    }

    /**
     * Where the kernel schedules sessions as groups (sched_autogroup), a process's niceness counts only among those of
     * its session; the session's own counts against others. Not everybody may, and not every kernel can: then it waits
     * its turn. Only once it runs its program: before that its session may still be the demo's.
     */
    void goFirst(final int niceness) {
        try {
            Files.writeString(Path.of("/proc", Long.toString(pid()), "autogroup"), Integer.toString(niceness),
                    StandardOpenOption.WRITE);
        } catch (final IOException e) {
            // It runs all the same.
        }
    }

    /** Takes the CPU from it, until {@link #thaw}. Only a child whose farewell is KILL may be left so. */
    public void freeze() {
        signal("STOP");
        frozen = true;
    }

    /** Lets it go on. */
    public void thaw() {
        signal("CONT");
        frozen = false;
    }

    private void signal(final String signal) {
        Command.run(List.of("sh", "-c", "kill -" + signal + " " + pid()));
    }

    /** Writes a line to its stdin. One that has ended says so by {@link #isAlive}. */
    public void tell(final String line) {
        try {
            process.getOutputStream().write((line + "\n").getBytes(StandardCharsets.UTF_8));
            process.getOutputStream().flush();
        } catch (final IOException e) {
            // It has ended.
        }
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** Asks it to end in its own time. */
    public void stop() {
        if (frozen) {
            thaw();
        }
        process.destroy();
    }

    /** Ends it as a crash does, and waits for that. */
    void kill() {
        process.destroyForcibly();
        process.onExit().join();
    }

    /** Ends it, by force when asking does not help. @return its exit code */
    public int end() {
        process.destroy();
        boolean interrupted = false;
        while (true) {
            try {
                if (process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    break;
                }
            } catch (final InterruptedException e) {
                interrupted = true;
            }
            process.destroyForcibly();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        return process.exitValue();
    }

    public String output() {
        return tail(output);
    }

    /** How many bytes it has printed so far. */
    public long printed() {
        return output.toFile().length();
    }

    /** What it has printed since it had printed so many bytes. */
    public String outputFrom(final long offset) {
        try {
            final byte[] bytes = Files.readAllBytes(output);
            return new String(bytes, (int) offset, bytes.length - (int) offset, StandardCharsets.UTF_8);
        } catch (final IOException e) {
            return "";
        }
    }

    /** The last lines of its stderr. */
    public String errors() {
        return tail(errors);
    }

    /** The last whole line of its stderr; empty before the first. */
    String lastLine() {
        final String text = errors();
        final int end = text.lastIndexOf('\n');
        return end < 0 ? "" : text.substring(text.lastIndexOf('\n', end - 1) + 1, end);
    }

    /** Why it ended on its own: the error it printed last, and what DPDK said before that, in one line. */
    public String complaint() {
        final List<String> lines = errors().lines().toList();
        final String dpdk = lines.stream().filter(line -> DPDK_LINE.matcher(line).matches())
                .collect(Collectors.joining("; "));
        return lines.stream().filter(line -> line.startsWith(ERROR)).reduce((first, last) -> last)
                .map(line -> line.substring(ERROR.length()).replaceFirst("[.] Fix: .*", ""))
                .map(error -> dpdk.isEmpty() ? error : error + " (" + dpdk + ")")
                .orElseGet(this::lastLine);
    }

    public Failure died() {
        return new Failure(Failure.FAILED, name + " ended on its own with " + process.exitValue()
                + "; the end of what it said:\n" + errors().strip() + "\nFix: what it asks for; if it asks for nothing,"
                + " please report it");
    }

    private static String tail(final Path path) {
        if (!Files.exists(path)) {
            return "";
        }
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "r")) {
            final long start = Math.max(0, file.length() - TAIL_BYTES);
            final byte[] bytes = new byte[(int) (file.length() - start)];
            file.seek(start);
            final int count = Math.max(0, file.read(bytes));
            return new String(bytes, 0, count, StandardCharsets.UTF_8);
        } catch (final IOException e) {
            return "(" + path + " is not readable: " + e.getMessage() + ")";
        }
    }
}
