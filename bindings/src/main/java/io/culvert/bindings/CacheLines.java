// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * An array of 64-byte lines in memory that somebody else keeps alive: the shape of every table on the hot path. The
 * view of a line costs one check of its number. Slices of a segment that lives in an arena would be checked for the
 * arena's life at every access, and the compiler then fails to keep them off the heap.
 */
public final class CacheLines {
    public static final int LENGTH = 64;

    // Fields of a line are aligned, but to say so would have each access tested for it.
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

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

    /** The view of all lines: for a loop, which makes it once and takes lines by {@link #line(MemorySegment, int)}. */
    public MemorySegment all() {
        return NativeMemory.view(address, (long) count * LENGTH);
    }

    /** The view of one line of {@link #all}. @throws IndexOutOfBoundsException when there is no such line */
    public static MemorySegment line(final MemorySegment all, final int number) {
        return all.asSlice((long) number * LENGTH, LENGTH);
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
