// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.host.Link.Subnet;
import java.util.List;

/**
 * What is relayed where: the external listener, who may send to it, the target, and the pool that lends the source.
 * Immutable. Addresses in network order or by number, ports as numbers.
 *
 * @param sources the networks that may send; empty for anybody
 * @param targetLow the port that {@code listenLow} goes to
 * @param keepsOffset whether the other ports of the range follow it, or all go to {@code targetLow}
 * @param pool index of the SNAT pool, or {@link #NO_SNAT} to keep the client's address
 * @param inboundRefresh whether packets from the target keep the session alive as those of the client do
 * @param sessionsLimit and {@code newPerSecond}: {@link Limits#NONE} where there is no limit
 */
public record Rule(int index, String name, int listenAddress, int listenLow, int listenHigh, List<Subnet> sources,
                   int targetAddress, int targetLow, boolean keepsOffset, int pool, NatBehavior behavior,
                   int idleTimeoutMs, int unansweredTimeoutMs, boolean decrementsTtl, boolean inboundRefresh,
                   int sessionsLimit, int newPerSecond) {
    public static final int NO_SNAT = -1;

    /** @param high and {@code low} halves of the source; IPv4 as ::ffff:a.b.c.d */
    public boolean admits(final long high, final long low) {
        for (int i = 0; i < sources.size(); i++) {
            if (sources.get(i).contains(high, low)) {
                return true;
            }
        }
        return sources.isEmpty();
    }

    /** Where a packet to this port of the listener goes. */
    public int targetPort(final int listenPort) {
        return keepsOffset ? targetLow + listenPort - listenLow : targetLow;
    }
}
