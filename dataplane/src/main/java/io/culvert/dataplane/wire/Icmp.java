// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/** ICMP behind IPv4 without options: offsets from the frame's first byte (RFC 792). */
public final class Icmp {
    public static final int HEADER_LENGTH = 8;

    public static final int TYPE = Ipv4.PAYLOAD;
    public static final int CODE = TYPE + 1;
    public static final int CHECKSUM = TYPE + 2;

    public static final int ECHO_REPLY = 0;
    public static final int ECHO_REQUEST = 8;

    private Icmp() { }
}
