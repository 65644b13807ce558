// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/**
 * UDP behind IPv4 without options: offsets from the frame's first byte (RFC 768).
 * <pre>
 *  byte 0         2           4        6          8
 *    34 | source  | dest port | length | checksum |
 * </pre>
 * A checksum of 0 says that there is none; a computed 0 is sent as 0xFFFF.
 */
public final class Udp {
    public static final int HEADER_LENGTH = 8;

    public static final int PORTS = Ipv4.PAYLOAD;
    public static final int LENGTH = PORTS + 4;
    public static final int CHECKSUM = PORTS + 6;
    public static final int END = PORTS + HEADER_LENGTH;

    private Udp() { }
}
