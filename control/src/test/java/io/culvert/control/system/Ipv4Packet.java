// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * An IPv4 packet from its first byte, with UDP or ICMP in it: made field by field, and told as one line of text in
 * which two relays that do the same agree. Checksums are recomputed here, never updated.
 */
final class Ipv4Packet {
    static final int UDP = 17;
    static final int ICMP = 1;
    private static final int HEADER_LENGTH = 20;
    private static final int UDP_LENGTH = 8;
    private static final int ICMP_LENGTH = 8;
    private static final int TOTAL_LENGTH_AT = 2;
    private static final int FRAGMENT_AT = 6;
    private static final int TTL_AT = 8;
    private static final int PROTOCOL_AT = 9;
    private static final int CHECKSUM_AT = 10;
    private static final int SOURCE_AT = 12;
    private static final int DESTINATION_AT = 16;
    private static final int OFFSET_MASK = 0x1FFF;
    private static final int DONT_FRAGMENT = 0x4000;
    private static final int MORE_FRAGMENTS = 0x2000;

    private final ByteBuffer bytes;

    private Ipv4Packet(final byte[] bytes) {
        this.bytes = ByteBuffer.wrap(bytes);
    }

    /** A good packet: TTL 64, all checksums right. */
    static Ipv4Packet udp(final String from, final int fromPort, final String to, final int toPort,
                          final byte[] payload) {
        final Ipv4Packet packet = blank(UDP, from, to, UDP_LENGTH + payload.length);
        packet.bytes.position(HEADER_LENGTH);
        packet.bytes.putShort((short) fromPort).putShort((short) toPort)
                .putShort((short) (UDP_LENGTH + payload.length)).putShort((short) 0).put(payload);
        return packet.udpChecksum(packet.rightUdpChecksum());
    }

    /** @param rest the four bytes behind the checksum: identifier and sequence, or the MTU in the low half */
    static Ipv4Packet icmp(final String from, final String to, final int type, final int code, final int rest,
                           final byte[] body) {
        final Ipv4Packet packet = blank(ICMP, from, to, ICMP_LENGTH + body.length);
        packet.bytes.position(HEADER_LENGTH);
        packet.bytes.put((byte) type).put((byte) code).putShort((short) 0).putInt(rest).put(body);
        final int sum = packet.sum(0, HEADER_LENGTH, packet.bytes.capacity());
        packet.bytes.putShort(HEADER_LENGTH + 2, (short) ~sum);
        return packet;
    }

    static Ipv4Packet read(final byte[] bytes) {
        return new Ipv4Packet(bytes);
    }

    private static Ipv4Packet blank(final int protocol, final String from, final String to, final int payload) {
        final Ipv4Packet packet = new Ipv4Packet(new byte[HEADER_LENGTH + payload]);
        packet.bytes.put((byte) 0x45).put((byte) 0).putShort((short) (HEADER_LENGTH + payload)).putInt(0x1234_0000);
        packet.bytes.put((byte) 64).put((byte) protocol).putShort((short) 0).put(address(from)).put(address(to));
        return packet.seal();
    }

    Ipv4Packet ttl(final int ttl) {
        bytes.put(TTL_AT, (byte) ttl);
        return seal();
    }

    Ipv4Packet dontFragment() {
        bytes.putShort(FRAGMENT_AT, (short) (bytes.getShort(FRAGMENT_AT) | DONT_FRAGMENT));
        return seal();
    }

    /** Of ICMP too: flips bits of a checksum that was right. */
    Ipv4Packet spoil(final int at, final int bits) {
        bytes.putShort(at, (short) (bytes.getShort(at) ^ bits));
        return this;
    }

    Ipv4Packet udpChecksum(final int checksum) {
        bytes.putShort(HEADER_LENGTH + 6, (short) checksum);
        return this;
    }

    /** The fragment of this packet that holds {@code length} bytes of its payload from {@code offset} on. */
    Ipv4Packet fragment(final int offset, final int length) {
        final byte[] part = Arrays.copyOf(bytes.array(), HEADER_LENGTH + length);
        System.arraycopy(bytes.array(), HEADER_LENGTH + offset, part, HEADER_LENGTH, length);
        final Ipv4Packet fragment = new Ipv4Packet(part);
        final boolean isLast = HEADER_LENGTH + offset + length == bytes.capacity();
        fragment.bytes.putShort(TOTAL_LENGTH_AT, (short) part.length);
        fragment.bytes.putShort(FRAGMENT_AT, (short) (offset / Long.BYTES | (isLast ? 0 : MORE_FRAGMENTS)));
        return fragment.seal();
    }

    private Ipv4Packet seal() {
        bytes.putShort(CHECKSUM_AT, (short) 0);
        bytes.putShort(CHECKSUM_AT, (short) ~sum(0, 0, HEADER_LENGTH));
        return this;
    }

    byte[] bytes() {
        return bytes.array();
    }

    /** As an ICMP error quotes it: the header and so many bytes behind it. */
    byte[] quoted(final int payload) {
        return Arrays.copyOf(bytes.array(), Math.min(headerLength() + payload, bytes.capacity()));
    }

    int protocol() {
        return bytes.get(PROTOCOL_AT) & 0xFF;
    }

    int ttl() {
        return bytes.get(TTL_AT) & 0xFF;
    }

    String from() {
        return text(SOURCE_AT);
    }

    String to() {
        return text(DESTINATION_AT);
    }

    /** Of UDP; of an echo its identifier lies elsewhere. */
    int fromPort() {
        return bytes.getShort(headerLength()) & 0xFFFF;
    }

    int toPort() {
        return bytes.getShort(headerLength() + 2) & 0xFFFF;
    }

    /** The identifier of an ICMP echo. */
    int echoId() {
        return bytes.getShort(headerLength() + 4) & 0xFFFF;
    }

    byte[] payload() {
        return Arrays.copyOfRange(bytes.array(), headerLength() + UDP_LENGTH, end());
    }

    /**
     * @param lent the address whose ports and echo identifiers a relay chooses as it likes: not told
     */
    String tell(final String lent) {
        final int fragment = bytes.getShort(FRAGMENT_AT) & 0xFFFF;
        final String flags = ((fragment & DONT_FRAGMENT) != 0 ? " df" : "")
                + ((fragment & MORE_FRAGMENTS) != 0 ? " mf" : "")
                + ((fragment & OFFSET_MASK) != 0 ? " at " + (fragment & OFFSET_MASK) * Long.BYTES : "")
                + (sum(0, 0, headerLength()) == 0xFFFF ? "" : " bad header")
                + (headerLength() == HEADER_LENGTH ? "" : " options " + hex(HEADER_LENGTH, headerLength()));
        if ((fragment & OFFSET_MASK) != 0) {
            return protocol() + " " + from() + " > " + to() + flags + " " + hex(headerLength(), end());
        }
        return switch (protocol()) {
            case UDP -> tellUdp(lent, flags);
            case ICMP -> tellIcmp(lent, flags);
            default -> protocol() + " " + from() + " > " + to() + flags + " " + hex(headerLength(), end());
        };
    }

    private String tellUdp(final String lent, final String flags) {
        final boolean isWhole = headerLength() + (bytes.getShort(headerLength() + 4) & 0xFFFF) <= bytes.capacity();
        final int checksum = bytes.getShort(headerLength() + 6) & 0xFFFF;
        final String verdict = checksum == 0 ? "none" : !isWhole ? "unknown"
                : checksum == rightUdpChecksum() ? "right" : "wrong";
        return "udp " + from() + ":" + (from().equals(lent) ? "*" : fromPort()) + " > "
                + to() + ":" + (to().equals(lent) ? "*" : toPort()) + flags + " checksum " + verdict + " "
                + hex(headerLength() + UDP_LENGTH, end());
    }

    private String tellIcmp(final String lent, final String flags) {
        final int at = headerLength();
        final int type = bytes.get(at);
        final boolean isError = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
        final boolean idIsLent = !isError && (from().equals(lent) || to().equals(lent));
        final int rest = bytes.getInt(at + 4);
        return "icmp " + type + "/" + bytes.get(at + 1) + " " + from() + " > " + to() + flags
                + (sum(0, at, end()) == 0xFFFF ? " checksum right" : " checksum wrong or unknown")
                + " rest " + Integer.toHexString(idIsLent ? rest & 0xFFFF : rest)
                + (isError ? " about { " + read(Arrays.copyOfRange(bytes.array(), at + ICMP_LENGTH, end())).tell(lent)
                        + " }" : " " + hex(at + ICMP_LENGTH, end()));
    }

    private int headerLength() {
        return (bytes.get(0) & 0xF) * Integer.BYTES;
    }

    /** Of the packet, or of what is there when it is a quote. */
    private int end() {
        return Math.min(bytes.getShort(TOTAL_LENGTH_AT) & 0xFFFF, bytes.capacity());
    }

    /** 0xFFFF where the sum is zero, because zero says that there is none. */
    private int rightUdpChecksum() {
        final int at = headerLength();
        final int length = bytes.getShort(at + 4) & 0xFFFF;
        final int pseudo = UDP + length + sum(0, SOURCE_AT, SOURCE_AT + 8);
        // The checksum's own field has no part in it.
        final int checksum = ~sum(sum(pseudo, at, at + 6), at + UDP_LENGTH, at + length) & 0xFFFF;
        return checksum == 0 ? 0xFFFF : checksum;
    }

    /** The folded ones' complement sum (RFC 1071). */
    private int sum(final int initial, final int from, final int to) {
        long sum = initial;
        for (int at = from; at < to; at++) {
            sum += (long) (bytes.get(at) & 0xFF) << ((at - from & 1) == 0 ? Byte.SIZE : 0);
        }
        while (sum > 0xFFFF) {
            sum = (sum & 0xFFFF) + (sum >>> Short.SIZE);
        }
        return (int) sum;
    }

    private String hex(final int from, final int to) {
        return HexFormat.of().formatHex(bytes.array(), Math.min(from, to), to);
    }

    private String text(final int at) {
        return (bytes.get(at) & 0xFF) + "." + (bytes.get(at + 1) & 0xFF) + "." + (bytes.get(at + 2) & 0xFF) + "."
                + (bytes.get(at + 3) & 0xFF);
    }

    private static byte[] address(final String text) {
        try {
            return InetAddress.getByName(text).getAddress();
        } catch (final UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
