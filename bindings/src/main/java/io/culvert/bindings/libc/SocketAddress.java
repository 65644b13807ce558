// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;

/**
 * An IPv4 endpoint as one long: the first eight bytes of struct sockaddr_in, read in one load, compared in one step.
 * <pre>
 *  byte 0        2      4                8
 *     0 | family | port | address        |   port and address in network order
 * </pre>
 */
public final class SocketAddress {
    /** sizeof(struct sockaddr_in): the eight bytes above and eight of zeros. */
    static final int LENGTH = 16;

    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED;

    private SocketAddress() {
    }

    public static long of(final InetSocketAddress endpoint) {
        if (!(endpoint.getAddress() instanceof final Inet4Address address)) {
            throw new IllegalArgumentException(endpoint + " is not an IPv4 endpoint");
        }
        return of(ByteBuffer.wrap(address.getAddress()).getInt(), endpoint.getPort());
    }

    public static long of(final int addressHost, final int portHost) {
        final long address = Integer.toUnsignedLong(Integer.reverseBytes(addressHost));
        final long port = Short.toUnsignedLong(Short.reverseBytes((short) portHost));
        return address << 32 | port << 16 | Libc.AF_INET();
    }

    public static int addressHost(final long endpoint) {
        return Integer.reverseBytes((int) (endpoint >>> 32));
    }

    public static int portHost(final long endpoint) {
        return Short.toUnsignedInt(Short.reverseBytes((short) (endpoint >>> 16)));
    }

    public static String addressText(final int addressHost) {
        try {
            return InetAddress.getByAddress(ByteBuffer.allocate(4).putInt(addressHost).array()).getHostAddress();
        } catch (final UnknownHostException e) {
            throw new AssertionError("four bytes are an IPv4 address", e);
        }
    }

    public static String text(final long endpoint) {
        return addressText(addressHost(endpoint)) + ":" + portHost(endpoint);
    }

    static long read(final MemorySegment memory, final long at) {
        return memory.get(WORD, at);
    }

    static void write(final MemorySegment memory, final long at, final long endpoint) {
        memory.set(WORD, at, endpoint);
        memory.set(WORD, at + Long.BYTES, 0L);
    }
}
