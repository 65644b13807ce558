// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/**
 * ICMP behind IPv4 without options: offsets from the frame's first byte (RFC 792).
 * <pre>
 *  byte 0      1      2          4          6          8
 *    34 | type | code | checksum | id       | sequence |   echo
 *    34 | type | code | checksum | unused   | mtu      | the packet that caused it: header and 8 bytes or more
 * </pre>
 */
public final class Icmp {
    public static final int HEADER_LENGTH = 8;

    public static final int TYPE = Ipv4.PAYLOAD;
    public static final int CODE = TYPE + 1;
    public static final int CHECKSUM = TYPE + 2;
    /** The identifier of an echo. */
    public static final int IDENTIFIER = TYPE + 4;
    /** The packet that an error is about begins here. */
    public static final int QUOTE = TYPE + HEADER_LENGTH;

    public static final int ECHO_REPLY = 0;
    public static final int UNREACHABLE = 3;
    public static final int ECHO_REQUEST = 8;
    public static final int TIME_EXCEEDED = 11;
    public static final int PARAMETER_PROBLEM = 12;

    // Codes of UNREACHABLE.
    public static final int HOST_UNREACHABLE = 1;
    public static final int FRAGMENTATION_NEEDED = 4;
    public static final int PROHIBITED = 13;

    /** Types whose body quotes a packet and that concern its sender; redirects and source quench do not. */
    public static boolean isError(final int type) {
        return type == UNREACHABLE || type == TIME_EXCEEDED || type == PARAMETER_PROBLEM;
    }

    public static boolean isEcho(final int type) {
        return type == ECHO_REQUEST || type == ECHO_REPLY;
    }

    private Icmp() { }
}
