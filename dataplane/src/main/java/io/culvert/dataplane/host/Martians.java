// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.List;

/**
 * The source addresses that no packet from outside can rightly have, on whichever port it came in (RFC 1812 5.3.7, RFC
 * 6890): those that are nobody's, the relay's own, and of each connected IPv4 network its own address and its
 * broadcast address. A session with one of these would have the relay send to all hosts of a network. Immutable;
 * shared by all workers.
 */
public final class Martians {
    private final AddressSet own;
    private final AddressSet reserved;
    private final Link[] links;

    public Martians(final AddressSet own, final List<Link> links) {
        this.own = own;
        this.reserved = new AddressSet(links.stream().flatMapToInt(Link::reserved).boxed().toList());
        this.links = links.toArray(Link[]::new);
    }

    public boolean contains(final int source) {
        return Ipv4Address.cannotBeSource(source) || own.contains(source) || reserved.contains(source);
    }

    /**
     * The same for the source of an IPv6 packet. IPv6 has no broadcast; what stands for it, multicast, is among them.
     * The address of a network itself is the anycast address of its routers (RFC 4291 2.6.1), which RFC 4291 lets them
     * send from. A link-local address is no martian; that it has no way beyond its link is the caller's to know.
     */
    public boolean contains(final long high, final long low) {
        return Ipv6Address.cannotBeSource(high, low) || own.contains(high, low) || isLinkLocalOfOurs(high, low);
    }

    /** The link-local addresses that {@code Ipv6Host} speaks from are the relay's own too, one of each port. */
    private boolean isLinkLocalOfOurs(final long high, final long low) {
        if (high != Ipv6Address.linkLocalHigh()) {
            return false;
        }
        for (final Link link : links) {
            if (low == Ipv6Address.interfaceId(link.mac())) {
                return true;
            }
        }
        return false;
    }
}
