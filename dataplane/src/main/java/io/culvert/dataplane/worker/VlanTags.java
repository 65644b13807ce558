// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The 802.1Q tag of ports that have a VLAN: taken off right after receive and put on right before transmit, so that no
 * stage between them knows of it. A frame of another VLAN, or of none, goes no further: nothing leaks from one VLAN
 * into another. Priority and drop eligibility are not carried over: what leaves has both 0.
 */
final class VlanTags {
    static final int LENGTH = 4;

    private static final int CONTROL = Ethernet.ETHERTYPE + Short.BYTES;
    private static final int INNER_ETHERTYPE = Ethernet.ETHERTYPE + LENGTH;
    private static final int VID_MASK = Wire.net16(0x0FFF) & 0xFFFF;
    private static final int RIGHT = -1;

    /** Of each link, as in the tag; 0: its frames have none. */
    private final int[] vids;

    VlanTags(final List<Link> links) {
        vids = links.stream().mapToInt(link -> Wire.net16(link.vlan()) & 0xFFFF).toArray();
    }

    boolean isTagged(final int link) {
        return vids[link] != Link.UNTAGGED;
    }

    /** Whether this frame, whose outer EtherType is that of a tag, has another tag below, or one of a provider. */
    static boolean isTwofold(final MemorySegment frame, final int readable) {
        return Ethernet.etherType(frame) == Ethernet.QINQ
                || readable >= Ethernet.HEADER_LENGTH + LENGTH && isTag(frame.get(Wire.SHORT, INNER_ETHERTYPE));
    }

    private static boolean isTag(final short etherType) {
        return etherType == Ethernet.VLAN || etherType == Ethernet.QINQ;
    }

    /** Takes the tag off every received frame and drops those without it. @return bytes that no later stage sees */
    long takeOff(final Burst burst) {
        Parser.locate(burst);
        final int vid = vids[burst.ingress];
        final int received = burst.receivedCount;
        long bytes = 0;
        int right = 0;
        for (int i = 0; i < received; i++) {
            final long mbuf = burst.received.getAtIndex(JAVA_LONG, i);
            final int verdict = judge(mbuf, vid);
            if (verdict == RIGHT) {
                moveMacs(mbuf, LENGTH);
                burst.received.setAtIndex(JAVA_LONG, right++, mbuf);
                bytes += LENGTH;
            } else {
                bytes += Mbuf.packetLength(mbuf);
                burst.drop(mbuf, DropReason.of(verdict));
            }
        }
        burst.receivedCount = right;
        return bytes;
    }

    /** @return RIGHT, or the ordinal of a drop reason */
    private static int judge(final long mbuf, final int vid) {
        final int readable = Mbuf.dataLength(mbuf);
        if (readable < Ethernet.HEADER_LENGTH) {
            return DropReason.TRUNCATED.ordinal();
        }
        final long frame = Mbuf.data(mbuf);
        final short etherType = NativeMemory.getShort(frame + Ethernet.ETHERTYPE);
        if (etherType != Ethernet.VLAN) {
            return (etherType == Ethernet.QINQ ? DropReason.QINQ : DropReason.VLAN).ordinal();
        }
        if (readable < Ethernet.HEADER_LENGTH + LENGTH) {
            return DropReason.TRUNCATED.ordinal();
        }
        if (isTag(NativeMemory.getShort(frame + INNER_ETHERTYPE))) {
            return DropReason.QINQ.ordinal();
        }
        return (NativeMemory.getShort(frame + CONTROL) & VID_MASK) == vid ? RIGHT : DropReason.VLAN.ordinal();
    }

    /** Tags a frame that leaves by this link. @return false when its buffer has no room in front */
    boolean putOn(final long mbuf, final int link) {
        if (Mbuf.headroom(mbuf) < LENGTH) {
            return false;
        }
        moveMacs(mbuf, -LENGTH);
        final long frame = Mbuf.data(mbuf);
        NativeMemory.setShort(frame + Ethernet.ETHERTYPE, Ethernet.VLAN);
        NativeMemory.setShort(frame + CONTROL, (short) vids[link]);
        return true;
    }

    /** The frame begins so many bytes later, and its two MAC addresses with it. */
    private static void moveMacs(final long mbuf, final int bytes) {
        final long from = Mbuf.data(mbuf);
        final long first = NativeMemory.getLong(from);
        final int rest = NativeMemory.getInt(from + Long.BYTES);
        Mbuf.moveStart(mbuf, bytes);
        NativeMemory.setLong(from + bytes, first);
        NativeMemory.setInt(from + bytes + Long.BYTES, rest);
    }
}
