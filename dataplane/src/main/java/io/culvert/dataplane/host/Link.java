// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.List;
import java.util.stream.IntStream;

/**
 * One port's place on its network. Immutable; shared by all workers.
 *
 * @param index of the port in the configuration; the same in counters, queues and adjacencies
 * @param mac as in {@link io.culvert.dataplane.wire.Ethernet}
 * @param mtu longest IP packet that leaves here, bytes
 * @param subnets of both families
 * @param gateway of IPv4; 0 when there is none
 * @param gateway6 of IPv6; {@link IpAddress#NONE} when there is none
 * @param vlan the VLAN whose tag the link's frames carry, 0 when they carry none
 * @param checksReversePath whether newcomers are believed only if the way back to them leads out of this port
 */
public record Link(int index, String name, long mac, int mtu, List<Subnet> subnets, int gateway, IpAddress gateway6,
                   int vlan, boolean checksReversePath) {
    public static final int NO_GATEWAY = 0;
    public static final int NO_ADDRESS = 0;
    public static final int UNTAGGED = 0;

    /** A port that checks the reverse path. */
    public Link(final int index, final String name, final long mac, final int mtu, final List<Subnet> subnets,
                final int gateway, final IpAddress gateway6, final int vlan) {
        this(index, name, mac, mtu, subnets, gateway, gateway6, vlan, true);
    }

    /** A port that checks the reverse path and has no IPv6 gateway. */
    public Link(final int index, final String name, final long mac, final int mtu, final List<Subnet> subnets,
                final int gateway, final int vlan) {
        this(index, name, mac, mtu, subnets, gateway, IpAddress.NONE, vlan);
    }

    /** An own address and the mask of the network it lies in, in network order; IPv4 as ::ffff:a.b.c.d. */
    public record Subnet(long high, long low, long maskHigh, long maskLow) {
        /** Of IPv4. */
        public Subnet(final int address, final int mask) {
            this(0, Ipv6Address.mapped(address), -1, 0xFFFF_FFFFL | (long) mask << Integer.SIZE);
        }

        /** @param prefixLength 0 to 32 for IPv4, 0 to 128 for IPv6 */
        public static Subnet of(final IpAddress address, final int prefixLength) {
            final int bits = prefixLength + (address.isIpv4() ? Ipv6Address.MAPPED_PREFIX_BITS : 0);
            return new Subnet(address.high(), address.low(), Ipv6Address.mask(bits),
                    Ipv6Address.mask(bits - Long.SIZE));
        }

        public boolean contains(final long otherHigh, final long otherLow) {
            // The whole of IPv6 has no IPv4 in it.
            return ((otherHigh ^ high) & maskHigh | (otherLow ^ low) & maskLow) == 0
                    && isIpv4() == Ipv6Address.isMapped(otherHigh, otherLow);
        }

        public boolean contains(final int other) {
            return contains(0, Ipv6Address.mapped(other));
        }

        public boolean isIpv4() {
            return Ipv6Address.isMapped(high, low);
        }

        /** The 32 bits of an IPv4 address. */
        public int address() {
            return (int) (low >>> Integer.SIZE);
        }

        /** The 32 bits of an IPv4 mask. */
        public int mask() {
            return (int) (maskLow >>> Integer.SIZE);
        }

        public IpAddress ip() {
            return new IpAddress(high, low);
        }

        /** The network itself, without the address in it. */
        public Subnet network() {
            return new Subnet(high & maskHigh, low & maskLow, maskHigh, maskLow);
        }

        @Override
        public String toString() {
            return ip() + "/" + (Long.bitCount(maskHigh) + Long.bitCount(maskLow)
                    - (isIpv4() ? Ipv6Address.MAPPED_PREFIX_BITS : 0));
        }
    }

    /** Whether this address can be reached here without a gateway. */
    public boolean isConnected(final long high, final long low) {
        for (int i = 0; i < subnets.size(); i++) {
            if (subnets.get(i).contains(high, low)) {
                return true;
            }
        }
        return false;
    }

    /** {@link #isConnected(long, long)} for IPv4. */
    public boolean isConnected(final int address) {
        return isConnected(0, Ipv6Address.mapped(address));
    }

    /**
     * What the IPv4 networks here keep from their hosts: of each its own address, with no bit of the host part set, and
     * its broadcast address, with all of them. A network of less than four addresses has neither (RFC 3021).
     */
    public IntStream reserved() {
        return subnets.stream().filter(subnet -> subnet.isIpv4() && Integer.bitCount(subnet.mask()) < Integer.SIZE - 1)
                .flatMapToInt(subnet -> IntStream.of(
                        subnet.address() & subnet.mask(), subnet.address() | ~subnet.mask()));
    }

    /** The own IPv6 address to speak from, as {@link #addressTowards(int)} chooses; null when there is none. */
    public Subnet addressTowards(final long high, final long low) {
        Subnet chosen = null;
        for (int i = 0; i < subnets.size(); i++) {
            final Subnet subnet = subnets.get(i);
            if (!subnet.isIpv4() && (chosen == null || subnet.contains(high, low))) {
                chosen = subnet;
            }
        }
        return chosen;
    }

    /** The own IPv4 address to speak from to this neighbour: one of its network, else the first, or NO_ADDRESS. */
    public int addressTowards(final int neighbor) {
        int first = NO_ADDRESS;
        for (int i = 0; i < subnets.size(); i++) {
            final Subnet subnet = subnets.get(i);
            if (subnet.contains(neighbor)) {
                return subnet.address();
            }
            first = first == NO_ADDRESS && subnet.isIpv4() ? subnet.address() : first;
        }
        return first;
    }
}
