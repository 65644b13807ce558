// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import java.lang.foreign.ValueLayout;

/**
 * How header bytes are read. Multi-byte fields stay in network order, as they lie in memory: they are compared and
 * copied, rarely added. {@link #host16} and {@link #net16} cross over where a number is meant. A header's view is
 * {@link #VIEW_BYTES} long, more than the longest header the relay rewrites, and always inside the packet's buffer.
 */
public final class Wire {
    /** Ethernet 14 + IPv4 20 + UDP 8 = 42, rounded up to a cache line. */
    public static final int VIEW_BYTES = 64;

    // A header starts at byte 14 of a frame, so nothing in it is aligned.
    public static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    public static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;
    public static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED;
    public static final ValueLayout.OfByte BYTE = ValueLayout.JAVA_BYTE;

    /** The 16-bit field in the low half, as a number. {@code FlowFile} refuses machines that are not little-endian. */
    public static int host16(final int network) {
        return Integer.reverseBytes(network) >>> Short.SIZE;
    }

    /** A number as a 16-bit field. */
    public static short net16(final int host) {
        return Short.reverseBytes((short) host);
    }

    private Wire() { }
}
