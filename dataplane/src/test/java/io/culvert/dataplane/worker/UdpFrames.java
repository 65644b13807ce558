// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.StrictPacket.ETHERNET;

import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** Datagrams of both families, whole or in fragments, with every checksum right. Shares no code with the relay. */
final class UdpFrames {
    private static final int UDP_HEADER = 8;
    private static final int UNIT = 8;

    private UdpFrames() { }

    /** @param macTo and {@code macFrom}: as they are written */
    static byte[] udp(final long macTo, final long macFrom, final Endpoint source, final Endpoint destination,
                      final int ttl, final byte[] payload) {
        final byte[] frame = new byte[ipHeader(source) + ETHERNET + UDP_HEADER + payload.length];
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        header(bytes, macTo, macFrom, source, destination, ttl, UDP_HEADER + payload.length);
        final int udp = ETHERNET + ipHeader(source);
        bytes.putShort(udp, (short) source.port()).putShort(udp + 2, (short) destination.port());
        bytes.putShort(udp + 4, (short) (UDP_HEADER + payload.length));
        System.arraycopy(payload, 0, frame, udp + UDP_HEADER, payload.length);
        final int addresses = source.isIpv4() ? 26 : 22;
        final int pseudo = StrictPacket.sum(frame, addresses, udp) + StrictPacket.UDP + UDP_HEADER + payload.length;
        final int sum = 0xFFFF & ~StrictPacket.fold(pseudo + StrictPacket.sum(frame, udp, frame.length));
        bytes.putShort(udp + 6, (short) (sum == 0 ? 0xFFFF : sum));
        return frame;
    }

    private static void header(final ByteBuffer bytes, final long macTo, final long macFrom, final Endpoint source,
                               final Endpoint destination, final int ttl, final int length) {
        bytes.putLong(0, macTo << 16).putLong(6, macFrom << 16);
        if (source.isIpv4()) {
            bytes.putShort(12, (short) StrictPacket.IPV4).put(14, (byte) 0x45).put(15, (byte) 0);
            bytes.putShort(16, (short) (20 + length)).put(22, (byte) ttl).put(23, (byte) StrictPacket.UDP);
            bytes.putInt(26, (int) source.low()).putInt(30, (int) destination.low());
            sealIpv4(bytes);
        } else {
            bytes.putShort(12, (short) StrictPacket.IPV6).putInt(14, 0x60 << 24).putShort(18, (short) length);
            bytes.put(20, (byte) StrictPacket.UDP).put(21, (byte) ttl);
            bytes.putLong(22, source.high()).putLong(30, source.low());
            bytes.putLong(38, destination.high()).putLong(46, destination.low());
        }
    }

    private static void sealIpv4(final ByteBuffer bytes) {
        bytes.putShort(24, (short) 0).putShort(24, (short) ~StrictPacket.sum(bytes.array(), ETHERNET, 34));
    }

    private static int ipHeader(final Endpoint source) {
        return source.isIpv4() ? 20 : 40;
    }

    /** An IPv4 frame that says {@code DF}. */
    static byte[] unfragmentable(final byte[] frame) {
        final ByteBuffer bytes = ByteBuffer.wrap(frame.clone());
        bytes.put(20, (byte) (bytes.get(20) | 0x40));
        sealIpv4(bytes);
        return bytes.array();
    }

    /**
     * A fragment of a whole datagram, the UDP header being its first unit.
     *
     * @param from and {@code to}: in units of eight bytes; beyond the datagram's end the bytes are zero
     * @param ttl of this fragment
     */
    static byte[] fragment(final byte[] whole, final int id, final int from, final int to, final boolean more,
                           final int ttl) {
        final boolean isIpv4 = StrictPacket.word(whole, 12) == StrictPacket.IPV4;
        final int header = isIpv4 ? 34 : 54;
        final int length = (to - from) * UNIT;
        final byte[] frame = Arrays.copyOf(whole, header + (isIpv4 ? 0 : UNIT) + length);
        final int payload = frame.length - length;
        final int start = Math.min(whole.length, header + from * UNIT);
        Arrays.fill(frame, payload, frame.length, (byte) 0);
        System.arraycopy(whole, start, frame, payload, Math.min(whole.length - start, length));
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        if (isIpv4) {
            bytes.putShort(16, (short) (20 + length)).putShort(18, (short) id).put(22, (byte) ttl);
            bytes.putShort(20, (short) ((whole[20] & 0x40) << 8 | (more ? 0x2000 : 0) | from));
            sealIpv4(bytes);
        } else {
            bytes.putShort(18, (short) (UNIT + length)).put(20, (byte) 44).put(21, (byte) ttl);
            bytes.put(54, (byte) StrictPacket.UDP).put(55, (byte) 0);
            bytes.putShort(56, (short) (from * UNIT | (more ? 1 : 0))).putInt(58, id);
        }
        return frame;
    }

    static byte[] tagged(final byte[] frame, final int vlan) {
        final byte[] tagged = new byte[frame.length + 4];
        System.arraycopy(frame, 0, tagged, 0, 12);
        ByteBuffer.wrap(tagged).putShort(12, (short) 0x8100).putShort(14, (short) vlan);
        System.arraycopy(frame, 12, tagged, 16, frame.length - 12);
        return tagged;
    }

    static byte[] untagged(final byte[] tagged) {
        final byte[] frame = new byte[tagged.length - 4];
        System.arraycopy(tagged, 0, frame, 0, 12);
        System.arraycopy(tagged, 16, frame, 12, frame.length - 12);
        return frame;
    }
}
