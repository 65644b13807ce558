// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.WorkerCounters;

/**
 * Packets whose next hop has not answered ARP yet. They have not been changed, so when it answers they walk again from
 * the start. Bounded in all and per next hop, so that a dead next hop cannot starve the others. Owned by one worker.
 */
final class Waiting {
    private static final int CAPACITY = 512;
    private static final int PER_NEIGHBOR = 128;
    private static final int PATIENCE_MS = 3_500;

    private final Neighbors neighbors;
    private final WorkerCounters counters;
    private final int gauge;

    private final long[] mbuf = new long[CAPACITY];
    private final int[] ingress = new int[CAPACITY];
    private final int[] adjacency = new int[CAPACITY];
    private final long[] sinceMs = new long[CAPACITY];
    private int count;
    private int seenGeneration;

    Waiting(final Neighbors neighbors, final WorkerCounters counters) {
        this.neighbors = neighbors;
        this.counters = counters;
        this.gauge = counters.catalog().of(CounterCatalog.WorkerCounter.WAITING);
    }

    int count() {
        return count;
    }

    /** {@link #hold(Burst, long, int, int)} for packet {@code i} of the dense arrays. */
    void hold(final Burst burst, final int i, final int nextHop, final long nowMs) {
        hold(burst, burst.mbuf(i), nextHop, nowMs);
        burst.leave(i);
    }

    /** {@link #hold} for a packet that is not one of the relayable. */
    void hold(final Burst burst, final long packet, final int nextHop, final long nowMs) {
        int forSameHop = 0;
        for (int held = 0; held < count; held++) {
            forSameHop += adjacency[held] == nextHop ? 1 : 0;
        }
        if (count == CAPACITY || forSameHop >= PER_NEIGHBOR || neighbors.hasFailed(nextHop)) {
            burst.drop(packet, DropReason.NEIGHBOR_UNRESOLVED);
            return;
        }
        mbuf[count] = packet;
        ingress[count] = burst.ingress;
        adjacency[count] = nextHop;
        sinceMs[count] = nowMs;
        counters.set(gauge, ++count);
    }

    /** Whether {@link #release} may find something: a next hop changed, or patience may have run out. */
    boolean isDue(final long nowMs) {
        return count > 0 && (neighbors.generation() != seenGeneration || nowMs - sinceMs[0] > PATIENCE_MS);
    }

    /** After all of {@link #release}: the changes of now have been seen. */
    void seen(final int generation) {
        seenGeneration = generation;
    }

    /**
     * Moves packets that came in on {@code link} and whose wait is over into the burst: those that can go on as
     * received, up to its capacity; the others are dropped.
     *
     * @return how many to walk
     */
    int release(final Burst burst, final int link, final long nowMs) {
        burst.begin(link, 0);
        int walking = 0;
        int kept = 0;
        int dropped = 0;
        for (int i = 0; i < count; i++) {
            final boolean isOurs = ingress[i] == link && walking < Burst.CAPACITY;
            if (isOurs && neighbors.isResolved(adjacency[i])) {
                burst.received.setAtIndex(JAVA_LONG, walking++, mbuf[i]);
            } else if (isOurs && (neighbors.hasFailed(adjacency[i]) || nowMs - sinceMs[i] > PATIENCE_MS)) {
                burst.drop(mbuf[i], DropReason.NEIGHBOR_UNRESOLVED);
                if (++dropped % Burst.CAPACITY == 0) {
                    burst.end();
                }
            } else {
                mbuf[kept] = mbuf[i];
                ingress[kept] = ingress[i];
                adjacency[kept] = adjacency[i];
                sinceMs[kept++] = sinceMs[i];
            }
        }
        count = kept;
        counters.set(gauge, count);
        burst.end();
        return walking;
    }

    /** The relay stops: what still waits is dropped by name. */
    void abandon(final Burst burst) {
        while (count > 0) {
            count--;
            burst.begin(ingress[count], 0);
            burst.drop(mbuf[count], DropReason.DRAINING);
            burst.end();
        }
        counters.set(gauge, 0);
    }
}
