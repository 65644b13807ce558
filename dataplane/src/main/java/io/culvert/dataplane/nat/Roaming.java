// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.wire.Ipv6Address;

/**
 * Which clients may come in at two workers: those that are believed on two ports whose NICs lay the same packet on
 * different queues, or of which that is not known. What an upstream moves from one port to the other is of the same
 * session all the same. Immutable.
 */
final class Roaming {
    private final Routes routes;
    private final ReplyQueues[] queues;
    /** By port and other port, for IPv4 and behind that for IPv6. */
    private final boolean[] isAlike;

    /** @param queues by link: how its NIC spreads packets; null, or missing, where that is not known */
    Roaming(final Routes routes, final ReplyQueues[] queues) {
        this.routes = routes;
        this.queues = queues;
        final int links = routes.links();
        this.isAlike = new boolean[2 * links * links];
        for (int pair = 0; pair < links * links; pair++) {
            isAlike[pair] = isAlike(pair / links, pair % links, false);
            isAlike[links * links + pair] = isAlike(pair / links, pair % links, true);
        }
    }

    private boolean isAlike(final int one, final int other, final boolean ipv6) {
        return one == other || isKnown(one) && isKnown(other) && queues[one].spreadsLike(queues[other], ipv6);
    }

    private boolean isKnown(final int link) {
        return link < queues.length && queues[link] != null;
    }

    /**
     * Whether packets of a client that came in here may come in at another worker.
     *
     * @param high and {@code low} halves of its address; IPv4 as ::ffff:a.b.c.d
     */
    boolean mayRoam(final long high, final long low, final int ingress) {
        final int links = routes.links();
        final int family = Ipv6Address.isMapped(high, low) ? 0 : links * links;
        for (int link = 0; link < links; link++) {
            if (!isAlike[family + ingress * links + link] && routes.believes(routes.find(high, low, link), link)) {
                return true;
            }
        }
        return false;
    }
}
