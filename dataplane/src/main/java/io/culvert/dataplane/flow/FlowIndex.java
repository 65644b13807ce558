// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static io.culvert.bindings.CacheLines.BYTE;
import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * One bucket of the index: eight lanes of an 8-bit tag and a slot, in one cache line, so that a lookup that finds its
 * tag costs one miss here and one at the entry. A tag of 0 is a free lane.
 * <pre>
 *  byte 0      1             8         12             36      40      64
 *     0 | tag0 | tag1 ... tag7 | slot0  | ... slot7     | unused        |
 * </pre>
 * All eight tags are one long and compared at once: a lane of {@code tags ^ tag} is zero where they are equal. The
 * outcome is a set of <em>marks</em>, one bit a lane, to be walked with {@link #lane} and {@link #rest}. The lowest
 * mark is exact; one above it may be wrong, which the key comparison catches. A bucket is its offset in the index, so
 * that no call needs a view, which off the hottest path would be an object.
 */
final class FlowIndex {
    static final int BUCKET_LENGTH = 64;
    static final int LANES = 8;

    /** From a bit to its lane. */
    private static final int LANE_SHIFT = 3;

    private static final int TAGS = 0;
    private static final int SLOTS = TAGS + Long.BYTES;

    private static final long LANE_ONES = 0x0101_0101_0101_0101L;
    private static final long LANE_TOPS = 0x8080_8080_8080_8080L;

    /** Never 0: that is a free lane. */
    static int tag(final long hash) {
        final int tag = (int) (hash >>> Long.SIZE - Byte.SIZE);
        return tag + (tag - 1 >>> Integer.SIZE - 1);
    }

    /** Marks of the lanes that may hold {@code tag}; 0 when none does. */
    static long findTag(final MemorySegment index, final long bucket, final int tag) {
        return zeroLanes(index.get(LONG, bucket + TAGS) ^ tag * LANE_ONES);
    }

    /** Marks of the free lanes; 0 when the bucket is full. The lowest is exact. */
    static long findFree(final MemorySegment index, final long bucket) {
        return zeroLanes(index.get(LONG, bucket + TAGS));
    }

    /** The lane of the lowest mark; {@link #LANES} when there is none. */
    static int lane(final long marks) {
        return Long.numberOfTrailingZeros(marks) >>> LANE_SHIFT;
    }

    /** The marks without the lowest. */
    static long rest(final long marks) {
        return marks & marks - 1;
    }

    static int tagAt(final MemorySegment index, final long bucket, final int lane) {
        return Byte.toUnsignedInt(index.get(BYTE, bucket + TAGS + lane));
    }

    static int slotAt(final MemorySegment index, final long bucket, final int lane) {
        return index.get(INT, bucket + SLOTS + (long) lane * Integer.BYTES);
    }

    static void set(final MemorySegment index, final long bucket, final int lane, final int tag, final int slot) {
        index.set(INT, bucket + SLOTS + (long) lane * Integer.BYTES, slot);
        // Another worker that sees the tag sees its slot, and the entry that was written before.
        VarHandle.storeStoreFence();
        index.set(BYTE, bucket + TAGS + lane, (byte) tag);
    }

    static void clear(final MemorySegment index, final long bucket, final int lane) {
        index.set(BYTE, bucket + TAGS + lane, (byte) 0);
    }

    /** The top bit of each lane that is zero. */
    private static long zeroLanes(final long lanes) {
        return lanes - LANE_ONES & ~lanes & LANE_TOPS;
    }

    private FlowIndex() { }
}
