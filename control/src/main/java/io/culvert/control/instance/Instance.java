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
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
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
    /** Behind the name of what is being made, until it takes the place of what has the name without it. */
    private static final String NEW = ".new";
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

    /** Where flow files lie that are on this hugetlbfs: a directory that others cannot look into. */
    public Path placeOn(final Path hugetlbfs) {
        return hugetlbfs.resolve("culvert-" + name());
    }

    /** From now on the flow files lie on this hugetlbfs. */
    public void putTablesOn(final Path hugetlbfs) throws IOException {
        final Path place = placeOn(hugetlbfs);
        StateDirectory.make(place);
        removeFlows(place, 0);
        nameTables(place);
    }

    /** Who reads the name finds the old directory or the new one. */
    private void nameTables(final Path place) throws IOException {
        try (StateDirectory here = StateDirectory.own(directory)) {
            if (place.equals(directory)) {
                here.delete(TABLES);
                return;
            }
            try (FileChannel file = here.create(TABLES + NEW)) {
                file.write(StandardCharsets.UTF_8.encode(place.toString()));
            }
            here.rename(TABLES + NEW, TABLES);
        }
    }

    /** Where a table is made that no reader looks for until {@link #takeNewFlows}. */
    public static Path newFlowsFile(final Path place, final int worker) {
        return place.resolve(FLOWS + worker + NEW);
    }

    /** Puts the new tables of so many workers in the place of all that there are. */
    public void takeNewFlows(final Path place, final int workers) throws IOException {
        final Path before = tables();
        try (StateDirectory there = StateDirectory.own(place)) {
            for (int worker = 0; worker < workers; worker++) {
                there.rename(FLOWS + worker + NEW, FLOWS + worker);
            }
        }
        removeFlows(place, workers);
        if (!place.equals(before)) {
            nameTables(place);
            removeTables(before);
        }
    }

    /** Removes new tables that did not take their place, also those of a process that was killed. */
    public void removeNewFlows(final Path place) throws IOException {
        try (StateDirectory there = StateDirectory.own(place)) {
            for (final String name : there.names()) {
                if (name.startsWith(FLOWS) && name.endsWith(NEW)) {
                    there.delete(name);
                }
            }
        } catch (final NoSuchFileException | StateDirectory.Untrusted e) {
            return; // then there are none of this process's user
        }
        if (!place.equals(directory) && !place.equals(tables())) {
            removeIfEmpty(place);
        }
    }

    private static void removeIfEmpty(final Path place) throws IOException {
        try {
            Files.deleteIfExists(place);
        } catch (final DirectoryNotEmptyException e) {
            // It is used otherwise, and was there before.
        }
    }

    /** What all flow files take. */
    public long bytesOfFlows() throws IOException {
        long bytes = 0;
        for (int worker = 0; Files.exists(flowsFile(worker), LinkOption.NOFOLLOW_LINKS); worker++) {
            bytes += Files.readAttributes(flowsFile(worker), BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .size();
        }
        return bytes;
    }

    /** The next hops, for the next process. */
    public Path neighborsFile() {
        return directory().resolve("neighbors");
    }

    /** Removes the tables of all workers; new ones go here, unless {@link #putTablesOn} says otherwise. */
    public void removeFlows() throws IOException {
        final Path tables = tables();
        removeNewFlows(directory);
        removeNewFlows(tables);
        removeFlows(directory, 0);
        if (!tables.equals(directory)) {
            nameTables(directory);
            removeTables(tables);
        }
    }

    /** Their directory, too, where it was made for nothing else. */
    private void removeTables(final Path tables) throws IOException {
        removeFlows(tables, 0);
        if (!tables.equals(directory)) {
            removeIfEmpty(tables);
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

    /**
     * What a relay says that has no room for its new tables beside those of its predecessor, whose sessions it is to
     * move. They are as they were.
     *
     * @param fitsAlone whether there would be room if the predecessor's were not there
     */
    public Failure cannotMoveTables(final StateDirectory.Full e, final boolean fitsAlone) {
        return new Failure(Failure.FAILED, "cannot keep state in " + directory + ": " + e.getMessage()
                + ". The sessions of its predecessor are left as they were. Fix: make room there "
                + (fitsAlone ? "for these tables beside the old ones " : "")
                + "(mount -o remount,size=...; for a container --shm-size), set limits: { flows } as they were"
                + (fitsAlone ? ", or start with --cold, which gives the sessions up" : ", or lower"), e);
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
