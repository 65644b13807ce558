// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** An Ethernet frame with UDP over IPv4, written and read byte by byte. Checksums are recomputed, not updated. */
public final class UdpFrame {
    private static final int IP = 14;
    private static final int FLAGS_AT = IP + 6;
    private static final int TTL_AT = IP + 8;
    private static final int IP_CHECKSUM_AT = IP + 10;
    private static final int SOURCE_AT = IP + 12;
    private static final int DESTINATION_AT = IP + 16;
    private static final int UDP = IP + 20;
    private static final int UDP_LENGTH_AT = UDP + 4;
    private static final int UDP_CHECKSUM_AT = UDP + 6;
    private static final int PAYLOAD = UDP + 8;
    private static final int PROTOCOL_UDP = 17;
    private static final int ADDRESS_LENGTH = 4;

    private final ByteBuffer bytes;

    private UdpFrame(final ByteBuffer bytes) {
        this.bytes = bytes;
    }

    /** A good packet: TTL 64, both checksums right. */
    public static UdpFrame of(final byte[] fromMac, final byte[] toMac, final InetSocketAddress from,
                              final InetSocketAddress to, final byte[] payload) {
        final ByteBuffer bytes = ByteBuffer.allocate(PAYLOAD + payload.length);
        bytes.put(toMac).put(fromMac).putShort((short) 0x0800);
        bytes.put((byte) 0x45).put((byte) 0).putShort((short) (PAYLOAD - IP + payload.length)).putInt(0);
        bytes.put((byte) 64).put((byte) PROTOCOL_UDP).putShort((short) 0);
        bytes.put(from.getAddress().getAddress()).put(to.getAddress().getAddress());
        bytes.putShort((short) from.getPort()).putShort((short) to.getPort());
        bytes.putShort((short) (PAYLOAD - UDP + payload.length)).putShort((short) 0).put(payload);
        final UdpFrame frame = new UdpFrame(bytes).udpChecksum(0);
        return frame.udpChecksum(frame.rightUdpChecksum()).ttl(64);
    }

    /** Whether a frame is one, addressed to this endpoint. */
    static boolean isTo(final byte[] frame, final InetSocketAddress destination) {
        final UdpFrame read = read(frame);
        return frame.length >= PAYLOAD && read.bytes.getShort(IP - 2) == 0x0800 && read.bytes.get(IP) == 0x45
                && read.bytes.get(IP + 9) == PROTOCOL_UDP && read.to().equals(destination);
    }

    static UdpFrame read(final byte[] frame) {
        return new UdpFrame(ByteBuffer.wrap(frame));
    }

    /** Its id stays the sender's on the way (RFC 6864); the header checksum follows with {@link #ttl(int)}. */
    public UdpFrame dontFragment() {
        bytes.put(FLAGS_AT, (byte) 0x40);
        return this;
    }

    public UdpFrame ttl(final int ttl) {
        bytes.put(TTL_AT, (byte) ttl).putShort(IP_CHECKSUM_AT, (short) 0);
        bytes.putShort(IP_CHECKSUM_AT, (short) ~sum(0, IP, UDP));
        return this;
    }

    /** As if it came from there; both checksums are right again. */
    UdpFrame from(final int lastByteOfAddress, final int port) {
        bytes.put(SOURCE_AT + ADDRESS_LENGTH - 1, (byte) lastByteOfAddress).putShort(UDP, (short) port);
        return udpChecksum(rightUdpChecksum()).ttl(ttl());
    }

    UdpFrame udpChecksum(final int checksum) {
        bytes.putShort(UDP_CHECKSUM_AT, (short) checksum);
        return this;
    }

    public byte[] bytes() {
        return bytes.array();
    }

    int ttl() {
        return bytes.get(TTL_AT) & 0xFF;
    }

    int udpChecksum() {
        return bytes.getShort(UDP_CHECKSUM_AT) & 0xFFFF;
    }

    InetSocketAddress from() {
        return endpoint(SOURCE_AT, UDP);
    }

    InetSocketAddress to() {
        return endpoint(DESTINATION_AT, UDP + 2);
    }

    byte[] payload() {
        return Arrays.copyOfRange(bytes.array(), PAYLOAD, UDP + (bytes.getShort(UDP_LENGTH_AT) & 0xFFFF));
    }

    boolean isIpChecksumRight() {
        return sum(0, IP, UDP) == 0xFFFF;
    }

    /** The checksum that belongs here; 0xFFFF where the sum is zero, because zero says that there is none. */
    int rightUdpChecksum() {
        final int length = bytes.getShort(UDP_LENGTH_AT) & 0xFFFF;
        // The checksum's own field has no part in it.
        final int pseudo = PROTOCOL_UDP + length + sum(0, SOURCE_AT, UDP);
        final int checksum = ~sum(sum(pseudo, UDP, UDP_CHECKSUM_AT), PAYLOAD, UDP + length) & 0xFFFF;
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

    private InetSocketAddress endpoint(final int addressAt, final int portAt) {
        try {
            final InetAddress address = InetAddress.getByAddress(
                    Arrays.copyOfRange(bytes.array(), addressAt, addressAt + ADDRESS_LENGTH));
            return new InetSocketAddress(address, bytes.getShort(portAt) & 0xFFFF);
        } catch (final UnknownHostException e) {
            throw new AssertionError(e);
        }
    }
}
