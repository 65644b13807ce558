// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Frames by hand, and what is to be read from those that come out. */
final class Frames {
    static final int UDP_HEADERS = Udp.END;
    private static final int PSEUDO_HEADER = 12;

    /** A right frame with every checksum; addresses as on the wire, ports as numbers. */
    static byte[] udp(final long to, final long from, final int source, final int sourcePort, final int destination,
                      final int destinationPort, final int payload) {
        final byte[] bytes = ipv4(to, from, source, destination, Ipv4.UDP, Udp.HEADER_LENGTH + payload);
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.SHORT, Udp.PORTS, Wire.net16(sourcePort));
        frame.set(Wire.SHORT, Udp.PORTS + 2, Wire.net16(destinationPort));
        frame.set(Wire.SHORT, Udp.LENGTH, Wire.net16(Udp.HEADER_LENGTH + payload));
        for (int i = Udp.END; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 7 + sourcePort);
        }
        final short checksum = (short) ~udpSum(frame);
        frame.set(Wire.SHORT, Udp.CHECKSUM, checksum == 0 ? (short) 0xFFFF : checksum); // 0 says that there is none
        return bytes;
    }

    static byte[] echoRequest(final long to, final long from, final int source, final int destination) {
        final byte[] bytes = ipv4(to, from, source, destination, Ipv4.ICMP, Icmp.HEADER_LENGTH + 32);
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.BYTE, Icmp.TYPE, (byte) Icmp.ECHO_REQUEST);
        final int sum = Checksum.sum(frame, Icmp.TYPE, bytes.length - Icmp.TYPE);
        frame.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~sum);
        return bytes;
    }

    /** @param rest the four bytes behind the checksum as they lie in memory */
    static byte[] icmp(final long to, final long from, final int source, final int destination, final int type,
                       final int code, final int rest, final byte[] body) {
        final byte[] bytes = ipv4(to, from, source, destination, Ipv4.ICMP, Icmp.HEADER_LENGTH + body.length);
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.BYTE, Icmp.TYPE, (byte) type);
        frame.set(Wire.BYTE, Icmp.CODE, (byte) code);
        frame.set(Wire.INT, Icmp.IDENTIFIER, rest);
        System.arraycopy(body, 0, bytes, Icmp.QUOTE, body.length);
        final int sum = Checksum.sum(frame, Icmp.TYPE, bytes.length - Icmp.TYPE);
        frame.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~sum);
        return bytes;
    }

    /** The IP packet in a frame: what an ICMP error about it quotes. */
    static byte[] packet(final byte[] frame) {
        return Arrays.copyOfRange(frame, Ethernet.HEADER_LENGTH, frame.length);
    }

    static byte[] arp(final int operation, final long senderMac, final int sender, final long targetMac,
                      final int target) {
        final byte[] bytes = new byte[Wire.VIEW_BYTES];
        Arp.write(MemorySegment.ofArray(bytes), operation, senderMac, sender, targetMac, target);
        return bytes;
    }

    static byte[] ttl(final byte[] original, final int ttl) {
        final byte[] bytes = original.clone();
        bytes[Ipv4.TTL] = (byte) ttl;
        sealHeader(MemorySegment.ofArray(bytes));
        return bytes;
    }

    /** The same, forbidding fragments: what a Linux socket sends. */
    static byte[] dontFragment(final byte[] original) {
        final byte[] bytes = original.clone();
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.SHORT, Ipv4.FRAGMENT, (short) (frame.get(Wire.SHORT, Ipv4.FRAGMENT) | Ipv4.DONT_FRAGMENT));
        sealHeader(frame);
        return bytes;
    }

    static byte[] id(final byte[] original, final int id) {
        final byte[] bytes = original.clone();
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.SHORT, Ipv4.ID, Wire.net16(id));
        sealHeader(frame);
        return bytes;
    }

    static int id(final byte[] frame) {
        return Wire.host16(MemorySegment.ofArray(frame).get(Wire.SHORT, Ipv4.ID));
    }

    static int source(final byte[] frame) {
        return MemorySegment.ofArray(frame).get(Wire.INT, Ipv4.SOURCE);
    }

    static int destination(final byte[] frame) {
        return MemorySegment.ofArray(frame).get(Wire.INT, Ipv4.DESTINATION);
    }

    static int sourcePort(final byte[] frame) {
        return Wire.host16(MemorySegment.ofArray(frame).get(Wire.SHORT, Udp.PORTS));
    }

    static int destinationPort(final byte[] frame) {
        return Wire.host16(MemorySegment.ofArray(frame).get(Wire.SHORT, Udp.PORTS + 2));
    }

    static boolean isArp(final byte[] frame) {
        return Ethernet.etherType(MemorySegment.ofArray(frame)) == Ethernet.ARP;
    }

    /** Every checksum of a UDP frame is right. */
    static void assertRight(final byte[] bytes) {
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        assertEquals(true, Checksum.isIpv4HeaderRight(frame), "IP header checksum");
        assertEquals(0xFFFF, udpSum(frame), "UDP checksum");
    }

    private static byte[] ipv4(final long to, final long from, final int source, final int destination,
                               final int protocol, final int payload) {
        final byte[] bytes = new byte[Ipv4.PAYLOAD + payload];
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        Ethernet.setAddresses(frame, to, from);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV4);
        frame.set(Wire.BYTE, Ipv4.VERSION_IHL, (byte) Ipv4.VERSION_4_NO_OPTIONS);
        frame.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(Ipv4.HEADER_LENGTH + payload));
        frame.set(Wire.BYTE, Ipv4.TTL, (byte) 64);
        frame.set(Wire.BYTE, Ipv4.PROTOCOL, (byte) protocol);
        frame.set(Wire.INT, Ipv4.SOURCE, source);
        frame.set(Wire.INT, Ipv4.DESTINATION, destination);
        sealHeader(frame);
        return bytes;
    }

    private static void sealHeader(final MemorySegment frame) {
        frame.set(Wire.SHORT, Ipv4.CHECKSUM, (short) 0);
        final int sum = Checksum.sum(frame, Ipv4.VERSION_IHL, Ipv4.HEADER_LENGTH);
        frame.set(Wire.SHORT, Ipv4.CHECKSUM, (short) ~sum);
    }

    /** Of pseudo header and datagram, the checksum field included. */
    private static int udpSum(final MemorySegment frame) {
        final int length = Wire.host16(frame.get(Wire.SHORT, Udp.LENGTH));
        final MemorySegment summed = MemorySegment.ofArray(new byte[PSEUDO_HEADER + length]);
        MemorySegment.copy(frame, Ipv4.SOURCE, summed, 0, 8);
        summed.set(Wire.SHORT, 8, Wire.net16(Ipv4.UDP));
        summed.set(Wire.SHORT, 10, Wire.net16(length));
        MemorySegment.copy(frame, Ipv4.PAYLOAD, summed, PSEUDO_HEADER, length);
        return Checksum.sum(summed, 0, PSEUDO_HEADER + length);
    }

    private Frames() { }
}
