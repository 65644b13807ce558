// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static io.culvert.dataplane.wire.Wire.BYTE;
import static io.culvert.dataplane.wire.Wire.INT;
import static io.culvert.dataplane.wire.Wire.LONG;
import static io.culvert.dataplane.wire.Wire.SHORT;

import java.lang.foreign.MemorySegment;

/**
 * Neighbor solicitation and advertisement: offsets from the frame's first byte (RFC 4861 sections 4.3, 4.4, 4.6.1).
 * <pre>
 *  byte 0      1      2          4                        8
 *    54 | type | code | checksum | R, S, O and 29 unused  | target address, 16 bytes
 *    78 | options: type, length in units of 8 bytes, link-layer address
 * </pre>
 */
public final class Nd {
    public static final int SOLICITATION = 135;
    public static final int ADVERTISEMENT = 136;
    /** Whoever forwards a packet lowers it: a packet that still has it was sent on this link (RFC 4861 3.1). */
    public static final int HOP_LIMIT = 255;

    public static final int TARGET = Icmpv6.TYPE + 8;
    private static final int FLAGS = Icmpv6.TYPE + 4;
    private static final int OPTIONS = TARGET + Ipv6Address.LENGTH;
    private static final int SHORTEST = OPTIONS - Icmpv6.TYPE;

    private static final int SOURCE_LINK_LAYER = 1;
    private static final int TARGET_LINK_LAYER = 2;
    private static final int OPTION_UNIT = 8;
    // Flags of an advertisement, in its first byte.
    private static final int SOLICITED = 0x40;
    private static final int OVERRIDE = 0x20;

    /** With the one option that this relay sends. */
    public static final int FRAME_LENGTH = OPTIONS + OPTION_UNIT;

    /** {@link #linkLayerAddress} when the packet has none. */
    public static final long NO_MAC = 0;

    /**
     * The checks of RFC 4861 7.1.1 and 7.1.2. After true no accessor can fail.
     *
     * @param length of the ICMPv6 packet, bytes, all of them in {@code frame}
     */
    public static boolean isValid(final MemorySegment frame, final int length) {
        if ((frame.get(BYTE, Ipv6.HOP_LIMIT) & 0xFF) != HOP_LIMIT || frame.get(BYTE, Icmpv6.CODE) != 0
                || length < SHORTEST || Ipv6Address.isMulticast(frame.get(LONG, TARGET))
                || Icmpv6.sum(frame, length) != 0xFFFF) {
            return false;
        }
        for (int at = OPTIONS; at < Icmpv6.TYPE + length; at += optionLength(frame, at)) {
            if (Icmpv6.TYPE + length - at < OPTION_UNIT || optionLength(frame, at) == 0
                    || at + optionLength(frame, at) > Icmpv6.TYPE + length) {
                return false;
            }
        }
        final boolean toGroup = Ipv6Address.isMulticast(frame.get(LONG, Ipv6.DESTINATION));
        if (type(frame) == ADVERTISEMENT) {
            return !(toGroup && isSolicited(frame));
        }
        return !isFromNobody(frame) || toGroup && linkLayerAddress(frame, length) == NO_MAC;
    }

    public static int type(final MemorySegment frame) {
        return frame.get(BYTE, Icmpv6.TYPE) & 0xFF;
    }

    /** Sent from the unspecified address: a station that finds out whether the target is free (RFC 4862 5.4). */
    public static boolean isFromNobody(final MemorySegment frame) {
        return (frame.get(LONG, Ipv6.SOURCE) | frame.get(LONG, Ipv6.SOURCE + Long.BYTES)) == 0;
    }

    /** Whether a known address may be replaced by this advertisement's. */
    public static boolean overrides(final MemorySegment frame) {
        return (frame.get(BYTE, FLAGS) & OVERRIDE) != 0;
    }

    /** Of an advertisement: whether it answers a solicitation. */
    public static boolean isSolicited(final MemorySegment frame) {
        return (frame.get(BYTE, FLAGS) & SOLICITED) != 0;
    }

    /** The MAC address that the packet gives for its sender or its target, or NO_MAC. */
    public static long linkLayerAddress(final MemorySegment frame, final int length) {
        final int wanted = type(frame) == SOLICITATION ? SOURCE_LINK_LAYER : TARGET_LINK_LAYER;
        for (int at = OPTIONS; at < Icmpv6.TYPE + length; at += optionLength(frame, at)) {
            if (frame.get(BYTE, at) == wanted) {
                return frame.get(LONG, at) >>> Short.SIZE & Ethernet.MAC_MASK;
            }
        }
        return NO_MAC;
    }

    private static int optionLength(final MemorySegment frame, final int at) {
        return (frame.get(BYTE, at + 1) & 0xFF) * OPTION_UNIT;
    }

    /** Writes a whole solicitation of {@link #FRAME_LENGTH} bytes. A {@code targetMac} of 0 asks everybody. */
    public static void writeSolicitation(final MemorySegment frame, final long mac, final long sourceHigh,
                                         final long sourceLow, final long targetMac, final long targetHigh,
                                         final long targetLow) {
        final boolean asksAll = targetMac == 0;
        final long low = asksAll ? Ipv6Address.solicitedNodeLow(targetLow) : targetLow;
        Ethernet.setAddresses(frame, asksAll ? Ipv6Address.multicastMac(low) : targetMac, mac);
        setAddress(frame, Ipv6.SOURCE, sourceHigh, sourceLow);
        setAddress(frame, Ipv6.DESTINATION, asksAll ? Ipv6Address.solicitedNodeHigh() : targetHigh, low);
        write(frame, SOLICITATION, 0, targetHigh, targetLow, SOURCE_LINK_LAYER, mac);
    }

    /**
     * Turns a valid solicitation into the advertisement that answers it, of {@link #FRAME_LENGTH} bytes: to its sender,
     * or to all nodes when that has no address yet (RFC 4861 7.2.4).
     */
    public static void writeAdvertisement(final MemorySegment frame, final long mac, final long receiverMac) {
        final boolean toAll = isFromNobody(frame);
        final long high = frame.get(LONG, TARGET);
        final long low = frame.get(LONG, TARGET + Long.BYTES);
        Ethernet.setAddresses(frame, toAll ? Ipv6Address.multicastMac(Ipv6Address.allNodesLow()) : receiverMac, mac);
        if (toAll) {
            setAddress(frame, Ipv6.DESTINATION, Ipv6Address.solicitedNodeHigh(), Ipv6Address.allNodesLow());
        } else {
            setAddress(frame, Ipv6.DESTINATION, frame.get(LONG, Ipv6.SOURCE),
                    frame.get(LONG, Ipv6.SOURCE + Long.BYTES));
        }
        setAddress(frame, Ipv6.SOURCE, high, low);
        write(frame, ADVERTISEMENT, toAll ? OVERRIDE : SOLICITED | OVERRIDE, high, low, TARGET_LINK_LAYER, mac);
    }

    private static void write(final MemorySegment frame, final int type, final int flags, final long targetHigh,
                              final long targetLow, final int option, final long mac) {
        final int length = FRAME_LENGTH - Ipv6.PAYLOAD;
        frame.set(SHORT, Ethernet.ETHERTYPE, Ethernet.IPV6);
        frame.set(INT, Ipv6.VERSION, 0x60);
        frame.set(SHORT, Ipv6.PAYLOAD_LENGTH, Wire.net16(length));
        frame.set(BYTE, Ipv6.NEXT_HEADER, (byte) Ipv6.ICMPV6);
        frame.set(BYTE, Ipv6.HOP_LIMIT, (byte) HOP_LIMIT);
        frame.set(BYTE, Icmpv6.TYPE, (byte) type);
        frame.set(BYTE, Icmpv6.CODE, (byte) 0);
        frame.set(INT, FLAGS, flags);
        setAddress(frame, TARGET, targetHigh, targetLow);
        frame.set(LONG, OPTIONS, option | 1L << Byte.SIZE | mac << Short.SIZE);
        Icmpv6.seal(frame, length);
    }

    private static void setAddress(final MemorySegment frame, final int at, final long high, final long low) {
        frame.set(LONG, at, high);
        frame.set(LONG, at + Long.BYTES, low);
    }

    private Nd() { }
}
