// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.instance;

import io.culvert.control.Failure;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where a running relay keeps what others may read: {@code /dev/shm/culvert/NAME} (or {@code $CULVERT_STATE/NAME}) with
 * {@code counters} and one {@code flows-N} per worker. On hosts with huge pages a flow file is a link into hugetlbfs.
 */
public record Instance(Path directory) {
    /** The environment variable that moves the directory of all instances. */
    public static final String STATE_VARIABLE = "CULVERT_STATE";
    private static final String DEFAULT_STATE = "/dev/shm/culvert";

    /** The directory of all instances. */
    public static Path root() {
        final String state = System.getenv(STATE_VARIABLE);
        return Path.of(state == null || state.isEmpty() ? DEFAULT_STATE : state);
    }

    /** The instance of this name. */
    public static Instance named(final String name) {
        return new Instance(root().resolve(name));
    }

    /**
     * The instance that the user means.
     *
     * @param name null for the only one there is
     * @throws Failure with NO_DAEMON when there is none, with NOT_FOUND when there are several to choose from
     */
    public static Instance choose(final String name) {
        return name != null ? named(name) : only(root());
    }

    static Instance only(final Path root) {
        final List<String> names = names(root);
        if (names.isEmpty()) {
            throw new Failure(Failure.NO_DAEMON, "no relay has left its state in " + root
                    + ". Fix: start one with culvert run, or set " + STATE_VARIABLE + " as the relay had it");
        }
        if (names.size() > 1) {
            throw new Failure(Failure.NOT_FOUND, "several relays have their state in " + root + ": "
                    + String.join(", ", names) + ". Fix: name one with --instance");
        }
        return new Instance(root.resolve(names.getFirst()));
    }

    private static List<String> names(final Path root) {
        if (!Files.isDirectory(root)) {
            return List.of();
        }
        try (Stream<Path> directories = Files.list(root)) {
            return directories.filter(directory -> Files.exists(directory.resolve("counters")))
                    .map(directory -> directory.getFileName().toString()).sorted().toList();
        } catch (final IOException e) {
            throw unreadable(e);
        }
    }

    public String name() {
        return directory.getFileName().toString();
    }

    public Path countersFile() {
        return directory().resolve("counters");
    }

    public Path flowsFile(final int worker) {
        return directory().resolve("flows-" + worker);
    }

    /** The next hops, for the next process. */
    public Path neighborsFile() {
        return directory().resolve("neighbors");
    }

    /** Removes the table of a worker, on huge pages too. @return whether there was one */
    public boolean removeFlows(final int worker) throws IOException {
        final Path file = flowsFile(worker);
        if (Files.isSymbolicLink(file)) {
            Files.deleteIfExists(Files.readSymbolicLink(file));
        }
        return Files.deleteIfExists(file);
    }

    /** Removes what a process that has ended left, so that the next one starts with nothing. */
    public void clear() throws IOException {
        Files.deleteIfExists(countersFile());
        Files.deleteIfExists(neighborsFile());
        for (int worker = 0; removeFlows(worker); worker++) {
            // Their numbers have no gap.
        }
    }

    /** Held by the daemon for as long as it lives. */
    public Path lockFile() {
        return directory().resolve("lock");
    }

    /** @throws Failure with NO_DAEMON when no relay of this name has left its counters here */
    public CounterFile openCounters(final Arena arena) {
        if (!Files.exists(countersFile())) {
            throw new Failure(Failure.NO_DAEMON, "no relay \"" + name() + "\": " + countersFile()
                    + " is not there. Fix: start it with culvert run, or name another with --instance");
        }
        try {
            return CounterFile.read(countersFile(), arena);
        } catch (final IOException e) {
            throw unreadable(e);
        }
    }

    /** One table per worker. @throws Failure with NO_DAEMON as for {@link #openCounters} */
    public List<FlowFile> openFlows(final CounterFile counters, final Arena arena) {
        try {
            final List<FlowFile> tables = new ArrayList<>();
            for (int worker = 0; worker < counters.workers(); worker++) {
                tables.add(FlowFile.read(flowsFile(worker), arena));
            }
            return tables;
        } catch (final IOException e) {
            throw unreadable(e);
        }
    }

    private static Failure unreadable(final IOException e) {
        return new Failure(Failure.NO_DAEMON, "the relay's state is not readable: " + e.getMessage()
                + ". Fix: use the culvert it was started with, as a user who may read it", e);
    }
}
