// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import java.nio.ByteBuffer;

/** Ethernet frames with IPv4 fragments, cut from a whole one. */
final class FragmentFrames {
    private static final int IP = 14;
    private static final int LENGTH_AT = IP + 2;
    private static final int ID_AT = IP + 4;
    private static final int FRAGMENT_AT = IP + 6;
    private static final int PAYLOAD = IP + 20;
    private static final int MORE = 0x2000;

    private FragmentFrames() { }

    /** Bytes of the IP payload of a frame, as a fragment of it; {@code from} is a multiple of eight. */
    static byte[] cut(final byte[] whole, final int id, final int from, final int to) {
        final int end = Math.min(to, whole.length - PAYLOAD);
        final int more = end < whole.length - PAYLOAD ? MORE : 0;
        final ByteBuffer bytes = ByteBuffer.allocate(PAYLOAD + end - from);
        bytes.put(whole, 0, PAYLOAD).put(whole, PAYLOAD + from, end - from);
        bytes.putShort(LENGTH_AT, (short) (bytes.capacity() - IP)).putShort(ID_AT, (short) id);
        bytes.putShort(FRAGMENT_AT, (short) (more | from / Long.BYTES));
        return UdpFrame.read(bytes.array()).ttl(64).bytes();
    }
}
