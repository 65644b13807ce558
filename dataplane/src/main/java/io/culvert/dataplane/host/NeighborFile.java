// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

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
    private static final long MAGIC = 0x01_52424E_564C5543L;
    private static final int HEADER_LENGTH = 4_096;

    private NeighborFile() { }

    /** Writes a new file in place of what is there. @return room for the entries */
    public static MemorySegment create(final Path path, final Arena arena) throws IOException {
        Files.deleteIfExists(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            final MemorySegment file = channel.map(
                    FileChannel.MapMode.READ_WRITE, 0, HEADER_LENGTH + Neighbors.LENGTH, arena);
            file.set(JAVA_LONG, 0, MAGIC);
            return file.asSlice(HEADER_LENGTH);
        }
    }

    /** A copy of the entries that a predecessor left; empty when there are none of this layout. */
    public static MemorySegment read(final Path path, final Arena arena) throws IOException {
        if (!Files.exists(path) || Files.size(path) != HEADER_LENGTH + Neighbors.LENGTH) {
            return MemorySegment.NULL;
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ); Arena look = Arena.ofConfined()) {
            final MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), look);
            return file.get(JAVA_LONG, 0) == MAGIC
                    ? arena.allocate(Neighbors.LENGTH, JAVA_LONG.byteAlignment()).copyFrom(file.asSlice(HEADER_LENGTH))
                    : MemorySegment.NULL;
        }
    }
}
