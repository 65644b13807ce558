// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.util.Arrays;

/**
 * The hash by which a NIC's receive side scaling spreads packets over its queues, over addresses and ports in the order
 * source, destination, source port, destination port. The hash of a whole is the exclusive or of the hashes of its
 * bytes in their places, so a table per place answers it; what one field contributes can be computed apart.
 * All values as they lie in the packet. Immutable.
 */
public final class Toeplitz {
    /** The hash slides a window of 32 bits over the key, a bit for each bit of the input. */
    private static final int WINDOW_BYTES = Integer.BYTES;
    private static final int IPV4_LENGTH = 2 * Integer.BYTES + 2 * Short.BYTES;
    private static final int IPV6_LENGTH = 2 * 2 * Long.BYTES + 2 * Short.BYTES;
    private static final int VALUES = 1 << Byte.SIZE;

    /** Key bytes that the hash of an IPv6 packet reaches. */
    public static final int IPV6_KEY_LENGTH = IPV6_LENGTH + WINDOW_BYTES;
    /** Key bytes that the hash of an IPv4 packet reaches. */
    public static final int IPV4_KEY_LENGTH = IPV4_LENGTH + WINDOW_BYTES;

    /** By place in the input, then by the byte there. */
    private final int[] table;

    /** @param key of at least {@link #IPV4_KEY_LENGTH} bytes */
    public Toeplitz(final byte[] key) {
        final int places = Math.min(key.length - WINDOW_BYTES, IPV6_LENGTH);
        table = new int[places * VALUES];
        for (int place = 0; place < places; place++) {
            long window = 0;
            for (int i = 0; i <= WINDOW_BYTES; i++) {
                window = window << Byte.SIZE | key[place + i] & 0xFF;
            }
            for (int value = 0; value < VALUES; value++) {
                int hash = 0;
                for (int bit = 0; bit < Byte.SIZE; bit++) {
                    hash ^= (value & 0x80 >>> bit) != 0 ? (int) (window >>> Byte.SIZE - bit) : 0;
                }
                table[place * VALUES + value] = hash;
            }
        }
    }

    /** Whether both give every packet of this family the same hash. */
    boolean agreesWith(final Toeplitz other, final boolean ipv6) {
        final int places = ipv6 ? IPV6_LENGTH : IPV4_LENGTH;
        return Arrays.equals(table, 0, Math.min(table.length, places * VALUES),
                other.table, 0, Math.min(other.table.length, places * VALUES));
    }

    public int ofIpv4(final int source, final int destination, final int ports) {
        return of(source, 0) ^ of(destination, Integer.BYTES) ^ ofIpv4Ports(ports);
    }

    /** The contribution of both ports; that of a port which is 0 is 0. */
    public int ofIpv4Ports(final int ports) {
        return of(ports, 2 * Integer.BYTES);
    }

    public int ofIpv6(final long sourceHigh, final long sourceLow, final long destinationHigh,
                      final long destinationLow, final int ports) {
        return of(sourceHigh, 0) ^ of(sourceLow, Long.BYTES) ^ of(destinationHigh, 2 * Long.BYTES)
                ^ of(destinationLow, 3 * Long.BYTES) ^ ofIpv6Ports(ports);
    }

    public int ofIpv6Ports(final int ports) {
        return of(ports, 4 * Long.BYTES);
    }

    private int of(final long field, final int place) {
        return of((int) field, place) ^ of((int) (field >>> Integer.SIZE), place + Integer.BYTES);
    }

    private int of(final int field, final int place) {
        final int at = place * VALUES;
        return table[at + (field & 0xFF)] ^ table[at + VALUES + (field >>> 8 & 0xFF)]
                ^ table[at + 2 * VALUES + (field >>> 16 & 0xFF)] ^ table[at + 3 * VALUES + (field >>> 24)];
    }
}
