// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/**
 * IPv6 behind an Ethernet header: offsets from the frame's first byte (RFC 8200 section 3).
 * <pre>
 *  byte 0                     4                8      9       10
 *    14 | v, class, flow label | payload length | next | hop limit |
 *    22 | source address, 16 bytes             |
 *    38 | destination address, 16 bytes        |
 * </pre>
 */
public final class Ipv6 {
    public static final int HEADER_LENGTH = 40;
    /** Bytes of a packet that every link must carry (RFC 8200 section 5). */
    public static final int LEAST_MTU = 1_280;

    public static final int VERSION = Ethernet.HEADER_LENGTH;
    public static final int PAYLOAD_LENGTH = VERSION + 4;
    public static final int NEXT_HEADER = VERSION + 6;
    public static final int HOP_LIMIT = VERSION + 7;
    public static final int SOURCE = VERSION + 8;
    public static final int DESTINATION = SOURCE + Ipv6Address.LENGTH;
    public static final int PAYLOAD = VERSION + HEADER_LENGTH;

    // Next headers.
    public static final int HOP_BY_HOP = 0;
    public static final int UDP = 17;
    public static final int ROUTING = 43;
    public static final int FRAGMENT = 44;
    public static final int ICMPV6 = 58;
    public static final int DESTINATION_OPTIONS = 60;

    /** Extension headers come in units of eight bytes. */
    public static final int EXTENSION_UNIT = 8;
    /** In a routing header: its type, and how many hops are still to be visited. */
    public static final int ROUTING_TYPE = 2;
    public static final int SEGMENTS_LEFT = 3;

    /** In a fragment header: the offset in units of eight bytes, two reserved bits and more-fragments, 16 bits. */
    public static final int FRAGMENT_OFFSET = 2;
    // As they lie in memory.
    public static final int OFFSET_MASK = 0xF8FF;
    public static final int MORE_FRAGMENTS = 0x0100;

    /** How far the offset lies above the lowest bit, in host order; that bit says that more follow. */
    public static final int FRAGMENT_OFFSET_SHIFT = 3;
    public static final int FRAGMENT_ID = 4;

    /** Whether a fragment header with this field stands in front of a whole datagram (RFC 6946). */
    public static boolean isWhole(final int fragmentField) {
        return (fragmentField & (OFFSET_MASK | MORE_FRAGMENTS)) == 0;
    }

    private Ipv6() { }
}
