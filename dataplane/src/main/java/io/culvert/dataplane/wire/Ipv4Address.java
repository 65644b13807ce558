// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import java.net.Inet4Address;

/** IPv4 addresses as ints in the order they have on the wire: the lowest byte is the first. */
public final class Ipv4Address {
    public static int of(final Inet4Address address) {
        final byte[] bytes = address.getAddress();
        return bytes[0] & 0xFF | (bytes[1] & 0xFF) << 8 | (bytes[2] & 0xFF) << 16 | (bytes[3] & 0xFF) << 24;
    }

    /** The mask of a prefix, 0 to 32 bits long. */
    public static int mask(final int prefixLength) {
        return prefixLength == 0 ? 0 : Integer.reverseBytes(-1 << (Integer.SIZE - prefixLength));
    }

    /** 0/8, 127/8, 224/4 and 240/4, the limited broadcast included: nobody may send from these (RFC 6890). */
    public static boolean cannotBeSource(final int address) {
        final int first = address & 0xFF;
        return first == 0 || first == 127 || first >= 224;
    }

    public static String format(final int address) {
        return (address & 0xFF) + "." + (address >>> 8 & 0xFF) + "." + (address >>> 16 & 0xFF) + "."
                + (address >>> 24);
    }

    private Ipv4Address() { }
}
