// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.MemorySegment;

/**
 * One bucket of the index: eight lanes of a 16-bit tag and a slot, in one cache line, so that a lookup that finds its
 * tag costs one miss here and one at the entry. A tag of 0 is a free lane.
 * <pre>
 *  byte 0      2             16        20             48      64
 *     0 | tag0 | tag1 ... tag7 | slot0  | ... slot7     | unused |
 * </pre>
 * All eight tags are compared at once, four to a long: a lane of {@code tags ^ tag} is zero where they are equal. The
 * outcome is a set of <em>marks</em>, one bit a lane, to be walked with {@link #lane} and {@link #rest}. The lowest
 * mark of each long is exact; one above it may be wrong, which the key comparison catches. A bucket is its offset in
 * the index, so that no call needs a view, which off the hottest path would be an object.
 */
final class FlowIndex {
    static final int BUCKET_LENGTH = 64;
    static final int LANES = 8;

    private static final int TAGS_LO = 0;
    private static final int TAGS_HI = TAGS_LO + Long.BYTES;
    private static final int SLOTS = TAGS_HI + Long.BYTES;

    private static final int LANES_PER_LONG = Long.SIZE / Short.SIZE;
    private static final long LANE_ONES = 0x0001_0001_0001_0001L;
    private static final long LANE_TOPS = 0x8000_8000_8000_8000L;

    /** Never 0: that is a free lane. */
    static int tag(final long hash) {
        return (int) (hash >>> (Long.SIZE - Short.SIZE)) | 1;
    }

    /** Marks of the lanes that may hold {@code tag}; 0 when none does. */
    static long findTag(final MemorySegment index, final long bucket, final int tag) {
        final long wanted = tag * LANE_ONES;
        return marks(index.get(JAVA_LONG, bucket + TAGS_LO) ^ wanted, index.get(JAVA_LONG, bucket + TAGS_HI) ^ wanted);
    }

    /** Marks of the free lanes; 0 when the bucket is full. The lowest is exact. */
    static long findFree(final MemorySegment index, final long bucket) {
        return marks(index.get(JAVA_LONG, bucket + TAGS_LO), index.get(JAVA_LONG, bucket + TAGS_HI));
    }

    /** The lane of the lowest mark. */
    static int lane(final long marks) {
        final int bit = Long.numberOfTrailingZeros(marks);
        return (bit & 1) * LANES_PER_LONG + bit / Short.SIZE;
    }

    /** The marks without the lowest. */
    static long rest(final long marks) {
        return marks & marks - 1;
    }

    static int tagAt(final MemorySegment index, final long bucket, final int lane) {
        return Short.toUnsignedInt(index.get(JAVA_SHORT, bucket + TAGS_LO + (long) lane * Short.BYTES));
    }

    static int slotAt(final MemorySegment index, final long bucket, final int lane) {
        return index.get(JAVA_INT, bucket + SLOTS + (long) lane * Integer.BYTES);
    }

    static void set(final MemorySegment index, final long bucket, final int lane, final int tag, final int slot) {
        index.set(JAVA_INT, bucket + SLOTS + (long) lane * Integer.BYTES, slot);
        index.set(JAVA_SHORT, bucket + TAGS_LO + (long) lane * Short.BYTES, (short) tag);
    }

    static void clear(final MemorySegment index, final long bucket, final int lane) {
        index.set(JAVA_SHORT, bucket + TAGS_LO + (long) lane * Short.BYTES, (short) 0);
    }

    /** One bit for each zero lane: bit 16k for lane k of the low long, bit 16k + 1 for lane k of the high one. */
    private static long marks(final long lo, final long hi) {
        return zeroLanes(lo) >>> Short.SIZE - 1 | zeroLanes(hi) >>> Short.SIZE - 2;
    }

    /** The top bit of each 16-bit lane that is zero. */
    private static long zeroLanes(final long lanes) {
        return lanes - LANE_ONES & ~lanes & LANE_TOPS;
    }

    private FlowIndex() { }
}
