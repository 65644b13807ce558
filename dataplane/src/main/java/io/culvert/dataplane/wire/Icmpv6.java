// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import java.lang.foreign.MemorySegment;

/**
 * ICMPv6 behind an IPv6 header without extension headers: offsets from the frame's first byte (RFC 4443).
 * <pre>
 *  byte 0      1      2          4               8
 *    54 | type | code | checksum | id, sequence  |            echo
 *    54 | type | code | checksum | unused or MTU | as much as fits of the packet that caused it
 * </pre>
 */
public final class Icmpv6 {
    public static final int HEADER_LENGTH = 8;

    public static final int TYPE = Ipv6.PAYLOAD;
    public static final int CODE = TYPE + 1;
    public static final int CHECKSUM = TYPE + 2;
    public static final int MTU = TYPE + 4;
    /** The packet that an error is about begins here. */
    public static final int QUOTE = TYPE + HEADER_LENGTH;

    public static final int UNREACHABLE = 1;
    /** Codes of {@link #UNREACHABLE}. */
    public static final int PROHIBITED = 1;
    public static final int ADDRESS_UNREACHABLE = 3;
    public static final int PACKET_TOO_BIG = 2;
    public static final int TIME_EXCEEDED = 3;
    public static final int PARAMETER_PROBLEM = 4;
    public static final int ECHO_REQUEST = 128;
    public static final int ECHO_REPLY = 129;

    /** Types whose body quotes a packet and that concern its sender. */
    public static boolean isError(final int type) {
        return type >= UNREACHABLE && type <= PARAMETER_PROBLEM;
    }

    /**
     * The sum of the pseudo header and of the payload, folded to 16 bits; all ones over a right checksum.
     *
     * @param length of the ICMPv6 packet, bytes
     */
    public static int sum(final MemorySegment frame, final int length) {
        final int addresses = Checksum.sum(frame, Ipv6.SOURCE, 2 * Ipv6Address.LENGTH);
        final int pseudo = Wire.net16(length) & 0xFFFF | Wire.net16(Ipv6.ICMPV6) << Short.SIZE;
        final int payload = Checksum.sum(frame, TYPE, length);
        // A delta from all ones, which is the same as zero, adds.
        return Checksum.delta(addresses + payload, -1, pseudo);
    }

    /** Writes the checksum of a packet that is finished but for it. */
    public static void seal(final MemorySegment frame, final int length) {
        frame.set(Wire.SHORT, CHECKSUM, (short) 0);
        frame.set(Wire.SHORT, CHECKSUM, (short) ~sum(frame, length));
    }

    private Icmpv6() { }
}
