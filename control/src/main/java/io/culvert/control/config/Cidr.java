// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.regex.Pattern;

/**
 * An IPv4 address and its prefix length. Host bits are kept, because {@code 203.0.113.1/24} is a port's own address
 * and its network in one; {@link #network()} drops them.
 */
public record Cidr(InetAddress address, int prefixLength) {
    private static final Pattern PREFIX = Pattern.compile("[0-9]|[12][0-9]|3[0-2]");
    /** Shorter prefixes have a network and a broadcast address (RFC 3021 frees /31 of them). */
    private static final int POINT_TO_POINT = 31;

    public Cidr {
        if (!(address instanceof Inet4Address) || prefixLength < 0 || prefixLength > Integer.SIZE) {
            throw new IllegalArgumentException(address + "/" + prefixLength);
        }
    }

    /** @throws IllegalArgumentException whose message opens with the quoted text and ends with the mend */
    public static Cidr parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0) {
            final InetAddress address = Addresses.parse(text);
            throw new IllegalArgumentException(Quote.of(text) + " has no prefix length. Fix: write "
                    + address.getHostAddress() + "/32 for this one address, or the length of its network, like /24");
        }
        final InetAddress address = Addresses.parse(text.substring(0, slash));
        final String prefix = text.substring(slash + 1);
        if (!PREFIX.matcher(prefix).matches()) {
            throw new IllegalArgumentException(Quote.of(text) + " has no prefix length from 0 to 32. Fix: write "
                    + address.getHostAddress() + "/" + suggestedPrefix(prefix));
        }
        return new Cidr(address, Integer.parseInt(prefix));
    }

    /** The same network without host bits. */
    public Cidr network() {
        return new Cidr(Addresses.of(Addresses.bits(address) & mask()), prefixLength);
    }

    public boolean contains(final InetAddress other) {
        return other instanceof Inet4Address && ((Addresses.bits(other) ^ Addresses.bits(address)) & mask()) == 0;
    }

    public boolean overlaps(final Cidr other) {
        return prefixLength <= other.prefixLength ? contains(other.address) : other.contains(address);
    }

    /** Whether the address is the network's own or its broadcast address, which no host can have. */
    boolean reserves(final InetAddress other) {
        final int host = Addresses.bits(other) & ~mask();
        return prefixLength < POINT_TO_POINT && contains(other) && (host == 0 || host == ~mask());
    }

    private int mask() {
        return prefixLength == 0 ? 0 : -1 << Integer.SIZE - prefixLength;
    }

    /** The prefix length that a netmask stands for; 24 when it is not one. */
    private static int suggestedPrefix(final String text) {
        try {
            final int mask = Addresses.bits(Addresses.parse(text));
            final int length = Integer.numberOfLeadingZeros(~mask);
            return length == Integer.bitCount(mask) ? length : 24;
        } catch (final IllegalArgumentException notANetmask) {
            return 24;
        }
    }

    @Override
    public String toString() {
        return address.getHostAddress() + "/" + prefixLength;
    }
}
