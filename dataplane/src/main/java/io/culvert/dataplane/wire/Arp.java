// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static io.culvert.dataplane.wire.Wire.INT;
import static io.culvert.dataplane.wire.Wire.LONG;
import static io.culvert.dataplane.wire.Wire.SHORT;

import java.lang.foreign.MemorySegment;

/**
 * ARP for IPv4 over Ethernet: offsets from the frame's first byte (RFC 826).
 * <pre>
 *  byte 0          2          4     5     6         8
 *    14 | hardware | protocol | hl  | pl  | operation |
 *    22 | sender MAC                      | sender address
 *       |                  32 | target MAC            | target address 38..42
 * </pre>
 */
public final class Arp {
    public static final int LENGTH = 28;

    private static final int PREAMBLE = Ethernet.HEADER_LENGTH;
    private static final int OPERATION = PREAMBLE + 6;
    private static final int SENDER_MAC = PREAMBLE + 8;
    private static final int SENDER_ADDRESS = SENDER_MAC + 6;
    private static final int TARGET_MAC = SENDER_ADDRESS + 4;
    private static final int TARGET_ADDRESS = TARGET_MAC + 6;

    public static final int FRAME_LENGTH = PREAMBLE + LENGTH;

    public static final int REQUEST = 1;
    public static final int REPLY = 2;

    /** Hardware Ethernet (1), protocol IPv4 (0x0800), lengths 6 and 4: the first six bytes as they lie in memory. */
    private static final long ETHERNET_IPV4 = 0x0406_0008_0100L;

    /** @param available bytes of the frame. After true no accessor can fail. */
    public static boolean isValid(final MemorySegment frame, final int available) {
        return available >= FRAME_LENGTH && (frame.get(LONG, PREAMBLE) & 0xFFFF_FFFF_FFFFL) == ETHERNET_IPV4;
    }

    public static int operation(final MemorySegment frame) {
        return Wire.host16(frame.get(SHORT, OPERATION));
    }

    public static long senderMac(final MemorySegment frame) {
        return frame.get(LONG, SENDER_MAC) & Ethernet.MAC_MASK;
    }

    public static int senderAddress(final MemorySegment frame) {
        return frame.get(INT, SENDER_ADDRESS);
    }

    public static int targetAddress(final MemorySegment frame) {
        return frame.get(INT, TARGET_ADDRESS);
    }

    /** Writes a whole frame of {@link #FRAME_LENGTH} bytes. A {@code targetMac} of 0 asks everybody. */
    public static void write(final MemorySegment frame, final int operation, final long senderMac,
                             final int senderAddress, final long targetMac, final int targetAddress) {
        Ethernet.setAddresses(frame, targetMac == 0 ? Ethernet.BROADCAST : targetMac, senderMac);
        frame.set(SHORT, Ethernet.ETHERTYPE, Ethernet.ARP);
        frame.set(LONG, PREAMBLE, ETHERNET_IPV4 | (long) Wire.net16(operation) << 48);
        frame.set(LONG, SENDER_MAC, senderMac & Ethernet.MAC_MASK);
        frame.set(INT, SENDER_ADDRESS, senderAddress);
        frame.set(LONG, TARGET_MAC, targetMac & Ethernet.MAC_MASK);
        frame.set(INT, TARGET_ADDRESS, targetAddress);
    }

    private Arp() { }
}
