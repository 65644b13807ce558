// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/**
 * IPv4 without options behind an Ethernet header: offsets from the frame's first byte (RFC 791).
 * <pre>
 *  byte 0     1     2           4           6               8
 *    14 | v,ihl| tos | total len | id        | flags, offset |
 *    22 | ttl | prot | checksum  | source address            |
 *    30 | destination address    |
 * </pre>
 */
public final class Ipv4 {
    public static final int HEADER_LENGTH = 20;
    /** Bytes of a packet that every host takes (RFC 791 section 3.1); the protocol would do with less. */
    public static final int LEAST_MTU = 576;

    public static final int VERSION_IHL = Ethernet.HEADER_LENGTH;
    public static final int TOTAL_LENGTH = VERSION_IHL + 2;
    public static final int ID = VERSION_IHL + 4;
    public static final int FRAGMENT = VERSION_IHL + 6;
    public static final int TTL = VERSION_IHL + 8;
    public static final int PROTOCOL = VERSION_IHL + 9;
    public static final int CHECKSUM = VERSION_IHL + 10;
    public static final int SOURCE = VERSION_IHL + 12;
    public static final int DESTINATION = VERSION_IHL + 16;
    public static final int PAYLOAD = VERSION_IHL + HEADER_LENGTH;

    public static final int VERSION_4_NO_OPTIONS = 0x45;
    /** More-fragments and the offset, without don't-fragment, as they lie in memory. */
    public static final int FRAGMENT_MASK = 0xFF3F;
    /** Don't-fragment, as it lies in memory. */
    public static final int DONT_FRAGMENT = 0x0040;
    // Of the same 16 bits as a number.
    public static final int MORE_FRAGMENTS = 0x2000;
    /** Units of eight bytes. */
    public static final int OFFSET_MASK = 0x1FFF;

    public static final int ICMP = 1;
    public static final int UDP = 17;

    private Ipv4() { }
}
