// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.Failure;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.state.StateDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * The flow tables of a start: the predecessor's own where they fit, else new ones with its sessions in them. New ones
 * are made beside the old, which they replace only when all of them are there: a start that is refused for lack of room
 * leaves the sessions to the next.
 */
final class Tables implements AutoCloseable {
    private final Instance instance;
    private final Predecessor predecessor;
    private final List<FlowFile> files = new ArrayList<>();
    private final int[] noRoom;
    /** Where the new ones lie; empty when there are none. */
    private Optional<Path> place = Optional.empty();
    private boolean taken;

    private Tables(final Instance instance, final Predecessor predecessor, final int workers) {
        this.instance = instance;
        this.predecessor = predecessor;
        this.noRoom = new int[workers];
    }

    /**
     * @param sessions that each worker's table can hold, and {@code addresses} of IPv6
     * @throws Failure when there is no room for them beside those whose sessions they shall have
     */
    static Tables of(final Instance instance, final Predecessor predecessor, final int workers, final int sessions,
                     final int addresses, final MemoryPlan memory, final Arena arena) throws IOException {
        final Tables tables = new Tables(instance, predecessor, workers);
        instance.removeNewFlows(instance.directory());
        if (memory.huge()) {
            instance.removeNewFlows(instance.placeOn(memory.pages().mount().orElseThrow()));
        }
        if (predecessor.hasTablesFor(sessions, addresses)) {
            tables.files.addAll(predecessor.tables());
        } else {
            tables.make(sessions, addresses, memory, arena);
        }
        return tables;
    }

    private void make(final int sessions, final int addresses, final MemoryPlan memory, final Arena arena)
            throws IOException {
        final boolean keeps = !predecessor.tables().isEmpty();
        final long old = instance.bytesOfFlows();
        final boolean isOldHuge = instance.hasTablesOnHugePages();
        final HugePages pages = HugePages.ofHost();
        final long size = FlowFile.bytesFor(sessions, addresses);
        // What nobody goes on with may go, so its pages can be had.
        final boolean huge = memory.huge() && pages.canHold(
                noRoom.length * whole(size, pages.pageBytes()) - (isOldHuge && !keeps ? old : 0));
        final long granularity = huge ? pages.pageBytes() : StateDirectory.PAGE_BYTES;
        final long all = noRoom.length * whole(size, granularity);
        final long left = huge ? pages.bytes() : room();
        final boolean fitsAlone = all - (isOldHuge == huge ? old : 0) <= left;
        if (!keeps && all > left && fitsAlone) {
            instance.removeFlows();
        }
        final Path there = huge ? instance.placeOn(memory.pages().mount().orElseThrow()) : instance.directory();
        place = Optional.of(there);
        try {
            StateDirectory.make(there);
            create(there, sessions, addresses, granularity, arena);
        } catch (final IOException e) {
            close();
            if (keeps && e instanceof final StateDirectory.Full full) {
                throw instance.cannotMoveTables(full, fitsAlone);
            }
            throw e;
        }
    }

    private void create(final Path there, final int sessions, final int addresses, final long granularity,
                        final Arena arena) throws IOException {
        final List<FlowFile> before = predecessor.tables();
        for (int worker = 0; worker < noRoom.length; worker++) {
            final FlowFile file = FlowFile.create(
                    Instance.newFlowsFile(there, worker), worker, sessions, addresses, granularity, arena);
            files.add(file);
            noRoom[worker] = before.isEmpty() ? 0 : file.fill(before.get(worker));
        }
    }

    private static long whole(final long bytes, final long granularity) {
        return (bytes + granularity - 1) / granularity * granularity;
    }

    /** A tmpfs without a limit says that it has no room in all. */
    private long room() throws IOException {
        final FileStore store = Files.getFileStore(instance.directory());
        return store.getTotalSpace() == 0 ? Long.MAX_VALUE : store.getUsableSpace();
    }

    /** One of each worker. */
    List<FlowFile> files() {
        return files;
    }

    /** How many of the predecessor's sessions found no room in the worker's table. */
    int noRoom(final int worker) {
        return noRoom[worker];
    }

    /** From here on the files are this process's, and what lay in their place is gone. */
    void take() throws IOException {
        if (place.isPresent()) {
            instance.takeNewFlows(place.get(), noRoom.length);
        } else {
            files.forEach(FlowFile::disown);
            instance.removeFlowsFrom(noRoom.length); // of workers that are no more
        }
        taken = true;
    }

    /** Whether they are the predecessor's own, in its memory. */
    boolean areOfPredecessor() {
        return place.isEmpty();
    }

    /** Removes new files that did not take their place. */
    @Override
    public void close() {
        if (!taken && place.isPresent()) {
            try {
                instance.removeNewFlows(place.get());
            } catch (final IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }
}
