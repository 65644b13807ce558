// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.dataplane.state.StateDirectory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/**
 * The next hops of an instance in a file on tmpfs: the process that comes after a crash sends to the MAC addresses that
 * its predecessor knew until its own questions are answered.
 * <pre>
 *     0 | magic and layout
 *  4096 | entries as {@link Neighbors} draws them
 * </pre>
 */
public final class NeighborFile {
    /** "CULVNBR" and the layout, read as a little-endian long. */
    private static final long MAGIC = 0x02_52424E_564C5543L;
    private static final int HEADER_LENGTH = 4_096;

    private NeighborFile() { }

    /** Writes a new file in place of what is there. @return room for the entries */
    public static MemorySegment create(final Path path, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.own(path.getParent())) {
            final MemorySegment file = directory.create(path.getFileName().toString(),
                    HEADER_LENGTH + Neighbors.LENGTH, StateDirectory.PAGE_BYTES, arena);
            file.set(JAVA_LONG, 0, MAGIC);
            return file.asSlice(HEADER_LENGTH);
        }
    }

    /** A copy of the entries that a predecessor left; empty when there are none of this layout. */
    public static MemorySegment read(final Path path, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.of(path.getParent());
                FileChannel channel = directory.read(path.getFileName().toString()); Arena look = Arena.ofConfined()) {
            if (channel.size() != HEADER_LENGTH + Neighbors.LENGTH) {
                return MemorySegment.NULL;
            }
            final MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), look);
            return file.get(JAVA_LONG, 0) == MAGIC
                    ? arena.allocate(Neighbors.LENGTH, JAVA_LONG.byteAlignment()).copyFrom(file.asSlice(HEADER_LENGTH))
                    : MemorySegment.NULL;
        } catch (final NoSuchFileException e) {
            return MemorySegment.NULL;
        }
    }
}
