// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.AddressSet;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * The first stage: bytes to flow keys, or a verdict. Every length is checked here, once; after it no stage can read
 * beyond a packet. One comparison chain decides that a packet is the common one: our MAC, IPv4 without options, not a
 * fragment, UDP, all lengths consistent, header checksum right. Whatever fails it is looked at again by
 * {@link #classify}, field by field, to name what is wrong or whom it is for.
 */
final class Parser {
    private static final int PREFIX_MASK = 0xFF_FFFF;
    /** EtherType IPv4, then version 4 with five words of header: three bytes as they lie in memory. */
    private static final int IPV4_NO_OPTIONS = Ipv4.VERSION_4_NO_OPTIONS << Short.SIZE | Ethernet.IPV4 & 0xFFFF;

    /** No fragment, and UDP: of the four bytes from {@link Ipv4#FRAGMENT} on. */
    private static final int PLAIN_UDP = Ipv4.UDP << 24;
    private static final int PLAIN_UDP_MASK = 0xFF << 24 | Ipv4.FRAGMENT_MASK;

    /** A buffer's length is a 16-bit number. */
    private static final int LONGEST_FRAME = 1 << Short.SIZE;

    // Verdicts of classify other than a drop reason's ordinal.
    private static final int FOR_ARP = -1;
    private static final int FOR_ECHO = -2;
    private static final int FOR_ICMP_RELAY = -3;
    private static final int FOR_FRAGMENTS = -4;

    private final FlowTable flows;
    private final AddressSet own;
    private final Martians martians;
    private final Host host;
    private final IcmpRelay icmp;
    private final Fragments fragments;
    private final Ipv6Walk ipv6;
    private final long[] macs;
    /** The packet that {@link #divert} looks at. */
    private final MemorySegment diverted;

    Parser(final List<Link> links, final FlowTable flows, final AddressSet own, final Martians martians,
           final Host host, final IcmpRelay icmp, final Fragments fragments, final Ipv6Walk ipv6, final Arena arena) {
        this.flows = flows;
        this.own = own;
        this.martians = martians;
        this.host = host;
        this.icmp = icmp;
        this.fragments = fragments;
        this.ipv6 = ipv6;
        this.diverted = NativeMemory.unscoped(arena.allocate(LONGEST_FRAME, Long.BYTES));
        this.macs = links.stream().mapToLong(Link::mac).toArray();
    }

    /** @return bytes received */
    long parse(final Burst burst) {
        locate(burst);
        final int received = burst.receivedCount;
        long bytes = 0;
        for (int from = 0; from < received; from += Burst.CHUNK) {
            final int parsed = burst.count;
            bytes += parse(burst, from, Math.min(from + Burst.CHUNK, received));
            burst.fetch(Burst.BUCKET, parsed, burst.count);
        }
        for (int i = 0; i < burst.divertedCount; i++) {
            divert(burst, burst.received.getAtIndex(LONG, i));
        }
        return bytes;
    }

    /** Without a call in the loop: it would cost the loop its registers. @return bytes received */
    private long parse(final Burst burst, final int from, final int to) {
        final MemorySegment packets = burst.lines();
        final MemorySegment aside = burst.received();
        final FlowTable table = flows;
        final long mac = macs[burst.ingress];
        int divertedCount = burst.divertedCount;
        int flagsOfAll = -1;
        long bytes = 0;
        int dense = burst.count;
        final int end = Burst.end(to);
        for (int i = from & Burst.CAPACITY - 1; i < end; i++) {
            final MemorySegment located = CacheLines.line(packets, i);
            final long mbuf = located.get(LONG, Burst.MBUF);
            final long data = located.get(LONG, Burst.FRAME);
            final MemorySegment buffer = Mbuf.view(mbuf);
            final int frameLength = Mbuf.packetLength(buffer);
            final MemorySegment frame = NativeMemory.view(data, Wire.VIEW_BYTES);
            bytes += frameLength;

            final long word12 = frame.get(Wire.LONG, Ethernet.ETHERTYPE);
            final int fragmentTtlProtocol = frame.get(Wire.INT, Ipv4.FRAGMENT);
            final int totalLength = Wire.host16((int) (word12 >>> Integer.SIZE));
            final int udpLength = Wire.host16(frame.get(Wire.SHORT, Udp.LENGTH));
            final boolean relayable = Ethernet.destination(frame) == mac
                    && (word12 & PREFIX_MASK) == IPV4_NO_OPTIONS
                    && (fragmentTtlProtocol & PLAIN_UDP_MASK) == PLAIN_UDP
                    && udpLength >= Udp.HEADER_LENGTH
                    && udpLength <= totalLength - Ipv4.HEADER_LENGTH
                    && totalLength + Ethernet.HEADER_LENGTH <= frameLength
                    && Mbuf.dataLength(buffer) >= Udp.END
                    && Checksum.isIpv4HeaderRight(frame);
            if (!relayable) {
                aside.setAtIndex(LONG, divertedCount++, mbuf);
                continue;
            }
            if (totalLength + Ethernet.HEADER_LENGTH < frameLength) {
                trim(mbuf, totalLength + Ethernet.HEADER_LENGTH);
            }
            flagsOfAll &= fragmentTtlProtocol;
            final long keyLo = frame.get(Wire.LONG, Ipv4.SOURCE);
            final long keyHi = FlowEntry.keyHi(frame.get(Wire.INT, Udp.PORTS), Ipv4.UDP);
            final long hash = table.hash(keyLo, keyHi);
            final MemorySegment packet = CacheLines.line(packets, dense++);
            packet.set(LONG, Burst.MBUF, mbuf);
            packet.set(LONG, Burst.FRAME, data);
            packet.set(LONG, Burst.KEY_LO, keyLo);
            packet.set(LONG, Burst.KEY_HI, keyHi);
            packet.set(LONG, Burst.HASH, hash);
            packet.set(LONG, Burst.BUCKET, table.bucketAddress(hash));
            packet.set(INT, Burst.LENGTH, totalLength);
        }
        burst.mayBeCut |= (flagsOfAll & Ipv4.DONT_FRAGMENT) == 0;
        burst.count = dense;
        burst.divertedCount = divertedCount;
        return bytes;
    }

    /** Has the header lines of all packets fetched before the first is read. */
    static void locate(final Burst burst) {
        final MemorySegment mbufs = burst.received();
        final MemorySegment packets = burst.lines();
        final int received = Burst.end(burst.receivedCount);
        for (int i = 0; i < received; i++) {
            final long mbuf = mbufs.getAtIndex(LONG, i);
            final MemorySegment packet = CacheLines.line(packets, i);
            packet.set(LONG, Burst.MBUF, mbuf);
            packet.set(LONG, Burst.FRAME, Mbuf.data(Mbuf.view(mbuf)));
        }
        burst.fetch(Burst.FRAME, 0, received);
    }

    /** Ethernet padding behind the IP packet is not payload and is not sent on. */
    static void trim(final long mbuf, final int frameLength) {
        // Only a packet in one segment: a longer chain has no padding worth the walk to its end.
        if (Mbuf.isWhole(mbuf)) {
            Mbuf.setLength(mbuf, frameLength);
        }
    }

    private void divert(final Burst burst, final long mbuf) {
        final long data = Mbuf.data(mbuf);
        final int frameLength = Mbuf.packetLength(mbuf);
        final int readable = Math.min(frameLength, Mbuf.dataLength(mbuf));
        if (readable >= Ethernet.HEADER_LENGTH && NativeMemory.getShort(data + Ethernet.ETHERTYPE) == Ethernet.IPV6) {
            ipv6.setAside(mbuf);
            return;
        }
        // A copy, not a view: that would go to methods which are not compiled as one with this, and be an object.
        NativeMemory.read(data, diverted, Wire.VIEW_BYTES);
        if (diverted.get(Wire.BYTE, Ipv4.PROTOCOL) == Ipv4.ICMP && readable > Wire.VIEW_BYTES) {
            NativeMemory.read(data, diverted, readable); // ICMP is summed as a whole
        }
        final int verdict = classify(readable, frameLength, macs[burst.ingress]);
        if (verdict == FOR_ARP) {
            host.answerArp(burst, mbuf, diverted);
            NativeMemory.write(data, diverted, Wire.VIEW_BYTES);
        } else if (verdict == FOR_ECHO) {
            host.answerEcho(burst, mbuf, diverted);
            NativeMemory.write(data, diverted, Wire.VIEW_BYTES);
        } else if (verdict == FOR_ICMP_RELAY) {
            icmp.relay(burst, mbuf, diverted);
        } else if (verdict == FOR_FRAGMENTS) {
            fragments.add(mbuf);
        } else {
            burst.drop(mbuf, DropReason.of(verdict));
        }
    }

    /**
     * What the packet in {@link #diverted}, which is not relayable, is.
     *
     * @param readable bytes of it that lie in the first segment
     * @return the ordinal of a drop reason, or one of the verdicts above
     */
    private int classify(final int readable, final int frameLength, final long mac) {
        if (readable < Ethernet.HEADER_LENGTH) {
            return DropReason.TRUNCATED.ordinal();
        }
        final long destination = Ethernet.destination(diverted);
        final short etherType = Ethernet.etherType(diverted);
        if (destination != mac && !Ethernet.isGroup(destination)) {
            return DropReason.NOT_FOR_US.ordinal();
        }
        if (etherType == Ethernet.ARP) {
            return FOR_ARP;
        }
        if (etherType == Ethernet.IPV4) {
            return destination == mac ? classifyIpv4(readable, frameLength) : DropReason.NOT_FOR_US.ordinal();
        }
        if (etherType == Ethernet.VLAN || etherType == Ethernet.QINQ) {
            return (VlanTags.isTwofold(diverted, readable) ? DropReason.QINQ : DropReason.VLAN).ordinal();
        }
        return DropReason.UNKNOWN_ETHERTYPE.ordinal();
    }

    private int classifyIpv4(final int readable, final int frameLength) {
        final int available = frameLength - Ethernet.HEADER_LENGTH;
        if (available < Ipv4.HEADER_LENGTH || readable < Ipv4.PAYLOAD) {
            return DropReason.TRUNCATED.ordinal();
        }
        final int versionIhl = diverted.get(Wire.BYTE, Ipv4.VERSION_IHL) & 0xFF;
        final int headerLength = (versionIhl & 0xF) * Integer.BYTES;
        final int totalLength = Wire.host16(diverted.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
        if (versionIhl >>> 4 != 4 || headerLength < Ipv4.HEADER_LENGTH || totalLength < headerLength) {
            return DropReason.BAD_IP_HEADER.ordinal();
        }
        if (headerLength > available || totalLength > available) {
            return DropReason.TRUNCATED.ordinal();
        }
        if (headerLength > Ipv4.HEADER_LENGTH) {
            return DropReason.IP_OPTIONS.ordinal();
        }
        if (!Checksum.isIpv4HeaderRight(diverted)) {
            return DropReason.BAD_CHECKSUM.ordinal();
        }
        if ((diverted.get(Wire.SHORT, Ipv4.FRAGMENT) & Ipv4.FRAGMENT_MASK) != 0) {
            return FOR_FRAGMENTS;
        }
        final int protocol = diverted.get(Wire.BYTE, Ipv4.PROTOCOL) & 0xFF;
        if (protocol == Ipv4.ICMP) {
            return classifyIcmp(Math.min(readable, totalLength + Ethernet.HEADER_LENGTH), totalLength);
        }
        if (protocol != Ipv4.UDP) {
            return DropReason.NOT_UDP.ordinal();
        }
        if (totalLength < Ipv4.HEADER_LENGTH + Udp.HEADER_LENGTH || readable < Udp.END) {
            return DropReason.TRUNCATED.ordinal();
        }
        // Nothing else of the chain is left that can have failed.
        return DropReason.BAD_UDP_LENGTH.ordinal();
    }

    private int classifyIcmp(final int readable, final int totalLength) {
        if (totalLength < Ipv4.HEADER_LENGTH + Icmp.HEADER_LENGTH || readable < Ipv4.PAYLOAD + Icmp.HEADER_LENGTH) {
            return DropReason.TRUNCATED.ordinal();
        }
        final int type = diverted.get(Wire.BYTE, Icmp.TYPE) & 0xFF;
        final boolean isForEcho = type == Icmp.ECHO_REQUEST && diverted.get(Wire.BYTE, Icmp.CODE) == 0
                && own.contains(diverted.get(Wire.INT, Ipv4.DESTINATION));
        // What is relayed must be summed, so it must not continue in another segment.
        final boolean isWhole = readable == totalLength + Ethernet.HEADER_LENGTH;
        final boolean isForRelay = isWhole && (Icmp.isError(type) || icmp.relaysEcho(diverted));
        if (!isForEcho && !isForRelay) {
            return DropReason.ICMP_UNSUPPORTED.ordinal();
        }
        final int source = diverted.get(Wire.INT, Ipv4.SOURCE);
        if (martians.contains(source) || Ethernet.isFromGroup(diverted)) {
            return DropReason.MARTIAN.ordinal();
        }
        // A request that continues in another segment is not summed: the answer keeps a wrong checksum wrong.
        if (isWhole && Checksum.sum(diverted, Icmp.TYPE, totalLength - Ipv4.HEADER_LENGTH) != 0xFFFF) {
            return DropReason.BAD_CHECKSUM.ordinal();
        }
        return isForRelay ? FOR_ICMP_RELAY : FOR_ECHO;
    }
}
