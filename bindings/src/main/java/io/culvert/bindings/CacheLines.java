// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * An array of 64-byte lines in memory that somebody else keeps alive: the shape of every table on the hot path. The
 * view of a line costs one check of its number. Slices of a segment that lives in an arena would be checked for the
 * arena's life at every access, and the compiler then fails to keep them off the heap.
 */
public final class CacheLines {
    public static final int LENGTH = 64;

    private final long address;
    private final int count;

    /** @param memory a multiple of {@link #LENGTH}; what is kept of it is its address */
    public CacheLines(final MemorySegment memory) {
        this.address = memory.address();
        this.count = Math.toIntExact(memory.byteSize() / LENGTH);
    }

    public int count() {
        return count;
    }

    /** The view of one line. @throws IndexOutOfBoundsException when there is no such line */
    public MemorySegment line(final int number) {
        return NativeMemory.view(address(Objects.checkIndex(number, count)), LENGTH);
    }

    /** Where a line lies: to be prefetched. */
    public long address(final int number) {
        return address + (long) number * LENGTH;
    }
}
