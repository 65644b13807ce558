// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

/**
 * IPv6 addresses as two longs in the order they have on the wire: the lowest byte of {@code high} is the first. An IPv4
 * address in their midst is written ::ffff:a.b.c.d, so that one table can hold both families (RFC 4291 2.5.5.2).
 */
public final class Ipv6Address {
    public static final int LENGTH = 16;
    /** The prefix that IPv4 addresses have in the midst of others. */
    public static final int MAPPED_PREFIX_BITS = 96;

    private static final long MAPPED = 0xFFFF_0000L;
    private static final long LOW_32 = 0xFFFF_FFFFL;
    private static final long LOOPBACK = 1L << 56;
    /** The first 16 bits of fe80::/10 and their mask, as they lie in memory. */
    private static final long LINK_LOCAL = 0x80FE;
    private static final long LINK_LOCAL_MASK = 0xC0FF;
    /** ff02:0:0:0:0:1:ff00::/104, as it lies in memory. */
    private static final long SOLICITED_NODE_HIGH = 0x02FF;
    private static final long SOLICITED_NODE_LOW = 0xFF_0100_0000L;
    private static final long ALL_NODES_LOW = LOOPBACK;
    private static final long LOW_24 = 0xFFFF_FF00_0000_0000L;

    /** The low half of an IPv4 address; the high half is 0. */
    public static long mapped(final int ipv4) {
        return MAPPED | (long) ipv4 << Integer.SIZE;
    }

    public static boolean isMapped(final long high, final long low) {
        return high == 0 && (low & LOW_32) == MAPPED;
    }

    /** The half of a prefix's mask that lies in the first or second 64 bits. */
    public static long mask(final int bits) {
        if (bits <= 0) {
            return 0;
        }
        return bits >= Long.SIZE ? -1 : Long.reverseBytes(-1L << Long.SIZE - bits);
    }

    public static boolean isLinkLocal(final long high) {
        return (high & LINK_LOCAL_MASK) == LINK_LOCAL;
    }

    public static boolean isMulticast(final long high) {
        return (high & 0xFF) == 0xFF;
    }

    /** Whether it is unspecified, loopback, multicast, or has an IPv4 address inside: nobody may send from these. */
    public static boolean cannotBeSource(final long high, final long low) {
        return isMulticast(high) || high == 0 && ((low & LOW_32) == 0 || (low & LOW_32) == MAPPED);
    }

    /** The low half of the link-local address that a MAC address gives (RFC 4291, appendix A). */
    public static long interfaceId(final long mac) {
        return mac & 0xFF_FFFFL ^ 0x02 | 0xFEFFL << 24 | (mac >>> 24 & 0xFF_FFFFL) << 40;
    }

    /** fe80::/64, the high half of {@link #interfaceId}. */
    public static long linkLocalHigh() {
        return LINK_LOCAL;
    }

    /** Whether this is the solicited-node multicast address of a unicast address that ends so (RFC 4291 2.7.1). */
    public static boolean isSolicitedNode(final long high, final long low, final long unicastLow) {
        return high == SOLICITED_NODE_HIGH && low == solicitedNodeLow(unicastLow);
    }

    public static long solicitedNodeHigh() {
        return SOLICITED_NODE_HIGH;
    }

    public static long solicitedNodeLow(final long unicastLow) {
        return SOLICITED_NODE_LOW | unicastLow & LOW_24;
    }

    /** ff02::1 has the high half of solicited-node addresses and this low one. */
    public static long allNodesLow() {
        return ALL_NODES_LOW;
    }

    /** The MAC address that packets to a multicast address go to: 33:33 and its last four bytes (RFC 2464 7). */
    public static long multicastMac(final long low) {
        return 0x3333L | low >>> Integer.SIZE << Short.SIZE;
    }

    /** As RFC 5952 writes it: the longest run of zero groups is left out. */
    public static String format(final long high, final long low) {
        int bestFrom = -1;
        int bestLength = 1;
        for (int from = 0; from < 8; from++) {
            int length = 0;
            while (from + length < 8 && group(high, low, from + length) == 0) {
                length++;
            }
            if (length > bestLength) {
                bestFrom = from;
                bestLength = length;
            }
        }
        final StringBuilder text = new StringBuilder(39);
        for (int at = 0; at < 8; at++) {
            if (at == bestFrom) {
                text.append("::");
                at += bestLength - 1;
            } else {
                text.append(text.isEmpty() || text.charAt(text.length() - 1) == ':' ? "" : ":")
                        .append(Integer.toHexString(group(high, low, at)));
            }
        }
        return text.toString();
    }

    private static int group(final long high, final long low, final int index) {
        return Wire.host16((int) ((index < 4 ? high : low) >>> (index & 3) * Short.SIZE));
    }

    private Ipv6Address() { }
}
