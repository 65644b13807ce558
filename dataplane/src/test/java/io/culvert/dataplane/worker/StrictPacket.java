// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import java.util.Arrays;

/**
 * A frame read by the letter of the RFCs, for judging what the relay makes of it: shares no code with the relay, and
 * refuses whatever is not wholly right but a UDP checksum. Addresses and numbers are in host order, IPv4 is mapped.
 */
final class StrictPacket {
    static final int ARP = 0x0806;
    static final int IPV4 = 0x0800;
    static final int IPV6 = 0x86DD;
    static final int UDP = 17;
    static final int ICMP = 1;
    static final int ICMPV6 = 58;
    static final int ETHERNET = 14;
    private static final long MAPPED = 0xFFFF_0000_0000L;

    /** An address, and a port where there is one. */
    record Endpoint(long high, long low, int port) {
        static Endpoint ipv4(final int address, final int port) {
            return new Endpoint(0, MAPPED | address & 0xFFFF_FFFFL, port);
        }

        boolean isIpv4() {
            return high == 0 && low >>> 32 == 0xFFFF;
        }

        Endpoint withoutPort() {
            return new Endpoint(high, low, 0);
        }
    }

    /** The frame without what lies behind its packet. */
    final byte[] bytes;
    final int etherType;
    final int protocol;
    /** Where UDP, ICMP or the bytes of a later fragment begin. */
    final int payload;
    /** Of the fragment, bytes; and whether others follow. */
    final int offset;
    final boolean more;
    private final int addresses;

    private StrictPacket(final byte[] bytes, final int etherType, final int protocol, final int payload,
                         final int offset, final boolean more, final int addresses) {
        this.bytes = bytes;
        this.etherType = etherType;
        this.protocol = protocol;
        this.payload = payload;
        this.offset = offset;
        this.more = more;
        this.addresses = addresses;
    }

    /** @throws IllegalArgumentException that says what is wrong with it */
    static StrictPacket parse(final byte[] frame) {
        require(frame.length >= ETHERNET, "no Ethernet header");
        final StrictPacket packet = switch (word(frame, 12)) {
            case ARP -> arp(frame);
            case IPV4 -> ipv4(frame);
            case IPV6 -> ipv6(frame);
            default -> throw new IllegalArgumentException("unknown EtherType");
        };
        if (packet.etherType != ARP && packet.offset == 0) {
            packet.checkTransport();
        }
        return packet;
    }

    private static StrictPacket arp(final byte[] frame) {
        require(frame.length >= 42, "short ARP");
        require(word(frame, 14) == 1 && word(frame, 16) == IPV4 && word(frame, 18) == 0x0604, "ARP of other networks");
        return new StrictPacket(Arrays.copyOf(frame, 42), ARP, 0, ETHERNET, 0, false, ETHERNET);
    }

    private static StrictPacket ipv4(final byte[] frame) {
        require(frame.length >= 34, "short IPv4 header");
        require(frame[14] == 0x45, "not a plain IPv4 header");
        final int end = ETHERNET + word(frame, 16);
        require(end >= 34 && end <= frame.length, "IPv4 length");
        require(sum(frame, 14, 34) == 0xFFFF, "IPv4 header checksum");
        final int fragment = word(frame, 20);
        return new StrictPacket(Arrays.copyOf(frame, end), IPV4, frame[23] & 0xFF, 34, (fragment & 0x1FFF) * 8,
                (fragment & 0x2000) != 0, 26);
    }

    private static StrictPacket ipv6(final byte[] frame) {
        require(frame.length >= 54, "short IPv6 header");
        require((frame[14] & 0xF0) == 0x60, "IP version");
        final int end = 54 + word(frame, 18);
        require(end <= frame.length, "IPv6 length");
        int next = frame[20] & 0xFF;
        int at = 54;
        int fragment = 0;
        for (int headers = 0; (fragment & 0xFFF9) == 0 && isExtension(next); headers++) {
            require(headers < 8 && at + 8 <= end, "IPv6 extension headers");
            final int length = next == 44 ? 8 : 8 * (1 + (frame[at + 1] & 0xFF));
            fragment = next == 44 ? word(frame, at + 2) : fragment;
            next = frame[at] & 0xFF;
            at += length;
        }
        require(at <= end, "IPv6 extension headers beyond the packet");
        return new StrictPacket(Arrays.copyOf(frame, end), IPV6, next, at, fragment & 0xFFF8, (fragment & 1) != 0, 22);
    }

    private static boolean isExtension(final int header) {
        return header == 0 || header == 43 || header == 44 || header == 60;
    }

    private void checkTransport() {
        final int length = bytes.length - payload;
        require(protocol == UDP || protocol == (etherType == IPV4 ? ICMP : ICMPV6), "protocol");
        require(length >= 8, "short transport header");
        if (protocol == UDP) {
            final int udpLength = word(bytes, payload + 4);
            require(udpLength >= 8 && (more || udpLength <= length), "UDP length");
            require(etherType == IPV4 || word(bytes, payload + 6) != 0, "no UDP checksum in IPv6");
        } else {
            final int pseudo = protocol == ICMP ? 0 : sum(bytes, 22, 54) + length + ICMPV6;
            require(fold(pseudo + sum(bytes, payload, bytes.length)) == 0xFFFF, "ICMP checksum");
        }
    }

    Endpoint source() {
        return endpoint(bytes, addresses, etherType, hasPorts() ? word(bytes, payload) : 0);
    }

    Endpoint destination() {
        return endpoint(bytes, addresses + addressLength(), etherType, hasPorts() ? word(bytes, payload + 2) : 0);
    }

    /** The endpoint whose address lies there. */
    static Endpoint endpoint(final byte[] bytes, final int at, final int etherType, final int port) {
        return etherType == IPV4 ? Endpoint.ipv4(word(bytes, at) << 16 | word(bytes, at + 2), port)
                : new Endpoint(longAt(bytes, at), longAt(bytes, at + 8), port);
    }

    boolean hasPorts() {
        return protocol == UDP && offset == 0;
    }

    boolean isFragment() {
        return more || offset > 0;
    }

    boolean mayBeCut() {
        return etherType == IPV4 && (bytes[20] & 0x40) == 0;
    }

    int addresses() {
        return addresses;
    }

    int addressLength() {
        return etherType == IPV4 ? 4 : 16;
    }

    int ttl() {
        return bytes[etherType == IPV4 ? 22 : 21] & 0xFF;
    }

    /** Of an ICMP message. */
    int type() {
        return bytes[payload] & 0xFF;
    }

    boolean isIcmp() {
        return etherType != ARP && protocol != UDP;
    }

    boolean isIcmpError() {
        return isIcmp() && (protocol == ICMP ? type() == 3 || type() == 11 || type() == 12 : type() < 128);
    }

    long macTo() {
        return longAt(bytes, 0) >>> 16;
    }

    long macFrom() {
        return longAt(bytes, 4) & 0xFFFF_FFFF_FFFFL;
    }

    static int word(final byte[] bytes, final int at) {
        return (bytes[at] & 0xFF) << 8 | bytes[at + 1] & 0xFF;
    }

    static long longAt(final byte[] bytes, final int at) {
        long value = 0;
        for (int i = at; i < at + 8; i++) {
            value = value << 8 | bytes[i] & 0xFF;
        }
        return value;
    }

    /** Ones' complement sum; an odd last byte has a zero behind it. */
    static int sum(final byte[] bytes, final int from, final int to) {
        int sum = 0;
        for (int i = from; i < to; i++) {
            sum += (bytes[i] & 0xFF) << ((i - from) % 2 == 0 ? 8 : 0);
        }
        return fold(sum);
    }

    static int fold(final int sum) {
        int folded = sum;
        while (folded >>> 16 != 0) {
            folded = (folded & 0xFFFF) + (folded >>> 16);
        }
        return folded;
    }

    private static void require(final boolean right, final String what) {
        if (!right) {
            throw new IllegalArgumentException(what);
        }
    }
}
