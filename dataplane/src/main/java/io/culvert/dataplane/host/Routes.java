// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import java.util.List;

/**
 * Where to send to: the destination itself on a connected network, else a gateway, that of the port the packet came in
 * on first. A route is a link and a next hop in one long; {@link #NONE} is none.
 */
public final class Routes {
    public static final long NONE = -1;

    private final Link[] links;

    public Routes(final List<Link> links) {
        this.links = links.toArray(Link[]::new);
    }

    public long find(final int destination, final int ingress) {
        for (final Link link : links) {
            if (link.isConnected(destination)) {
                return route(link, destination);
            }
        }
        if (links[ingress].gateway() != Link.NO_GATEWAY) {
            return route(links[ingress], links[ingress].gateway());
        }
        for (final Link link : links) {
            if (link.gateway() != Link.NO_GATEWAY) {
                return route(link, link.gateway());
            }
        }
        return NONE;
    }

    public static int link(final long route) {
        return (int) (route >>> Integer.SIZE);
    }

    public static int nextHop(final long route) {
        return (int) route;
    }

    private static long route(final Link link, final int nextHop) {
        return (long) link.index() << Integer.SIZE | nextHop & 0xFFFF_FFFFL;
    }
}
