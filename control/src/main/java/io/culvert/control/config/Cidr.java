// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.InetAddress;
import java.util.regex.Pattern;

/**
 * An address and its prefix length. Host bits are kept, because {@code 203.0.113.1/24} is a port's own address and its
 * network in one; {@link #network()} drops them.
 */
public record Cidr(InetAddress address, int prefixLength) {
    private static final Pattern NUMBER = Pattern.compile("0|[1-9][0-9]{0,2}");

    public Cidr {
        if (prefixLength < 0 || prefixLength > Addresses.bits(address)) {
            throw new IllegalArgumentException(address + "/" + prefixLength);
        }
    }

    /** @throws IllegalArgumentException whose message opens with the quoted text and ends with the mend */
    public static Cidr parse(final String text) {
        final int slash = text.indexOf('/');
        final InetAddress address = Addresses.parse(slash < 0 ? text : text.substring(0, slash));
        final int longest = Addresses.bits(address);
        if (slash < 0) {
            throw new IllegalArgumentException(Quote.of(text) + " has no prefix length. Fix: write "
                    + Addresses.text(address) + "/" + longest + " for this one address, or the length of its network,"
                    + " like /" + usualPrefix(address));
        }
        final String prefix = text.substring(slash + 1);
        if (!NUMBER.matcher(prefix).matches() || Integer.parseInt(prefix) > longest) {
            throw new IllegalArgumentException(Quote.of(text) + " has no prefix length from 0 to " + longest
                    + ". Fix: write " + Addresses.text(address) + "/" + suggestedPrefix(address, prefix));
        }
        return new Cidr(address, Integer.parseInt(prefix));
    }

    /** The same network without host bits. */
    public Cidr network() {
        return new Cidr(Addresses.of(edge(false)), prefixLength);
    }

    /** The lowest address of the network, or the highest. */
    byte[] edge(final boolean highest) {
        final byte[] bytes = address.getAddress();
        for (int bit = prefixLength; bit < Addresses.bits(address); bit++) {
            final int mask = 0x80 >>> bit % Byte.SIZE;
            bytes[bit / Byte.SIZE] = (byte) (highest ? bytes[bit / Byte.SIZE] | mask : bytes[bit / Byte.SIZE] & ~mask);
        }
        return bytes;
    }

    public boolean contains(final InetAddress other) {
        return Addresses.bits(other) == Addresses.bits(address)
                && new Cidr(other, prefixLength).network().address.equals(network().address);
    }

    public boolean overlaps(final Cidr other) {
        return prefixLength <= other.prefixLength ? contains(other.address) : other.contains(address);
    }

    /**
     * Whether no host can have the address: it is the network's own (of IPv6: the subnet-router anycast address, RFC
     * 4291 2.6.1) or its broadcast address. RFC 3021 and RFC 6164 free networks of two addresses of them.
     */
    boolean reserves(final InetAddress other) {
        final boolean isPointToPoint = prefixLength >= Addresses.bits(address) - 1;
        return !isPointToPoint && (Addresses.of(edge(false)).equals(other)
                || !Addresses.isIpv6(address) && Addresses.of(edge(true)).equals(other));
    }

    /** The prefix length that a netmask stands for; a usual one when it is not one. */
    private static int suggestedPrefix(final InetAddress address, final String text) {
        try {
            final int mask = Addresses.of4(Addresses.parse(text));
            final int length = Integer.numberOfLeadingZeros(~mask);
            return length == Integer.bitCount(mask) ? length : usualPrefix(address);
        } catch (final IllegalArgumentException notANetmask) {
            return usualPrefix(address);
        }
    }

    private static int usualPrefix(final InetAddress address) {
        return Addresses.isIpv6(address) ? 64 : 24;
    }

    @Override
    public String toString() {
        return Addresses.text(address) + "/" + prefixLength;
    }
}
