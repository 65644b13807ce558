// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static io.culvert.dataplane.wire.Wire.BYTE;
import static io.culvert.dataplane.wire.Wire.INT;
import static io.culvert.dataplane.wire.Wire.LONG;

import java.lang.foreign.MemorySegment;

/**
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3):
 * {@code HC' = ~(~HC + ~m + m')}. One's complement sums do not care for byte order, so fields are taken as they lie
 * in memory. A <em>delta</em> is the folded {@code ~m + m'} of all words a rewrite changes: computed once per flow,
 * added to each packet. A wrong checksum stays wrong by the same difference.
 */
public final class Checksum {
    private static final long LOW_32 = 0xFFFF_FFFFL;
    /** 65,535 times this is 1 modulo 2^64. */
    private static final long ALL_ONES_INVERSE = 0xFFFE_FFFE_FFFE_FFFFL;
    private static final long LARGEST_QUOTIENT = Long.divideUnsigned(-1L, 0xFFFF);

    /** Adds to a delta the change of one 32-bit field, or of two 16-bit fields side by side. */
    public static int delta(final int sum, final int from, final int to) {
        final long changed = (~from & LOW_32) + (to & LOW_32) + sum;
        return fold(changed);
    }

    /** {@link #delta(int, int, int)} for 64 bits. */
    public static int delta(final int sum, final long from, final long to) {
        return delta(delta(sum, (int) from, (int) to), (int) (from >>> Integer.SIZE), (int) (to >>> Integer.SIZE));
    }

    /** The checksum field after the rewrite that {@code delta} describes. */
    public static int update(final int checksum, final int delta) {
        // The same as ~(~HC + delta) in one's complement, with a borrow in place of the carry.
        final int difference = checksum - delta;
        return difference + (difference >> Integer.SIZE - 1) & 0xFFFF;
    }

    /** {@link #update} for UDP: none stays none, a computed zero is sent as all ones (RFC 768). */
    public static int updateUdp(final int checksum, final int delta) {
        if (checksum == 0) {
            return 0;
        }
        final int updated = update(checksum, delta);
        return updated == 0 ? 0xFFFF : updated;
    }

    /**
     * Whether the 20 bytes of an IPv4 header sum to all ones: whether the sum of its words is a multiple of 65,535, and
     * not 0, that is whether its product with the inverse of 65,535 modulo 2^64 is small.
     */
    public static boolean isIpv4HeaderRight(final MemorySegment frame) {
        final long a = frame.get(LONG, Ipv4.VERSION_IHL);
        final long b = frame.get(LONG, Ipv4.TTL);
        final long c = frame.get(INT, Ipv4.DESTINATION) & LOW_32;
        final long sum = (a & LOW_32) + (a >>> 32) + (b & LOW_32) + (b >>> 32) + c;
        return Long.compareUnsigned(sum * ALL_ONES_INVERSE - 1, LARGEST_QUOTIENT) < 0;
    }

    /** The one's complement sum of {@code length} bytes, folded to 16 bits; all ones over a right checksum. */
    public static int sum(final MemorySegment bytes, final long from, final int length) {
        long sum = 0;
        int at = 0;
        for (; at <= length - Integer.BYTES; at += Integer.BYTES) {
            sum += bytes.get(INT, from + at) & LOW_32;
        }
        for (int shift = 0; at < length; at++, shift += Byte.SIZE) {
            sum += (long) (bytes.get(BYTE, from + at) & 0xFF) << shift;
        }
        return fold(sum);
    }

    private static int fold(final long sum) {
        long folded = (sum & LOW_32) + (sum >>> 32);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        folded = (folded & 0xFFFF) + (folded >>> 16);
        return (int) ((folded & 0xFFFF) + (folded >>> 16));
    }

    private Checksum() { }
}
