// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static io.culvert.dataplane.wire.Wire.INT;
import static io.culvert.dataplane.wire.Wire.LONG;
import static io.culvert.dataplane.wire.Wire.SHORT;

import java.lang.foreign.MemorySegment;

/**
 * Ethernet II. A MAC address is a long whose lowest byte is the first on the wire.
 * <pre>
 *  byte 0            6            12          14
 *     0 | destination | source     | EtherType |
 * </pre>
 */
public final class Ethernet {
    public static final int HEADER_LENGTH = 14;

    public static final int DESTINATION = 0;
    public static final int SOURCE = 6;
    public static final int ETHERTYPE = 12;

    public static final long MAC_MASK = 0xFFFF_FFFF_FFFFL;
    public static final long BROADCAST = MAC_MASK;

    // EtherTypes as they lie in memory.
    public static final short IPV4 = Wire.net16(0x0800);
    public static final short ARP = Wire.net16(0x0806);
    public static final short VLAN = Wire.net16(0x8100);
    public static final short QINQ = Wire.net16(0x88A8);
    public static final short IPV6 = Wire.net16(0x86DD);

    public static long destination(final MemorySegment frame) {
        return frame.get(LONG, DESTINATION) & MAC_MASK;
    }

    public static long source(final MemorySegment frame) {
        return frame.get(LONG, SOURCE) & MAC_MASK;
    }

    public static short etherType(final MemorySegment frame) {
        return frame.get(SHORT, ETHERTYPE);
    }

    /** The group bit: broadcast and multicast. */
    public static boolean isGroup(final long mac) {
        return (mac & 1) != 0;
    }

    /** Whether a frame claims to come from a group, which nobody may be answered as (IEEE 802.3 3.2.4). */
    public static boolean isFromGroup(final MemorySegment frame) {
        return isGroup(source(frame));
    }

    public static void setAddresses(final MemorySegment frame, final long destination, final long source) {
        frame.set(LONG, DESTINATION, destination & MAC_MASK | source << 48);
        frame.set(INT, SOURCE + Short.BYTES, (int) (source >>> 16));
    }

    public static String format(final long mac) {
        final StringBuilder text = new StringBuilder(17);
        for (int shift = 0; shift < 48; shift += 8) {
            text.append(shift == 0 ? "" : ":").append(String.format("%02x", mac >>> shift & 0xFF));
        }
        return text.toString();
    }

    private Ethernet() { }
}
