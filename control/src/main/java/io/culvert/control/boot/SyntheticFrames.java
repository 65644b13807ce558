// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Nd;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;

/** Writes whole frames into packet buffers: what the warm-up sends through the walk. Addresses in network order. */
final class SyntheticFrames {
    private static final int PAYLOAD_BYTES = 64;
    /** Where the fragment behind one of {@link #udp} begins, in units of eight bytes. */
    static final int UDP_UNITS = (Udp.HEADER_LENGTH + PAYLOAD_BYTES) / 8;
    private static final int TTL = 64;

    private final long destinationMac;
    private final long sourceMac;

    SyntheticFrames(final long destinationMac, final long sourceMac) {
        this.destinationMac = destinationMac;
        this.sourceMac = sourceMac;
    }

    void udp(final long mbuf, final int source, final int sourcePort, final int destination,
             final int destinationPort) {
        final int udpBytes = Udp.HEADER_LENGTH + PAYLOAD_BYTES;
        final MemorySegment frame = ipv4(mbuf, Ipv4.UDP, udpBytes, source, destination);
        frame.set(Wire.SHORT, Udp.PORTS, Wire.net16(sourcePort));
        frame.set(Wire.SHORT, Udp.PORTS + Short.BYTES, Wire.net16(destinationPort));
        frame.set(Wire.SHORT, Udp.LENGTH, Wire.net16(udpBytes));
        // Any checksum will do: the walk carries it along, it does not verify it.
        frame.set(Wire.SHORT, Udp.CHECKSUM, (short) sourcePort);
    }

    void udp6(final long mbuf, final IpAddress source, final int sourcePort, final IpAddress destination,
              final int destinationPort) {
        final int udpBytes = Udp.HEADER_LENGTH + PAYLOAD_BYTES;
        final MemorySegment frame = ipv6(mbuf, Ipv6.UDP, udpBytes, source, destination);
        frame.set(Wire.SHORT, Ipv6.PAYLOAD, Wire.net16(sourcePort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 2, Wire.net16(destinationPort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 4, Wire.net16(udpBytes));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 6, (short) sourcePort);
    }

    void echoRequest6(final long mbuf, final IpAddress source, final IpAddress destination) {
        final int icmpBytes = Icmpv6.HEADER_LENGTH + PAYLOAD_BYTES;
        final MemorySegment frame = ipv6(mbuf, Ipv6.ICMPV6, icmpBytes, source, destination);
        frame.asSlice(Icmpv6.TYPE, icmpBytes).fill((byte) 0);
        frame.set(Wire.BYTE, Icmpv6.TYPE, (byte) Icmpv6.ECHO_REQUEST);
        Icmpv6.seal(frame, icmpBytes);
    }

    void solicitation(final long mbuf, final IpAddress source, final IpAddress target) {
        final MemorySegment frame = NativeMemory.view(Mbuf.data(mbuf), Nd.FRAME_LENGTH);
        Nd.writeSolicitation(frame, sourceMac, source.high(), source.low(), destinationMac, target.high(),
                target.low());
        Mbuf.setLength(mbuf, Nd.FRAME_LENGTH);
    }

    private MemorySegment ipv6(final long mbuf, final int nextHeader, final int payloadBytes, final IpAddress source,
                               final IpAddress destination) {
        Mbuf.setLength(mbuf, Ipv6.PAYLOAD + payloadBytes);
        final MemorySegment frame = NativeMemory.view(Mbuf.data(mbuf), Ipv6.PAYLOAD + payloadBytes);
        Ethernet.setAddresses(frame, destinationMac, sourceMac);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV6);
        frame.set(Wire.INT, Ipv6.VERSION, 0x60);
        frame.set(Wire.SHORT, Ipv6.PAYLOAD_LENGTH, Wire.net16(payloadBytes));
        frame.set(Wire.SHORT, Ipv6.NEXT_HEADER, (short) (nextHeader | TTL << Byte.SIZE));
        frame.set(Wire.LONG, Ipv6.SOURCE, source.high());
        frame.set(Wire.LONG, Ipv6.SOURCE + Long.BYTES, source.low());
        frame.set(Wire.LONG, Ipv6.DESTINATION, destination.high());
        frame.set(Wire.LONG, Ipv6.DESTINATION + Long.BYTES, destination.low());
        return frame;
    }

    void echoRequest(final long mbuf, final int source, final int destination) {
        final int icmpBytes = Icmp.HEADER_LENGTH + PAYLOAD_BYTES;
        final MemorySegment frame = ipv4(mbuf, Ipv4.ICMP, icmpBytes, source, destination);
        frame.asSlice(Icmp.TYPE, icmpBytes).fill((byte) 0);
        frame.set(Wire.BYTE, Icmp.TYPE, (byte) Icmp.ECHO_REQUEST);
        frame.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~Checksum.sum(frame, Icmp.TYPE, icmpBytes));
    }

    /** Says to {@code destination} that nobody listens where its packet between these ports went. */
    void portUnreachable(final long mbuf, final int source, final int destination, final int quotedSourcePort,
                         final int quotedDestinationPort) {
        final int quotedBytes = Ipv4.HEADER_LENGTH + Udp.HEADER_LENGTH;
        final int icmpBytes = Icmp.HEADER_LENGTH + quotedBytes;
        final MemorySegment frame = ipv4(mbuf, Ipv4.ICMP, icmpBytes, source, destination);
        final long shift = Icmp.QUOTE - Ipv4.VERSION_IHL;
        MemorySegment.copy(frame, Ipv4.VERSION_IHL, frame, Icmp.QUOTE, Ipv4.HEADER_LENGTH);
        frame.set(Wire.BYTE, Ipv4.PROTOCOL + shift, (byte) Ipv4.UDP);
        frame.set(Wire.INT, Ipv4.SOURCE + shift, destination);
        frame.set(Wire.INT, Ipv4.DESTINATION + shift, source);
        frame.set(Wire.SHORT, Ipv4.CHECKSUM + shift, (short) 0);
        frame.set(Wire.SHORT, Ipv4.CHECKSUM + shift, (short) ~Checksum.sum(frame, Icmp.QUOTE, Ipv4.HEADER_LENGTH));
        frame.set(Wire.SHORT, Udp.PORTS + shift, Wire.net16(quotedSourcePort));
        frame.set(Wire.SHORT, Udp.PORTS + Short.BYTES + shift, Wire.net16(quotedDestinationPort));
        frame.set(Wire.INT, Udp.LENGTH + shift, 0);
        frame.set(Wire.LONG, Icmp.TYPE, Icmp.UNREACHABLE | 3 << Byte.SIZE);
        frame.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~Checksum.sum(frame, Icmp.TYPE, icmpBytes));
    }

    void arp(final long mbuf, final int operation, final int sender, final int target) {
        final MemorySegment buffer = Mbuf.view(mbuf);
        final MemorySegment frame = NativeMemory.view(Mbuf.data(buffer), Wire.VIEW_BYTES);
        Arp.write(frame, operation, sourceMac, sender, operation == Arp.REQUEST ? 0 : destinationMac, target);
        Mbuf.setLength(mbuf, Arp.FRAME_LENGTH);
    }

    /** A frame that {@link #udp} wrote, with one header byte changed; its header checksum stays right if asked. */
    void spoil(final long mbuf, final int at, final int value, final boolean keepChecksumRight) {
        final MemorySegment frame = NativeMemory.view(Mbuf.data(Mbuf.view(mbuf)), Wire.VIEW_BYTES);
        frame.set(Wire.BYTE, at, (byte) value);
        if (keepChecksumRight) {
            sealHeader(frame);
        }
    }

    void cut(final long mbuf, final int bytes) {
        Mbuf.setLength(mbuf, bytes);
    }

    private MemorySegment ipv4(final long mbuf, final int protocol, final int payloadBytes, final int source,
                               final int destination) {
        final int totalBytes = Ipv4.HEADER_LENGTH + payloadBytes;
        final MemorySegment buffer = Mbuf.view(mbuf);
        Mbuf.setLength(mbuf, Ethernet.HEADER_LENGTH + totalBytes);
        final MemorySegment frame = NativeMemory.view(Mbuf.data(buffer), Ethernet.HEADER_LENGTH + totalBytes);
        Ethernet.setAddresses(frame, destinationMac, sourceMac);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV4);
        frame.set(Wire.SHORT, Ipv4.VERSION_IHL, (short) Ipv4.VERSION_4_NO_OPTIONS);
        frame.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(totalBytes));
        frame.set(Wire.INT, Ipv4.TOTAL_LENGTH + Short.BYTES, 0);
        frame.set(Wire.BYTE, Ipv4.TTL, (byte) TTL);
        frame.set(Wire.BYTE, Ipv4.PROTOCOL, (byte) protocol);
        frame.set(Wire.INT, Ipv4.SOURCE, source);
        frame.set(Wire.INT, Ipv4.DESTINATION, destination);
        sealHeader(frame);
        return frame;
    }

    private static void sealHeader(final MemorySegment frame) {
        frame.set(Wire.SHORT, Ipv4.CHECKSUM, (short) 0);
        frame.set(Wire.SHORT, Ipv4.CHECKSUM, (short) ~Checksum.sum(frame, Ipv4.VERSION_IHL, Ipv4.HEADER_LENGTH));
    }
}
