// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Memory that C owns, seen through bounded views. A view costs one check when it is made and nothing at constant
 * offsets after it, so the hot path makes one view per header and per entry and never a raw access.
 */
public final class NativeMemory {
    private static final MemorySegment EVERYTHING = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    /** The {@code length} bytes at {@code address}. The caller knows that they are there. */
    public static MemorySegment view(final long address, final long length) {
        return EVERYTHING.asSlice(address, length);
    }

    /** Copies memory out: for code too seldom on the way for the compiler to dissolve its views. */
    public static void read(final long address, final MemorySegment copy, final long length) {
        MemorySegment.copy(EVERYTHING, address, copy, 0, length);
    }

    /** {@link #read} to a place within the copy. */
    public static void readInto(final long address, final MemorySegment copy, final long at, final long length) {
        MemorySegment.copy(EVERYTHING, address, copy, at, length);
    }

    /** Copies what {@link #read} gave back in. */
    public static void write(final long address, final MemorySegment copy, final long length) {
        MemorySegment.copy(copy, 0, EVERYTHING, address, length);
    }

    /** Copies between places that do not overlap. */
    public static void copy(final long from, final long to, final long length) {
        MemorySegment.copy(EVERYTHING, from, EVERYTHING, to, length);
    }

    /**
     * The same memory as a plain native segment that lives for ever: its owner keeps it alive for as long as this is
     * used. A mapped file is a class of its own inside the JDK, and an arena's life is checked at each access; one
     * class and no check for all hot memory keep the accessors short.
     */
    public static MemorySegment unscoped(final MemorySegment memory) {
        return view(memory.address(), memory.byteSize());
    }

    // Without a view, for ways so seldom taken that the compiler would not dissolve it.

    public static int getInt(final long address) {
        return EVERYTHING.get(ValueLayout.JAVA_INT_UNALIGNED, address);
    }

    public static long getLong(final long address) {
        return EVERYTHING.get(ValueLayout.JAVA_LONG_UNALIGNED, address);
    }

    public static short getShort(final long address) {
        return EVERYTHING.get(ValueLayout.JAVA_SHORT_UNALIGNED, address);
    }

    public static void setInt(final long address, final int value) {
        EVERYTHING.set(ValueLayout.JAVA_INT_UNALIGNED, address, value);
    }

    public static void setLong(final long address, final long value) {
        EVERYTHING.set(ValueLayout.JAVA_LONG_UNALIGNED, address, value);
    }

    public static void setShort(final long address, final short value) {
        EVERYTHING.set(ValueLayout.JAVA_SHORT_UNALIGNED, address, value);
    }

    private NativeMemory() { }
}
