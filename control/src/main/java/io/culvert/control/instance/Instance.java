// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.instance;

import io.culvert.control.Failure;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.state.StateDirectory;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where a running relay keeps what others may read: {@code /dev/shm/culvert/NAME} (or {@code $CULVERT_STATE/NAME}) with
 * {@code counters} and one {@code flows-N} per worker. On hosts with huge pages the flow files lie in a directory on
 * hugetlbfs, which the file {@code tables} names. {@link StateDirectory} says which directories a relay trusts.
 */
public record Instance(Path directory) {
    /** The environment variable that moves the directory of all instances. */
    public static final String STATE_VARIABLE = "CULVERT_STATE";
    private static final String DEFAULT_STATE = "/dev/shm/culvert";
    private static final String FLOWS = "flows-";
    private static final String TABLES = "tables";
    private static final int PATH_LIMIT = 4_096;

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
            return directories
                    .filter(directory -> Files.exists(directory.resolve("counters"), LinkOption.NOFOLLOW_LINKS))
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

    /** @throws IOException when the file that names the tables' directory is there and cannot be read */
    public Path flowsFile(final int worker) throws IOException {
        return tables().resolve(FLOWS + worker);
    }

    /** Where the flow files lie: here, or where the relay that made them wrote that it put them. */
    private Path tables() throws IOException {
        try (StateDirectory here = StateDirectory.of(directory); FileChannel file = here.read(TABLES)) {
            final ByteBuffer text = ByteBuffer.allocate(PATH_LIMIT);
            while (text.hasRemaining() && file.read(text) >= 0) {
                // Up to its end.
            }
            return Path.of(StandardCharsets.UTF_8.decode(text.flip()).toString().strip());
        } catch (final NoSuchFileException e) {
            return directory;
        } catch (final InvalidPathException e) {
            throw new IOException(directory.resolve(TABLES) + " names no directory", e);
        }
    }

    public boolean hasTablesOnHugePages() throws IOException {
        return !tables().equals(directory);
    }

    /** From now on the flow files lie on this hugetlbfs, in a directory that others cannot look into. */
    public void putTablesOn(final Path hugetlbfs) throws IOException {
        final Path place = hugetlbfs.resolve("culvert-" + name());
        StateDirectory.make(place);
        removeFlows(place, 0);
        try (StateDirectory here = StateDirectory.own(directory);
                FileChannel file = here.create(TABLES)) {
            file.write(StandardCharsets.UTF_8.encode(place.toString()));
        }
    }

    /** The next hops, for the next process. */
    public Path neighborsFile() {
        return directory().resolve("neighbors");
    }

    /** Removes the tables of all workers; new ones go here, unless {@link #putTablesOn} says otherwise. */
    public void removeFlows() throws IOException {
        final Path tables = tables();
        removeFlows(directory, 0);
        if (!tables.equals(directory)) {
            removeFlows(tables, 0);
            Files.deleteIfExists(tables);
            try (StateDirectory here = StateDirectory.own(directory)) {
                here.delete(TABLES);
            }
        }
    }

    /** Removes the tables of this worker and those behind it. */
    public void removeFlowsFrom(final int worker) throws IOException {
        removeFlows(tables(), worker);
    }

    private static void removeFlows(final Path tables, final int from) throws IOException {
        try (StateDirectory directory = StateDirectory.own(tables)) {
            for (final String name : directory.names()) {
                if (name.matches(FLOWS + "\\d{1,9}") && Integer.parseInt(name.substring(FLOWS.length())) >= from) {
                    directory.delete(name);
                }
            }
        } catch (final NoSuchFileException e) {
            // There are none.
        }
    }

    /** Removes what a process that has ended left, so that the next one starts with nothing. */
    public void clear() throws IOException {
        try (StateDirectory here = StateDirectory.own(directory)) {
            here.delete(countersFile().getFileName().toString());
            here.delete(neighborsFile().getFileName().toString());
        }
        removeFlows();
    }

    /** What a relay says that cannot keep its state: which path, why, and the mend. */
    public Failure cannotKeepState(final IOException e) {
        final String mend;
        if (e instanceof StateDirectory.Untrusted) {
            mend = "remove it if nobody needs it, or set " + STATE_VARIABLE
                    + " to a directory that nobody but the relay's user and root can change or replace";
        } else if (e instanceof StateDirectory.Full) {
            mend = "make room there (mount -o remount,size=...; for a container --shm-size), lower limits: { flows },"
                    + " or set " + STATE_VARIABLE + " to a directory on a larger tmpfs";
        } else {
            mend = "run as the user who owns it, or set " + STATE_VARIABLE
                    + " to a directory on a tmpfs that you may write to";
        }
        return new Failure(Failure.FAILED, "cannot keep state in " + directory + ": " + e.getMessage() + ". Fix: "
                + mend, e);
    }

    /** Held by the daemon for as long as it lives. */
    public Path lockFile() {
        return directory().resolve("lock");
    }

    /** @throws Failure with NO_DAEMON when no relay of this name has left its counters here */
    public CounterFile openCounters(final Arena arena) {
        try {
            return CounterFile.read(countersFile(), arena);
        } catch (final NoSuchFileException e) {
            throw new Failure(Failure.NO_DAEMON, "no relay \"" + name() + "\": " + countersFile()
                    + " is not there. Fix: start it with culvert run, or name another with --instance", e);
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
