// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.List;

/**
 * Where to send to: the destination itself on a connected network, else a gateway of its family, that of the port the
 * packet came in on first. A route is a link, and whether its gateway is the next hop, in one int; {@link #NONE} is
 * none.
 */
public final class Routes {
    public static final int NONE = -1;

    private static final int BY_GATEWAY = 1;

    private final Link[] links;
    /** By link and family: IPv4 at the even places. {@link IpAddress#NONE} where there is none. */
    private final IpAddress[] gateways;

    public Routes(final List<Link> links) {
        this.links = links.toArray(Link[]::new);
        this.gateways = new IpAddress[2 * links.size()];
        for (final Link link : links) {
            gateways[2 * link.index()] = link.gateway() == Link.NO_GATEWAY
                    ? IpAddress.NONE : new IpAddress(0, Ipv6Address.mapped(link.gateway()));
            gateways[2 * link.index() + 1] = link.gateway6();
        }
    }

    /** How many links there are. */
    public int links() {
        return links.length;
    }

    /** @param high and {@code low} halves of the destination; IPv4 as ::ffff:a.b.c.d */
    public int find(final long high, final long low, final int ingress) {
        for (final Link link : links) {
            if (link.isConnected(high, low)) {
                return link.index() << 1;
            }
        }
        final int family = family(high, low);
        if (gateways[2 * ingress + family] != IpAddress.NONE) {
            return ingress << 1 | BY_GATEWAY;
        }
        for (int link = 0; link < links.length; link++) {
            if (gateways[2 * link + family] != IpAddress.NONE) {
                return link << 1 | BY_GATEWAY;
            }
        }
        return NONE;
    }

    public static int link(final int route) {
        return route >> 1;
    }

    /**
     * Whether a newcomer who came in on this link is believed, when this is the way back to him: a port that checks the
     * reverse path believes only those whom the relay answers through it (RFC 3704 2.2).
     */
    public boolean believes(final int wayBack, final int ingress) {
        return !links[ingress].checksReversePath() || link(wayBack) == ingress;
    }

    /**
     * The adjacency of a route that was found for this destination; {@link Neighbors#UNKNOWN} when the destination is a
     * client in a connected network, whose next hop is itself and to be acquired.
     */
    public int nextHop(final Neighbors neighbors, final int route, final long high, final long low) {
        if ((route & BY_GATEWAY) == 0) {
            return neighbors.configured(link(route), high, low);
        }
        final IpAddress gateway = gateways[2 * link(route) + family(high, low)];
        return neighbors.configured(link(route), gateway.high(), gateway.low());
    }

    private static int family(final long high, final long low) {
        return Ipv6Address.isMapped(high, low) ? 0 : 1;
    }
}
