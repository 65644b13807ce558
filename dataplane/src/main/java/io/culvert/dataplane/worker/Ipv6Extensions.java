// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Nd;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The IPv6 packets that are not plain UDP: finds UDP behind extension headers, hands what is for the relay itself to
 * {@link Ipv6Host}, errors to {@link Icmpv6Relay} and fragments to {@link Fragments}, and names what is wrong with the
 * rest. The chain of headers is followed for a bounded way (RFC 7045, RFC 8200 section 4). Owned by one worker.
 */
final class Ipv6Extensions {
    /** Those that RFC 8200 section 4.1 allows in one packet. */
    private static final int HEADERS_LIMIT = 7;
    /** A buffer's length is a 16-bit number. */
    private static final int LONGEST_FRAME = 1 << Short.SIZE;
    private static final int TAKEN = 0;
    private static final long ALL_NODES = Ipv6Address.multicastMac(Ipv6Address.allNodesLow());
    /** RFC 5095: deprecated, and not to be followed. */
    private static final int SOURCE_ROUTE = 0;

    private static final int QUOTED_NEXT_HEADER = Ipv6.NEXT_HEADER - Ethernet.HEADER_LENGTH;

    private final Ipv6Host host;
    private final Icmpv6Relay icmp;
    private final Fragments fragments;
    /** The packet that is looked at: a copy, for a view would be an object. */
    private final MemorySegment packet;

    Ipv6Extensions(final Ipv6Host host, final Icmpv6Relay icmp, final Fragments fragments, final Arena arena) {
        this.host = host;
        this.icmp = icmp;
        this.fragments = fragments;
        this.packet = NativeMemory.unscoped(arena.allocate(LONGEST_FRAME, Long.BYTES));
    }

    /**
     * Takes a packet to its end, or finds its UDP header.
     *
     * @param mac of the link it came in on
     * @return where the UDP header lies, from the frame's first byte; 0 when the packet has been taken
     */
    int unwrap(final Burst burst, final long mbuf, final long mac) {
        final int frameLength = Mbuf.packetLength(mbuf);
        final int readable = Math.min(frameLength, Mbuf.dataLength(mbuf));
        NativeMemory.read(Mbuf.data(mbuf), packet, Math.max(readable, Wire.VIEW_BYTES));
        final int wrong = checkHeader(burst.ingress, readable, frameLength, mac);
        final int at = wrong < 0 ? wrong : follow(burst, mbuf, readable);
        if (at < 0) {
            burst.drop(mbuf, DropReason.of(~at));
            return TAKEN;
        }
        return at;
    }

    /** @return 0, or the complement (~) of a drop reason's ordinal */
    private int checkHeader(final int link, final int readable, final int frameLength, final long mac) {
        final long destination = Ethernet.destination(packet);
        final boolean isGroup = Ethernet.isGroup(destination);
        if (destination != mac && !isGroup) {
            return ~DropReason.NOT_FOR_US.ordinal();
        }
        if (!host.speaksIpv6(link)) {
            return ~DropReason.IPV6.ordinal();
        }
        if (readable < Ipv6.PAYLOAD) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        if (isGroup && !concernsUs(link, destination, readable)) {
            return ~DropReason.NOT_FOR_US.ordinal();
        }
        final int payloadLength = Wire.host16(packet.get(Wire.SHORT, Ipv6.PAYLOAD_LENGTH));
        if ((packet.get(Wire.BYTE, Ipv6.VERSION) & 0xF0) != 0x60) {
            return ~DropReason.BAD_IP_HEADER.ordinal();
        }
        return payloadLength + Ipv6.PAYLOAD > frameLength ? ~DropReason.TRUNCATED.ordinal() : 0;
    }

    /** Of what goes to a group: who looks for one of our addresses, and what neighbours tell all nodes. */
    private boolean concernsUs(final int link, final long group, final int readable) {
        if (packet.get(Wire.BYTE, Ipv6.NEXT_HEADER) != Ipv6.ICMPV6 || readable < Nd.TARGET + Ipv6Address.LENGTH) {
            return false;
        }
        return Nd.type(packet) == Nd.ADVERTISEMENT && group == ALL_NODES
                || Nd.type(packet) == Nd.SOLICITATION && host.listensTo(link, group,
                        packet.get(Wire.LONG, Nd.TARGET), packet.get(Wire.LONG, Nd.TARGET + Long.BYTES));
    }

    /** @return where UDP lies, TAKEN, or the complement (~) of a drop reason's ordinal */
    private int follow(final Burst burst, final long mbuf, final int readable) {
        final int end = Ipv6.PAYLOAD + Wire.host16(packet.get(Wire.SHORT, Ipv6.PAYLOAD_LENGTH));
        int next = packet.get(Wire.BYTE, Ipv6.NEXT_HEADER) & 0xFF;
        int at = Ipv6.PAYLOAD;
        for (int headers = 0; headers <= HEADERS_LIMIT; headers++) {
            if (next == Ipv6.UDP) {
                return checkUdp(at, end, readable);
            }
            if (next == Ipv6.ICMPV6) {
                return at == Ipv6.PAYLOAD ? takeIcmp(burst, mbuf, end - at, readable)
                        : ~DropReason.ICMP_UNSUPPORTED.ordinal();
            }
            if (!isSkipped(next, at)) {
                final boolean isExtension = next == Ipv6.HOP_BY_HOP || next == Ipv6.ROUTING;
                return ~(isExtension ? DropReason.EXTENSION_HEADERS : DropReason.NOT_UDP).ordinal();
            }
            if (at + Ipv6.EXTENSION_UNIT > Math.min(end, readable)) {
                return ~DropReason.TRUNCATED.ordinal();
            }
            if (next == Ipv6.ROUTING && !isThrough(at)) {
                return ~DropReason.EXTENSION_HEADERS.ordinal();
            }
            if (next == Ipv6.FRAGMENT && !Ipv6.isWhole(packet.get(Wire.SHORT, at + Ipv6.FRAGMENT_OFFSET))) {
                fragments.add(mbuf);
                return TAKEN;
            }
            // A fragment header's second byte is reserved and its length fixed.
            final int units = next == Ipv6.FRAGMENT ? 0 : packet.get(Wire.BYTE, at + 1) & 0xFF;
            next = packet.get(Wire.BYTE, at) & 0xFF;
            at += (units + 1) * Ipv6.EXTENSION_UNIT;
        }
        return ~DropReason.EXTENSION_HEADERS.ordinal();
    }

    /** Whether what lies here may stand before UDP: hop-by-hop options only in front (RFC 8200 4.3). */
    private static boolean isSkipped(final int header, final int at) {
        return header == Ipv6.DESTINATION_OPTIONS || header == Ipv6.ROUTING || header == Ipv6.FRAGMENT
                || header == Ipv6.HOP_BY_HOP && at == Ipv6.PAYLOAD;
    }

    /** Whether the packet has visited all hops of its routing header: else we would have to be one. */
    private boolean isThrough(final int at) {
        return packet.get(Wire.BYTE, at + Ipv6.ROUTING_TYPE) != SOURCE_ROUTE
                && packet.get(Wire.BYTE, at + Ipv6.SEGMENTS_LEFT) == 0;
    }

    private int checkUdp(final int at, final int end, final int readable) {
        if (at + Udp.HEADER_LENGTH > Math.min(end, readable)) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        final int udpLength = Wire.host16(packet.get(Wire.SHORT, at + Udp.LENGTH - Udp.PORTS));
        if (udpLength < Udp.HEADER_LENGTH || at + udpLength > end) {
            return ~DropReason.BAD_UDP_LENGTH.ordinal();
        }
        return packet.get(Wire.SHORT, at + Udp.CHECKSUM - Udp.PORTS) == 0
                ? ~DropReason.UDP_CHECKSUM_ABSENT.ordinal() : at;
    }

    private int takeIcmp(final Burst burst, final long mbuf, final int length, final int readable) {
        if (length < Icmpv6.HEADER_LENGTH || readable < Icmpv6.QUOTE) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        final int type = packet.get(Wire.BYTE, Icmpv6.TYPE) & 0xFF;
        if (type == Nd.SOLICITATION || type == Nd.ADVERTISEMENT) {
            host.discover(burst, mbuf, packet, length);
            return TAKEN;
        }
        if (type == Icmpv6.ECHO_REQUEST && packet.get(Wire.BYTE, Icmpv6.CODE) == 0
                && host.owns(burst.ingress, packet.get(Wire.LONG, Ipv6.DESTINATION),
                        packet.get(Wire.LONG, Ipv6.DESTINATION + Long.BYTES))) {
            host.answerEcho(burst, mbuf, packet, length);
            return TAKEN;
        }
        if (Icmpv6.isError(type)) {
            return takeError(burst, mbuf, length, readable);
        }
        return ~DropReason.ICMP_UNSUPPORTED.ordinal();
    }

    private int takeError(final Burst burst, final long mbuf, final int length, final int readable) {
        final int end = Math.min(Icmpv6.TYPE + length, readable);
        if (end < Icmpv6.QUOTE + Ipv6.HEADER_LENGTH) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        if ((packet.get(Wire.BYTE, Icmpv6.QUOTE) & 0xF0) != 0x60) {
            return ~DropReason.BAD_IP_HEADER.ordinal();
        }
        if (host.owns(burst.ingress, packet.get(Wire.LONG, Ipv6.SOURCE),
                packet.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES))) {
            return ~DropReason.MARTIAN.ordinal();
        }
        final int ports = quotedUdp(end);
        if (ports > 0) {
            icmp.relay(burst, mbuf, packet, length, ports);
            return TAKEN;
        }
        return ports;
    }

    /** @return where the quoted UDP header lies, whole, or the complement (~) of a drop reason's ordinal */
    private int quotedUdp(final int end) {
        int next = packet.get(Wire.BYTE, Icmpv6.QUOTE + QUOTED_NEXT_HEADER) & 0xFF;
        int at = Icmpv6.QUOTE + Ipv6.HEADER_LENGTH;
        for (int headers = 0; headers <= HEADERS_LIMIT && at + Ipv6.EXTENSION_UNIT <= end; headers++) {
            if (next == Ipv6.UDP) {
                return at;
            }
            final boolean isFirstFragment = next == Ipv6.FRAGMENT
                    && (packet.get(Wire.SHORT, at + Ipv6.FRAGMENT_OFFSET) & Ipv6.OFFSET_MASK) == 0;
            if (!isFirstFragment && next != Ipv6.HOP_BY_HOP && next != Ipv6.ROUTING
                    && next != Ipv6.DESTINATION_OPTIONS) {
                return ~DropReason.ICMP_UNRELATED.ordinal();
            }
            // A fragment header's second byte is reserved and its length fixed.
            final int units = next == Ipv6.FRAGMENT ? 0 : packet.get(Wire.BYTE, at + 1) & 0xFF;
            next = packet.get(Wire.BYTE, at) & 0xFF;
            at += (units + 1) * Ipv6.EXTENSION_UNIT;
        }
        return ~DropReason.TRUNCATED.ordinal();
    }
}
