// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import java.util.Arrays;

/**
 * Packets whose next hop has not answered ARP or neighbor discovery yet. They have not been changed, so when it answers
 * they walk again from the start. A next hop holds 32, and a newer packet takes the place of its oldest (RFC 4861
 * 7.2.2). The last 128 places of 512 are for next hops for which nothing waits yet, and when these are full the packet
 * that has waited for longest leaves: so those that stay silent never keep out one that is about to answer. Owned by
 * one worker; to hold a packet costs the same however many wait.
 */
final class Waiting {
    static final int CAPACITY = 512;
    static final int PER_NEIGHBOR = 32;
    /** From so many on a packet is held only if it is the first for its next hop. */
    static final int SHARED = 384;
    private static final int PATIENCE_MS = 3_500;
    private static final int NONE = -1;

    private final Neighbors neighbors;
    private final ClientHops hops;
    private final WorkerCounters counters;
    private final int gauge;

    // By room of a packet. All rooms in use are a list from the oldest packet to the newest, those of one next hop too.
    private final long[] mbuf = new long[CAPACITY];
    private final int[] ingress = new int[CAPACITY];
    private final int[] place = new int[CAPACITY];
    private final long[] sinceMs = new long[CAPACITY];
    private final int[] older = new int[CAPACITY];
    private final int[] newer = new int[CAPACITY];
    private final int[] olderOfHop = new int[CAPACITY];
    private final int[] newerOfHop = new int[CAPACITY];
    private final int[] free = new int[CAPACITY];
    private int oldest = NONE;
    private int newest = NONE;
    private int count;

    // By place of a next hop.
    private final int[] oldestOfHop = new int[Neighbors.CAPACITY];
    private final int[] newestOfHop = new int[Neighbors.CAPACITY];
    private final char[] countOfHop = new char[Neighbors.CAPACITY];

    private int seenGeneration;
    /** Something is held whose next hop is usable: its flow has named it only now. */
    private boolean isReady;

    Waiting(final Neighbors neighbors, final ClientHops hops, final WorkerCounters counters) {
        this.neighbors = neighbors;
        this.hops = hops;
        this.counters = counters;
        this.gauge = counters.catalog().of(CounterCatalog.WorkerCounter.WAITING);
        Arrays.fill(oldestOfHop, NONE);
        Arrays.fill(newestOfHop, NONE);
        Arrays.setAll(free, room -> room);
    }

    int count() {
        return count;
    }

    /** {@link #hold(Burst, long, int, long)} for packet {@code i} of the dense arrays, whose flow has no next hop. */
    void hold(final Burst burst, final int i, final long nowMs) {
        final long flow = burst.flow(i);
        FlowEntry.tried(flow, nowMs);
        burst.leave(i);
        hold(burst, burst.mbuf(i), hops.placeToWaitFor(flow), nowMs);
    }

    /** Holds a packet, or drops it where waiting is in vain. @param nextHop its place in {@link Neighbors} */
    void hold(final Burst burst, final long packet, final int nextHop, final long nowMs) {
        if (nextHop == Neighbors.NO_PLACE) {
            burst.drop(packet, DropReason.NEIGHBOR_UNRESOLVED);
            return;
        }
        neighbors.need(nextHop);
        if (neighbors.hasFailed(nextHop, nowMs)) {
            burst.drop(packet, DropReason.NEIGHBOR_UNRESOLVED);
            return;
        }
        // What waited in the room for an answer that is here now comes back for one more walk, and has room.
        final boolean isUsable = neighbors.isResolved(nextHop);
        if (!isUsable && (countOfHop[nextHop] >= PER_NEIGHBOR || count >= SHARED && countOfHop[nextHop] > 0)) {
            makeRoom(burst, oldestOfHop[nextHop]);
        } else if (count == CAPACITY) {
            makeRoom(burst, oldest);
        }
        isReady |= isUsable;
        add(packet, burst.ingress, nextHop, nowMs);
    }

    /** Drops a packet that waits, for one that came in later and maybe elsewhere. */
    private void makeRoom(final Burst burst, final int room) {
        final int link = burst.ingress;
        burst.from(ingress[room]);
        burst.drop(mbuf[room], DropReason.NEIGHBOR_UNRESOLVED);
        burst.from(link);
        remove(room);
    }

    /** Whether {@link #release} may find something: a next hop changed, or patience may have run out. */
    boolean isDue(final long nowMs) {
        return count > 0 && (isReady || neighbors.generation() != seenGeneration
                || nowMs - sinceMs[oldest] > PATIENCE_MS);
    }

    /** After all of {@link #release}: the changes of now have been seen. */
    void seen(final int generation) {
        seenGeneration = generation;
        isReady = false;
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
        int next;
        for (int room = oldest; room != NONE && walking < Burst.CAPACITY; room = next) {
            next = newer[room];
            if (ingress[room] == link) {
                if (neighbors.isResolved(place[room])) {
                    burst.received.setAtIndex(JAVA_LONG, walking++, mbuf[room]);
                    remove(room);
                } else if (neighbors.hasFailed(place[room], nowMs) || nowMs - sinceMs[room] > PATIENCE_MS) {
                    burst.drop(mbuf[room], DropReason.NEIGHBOR_UNRESOLVED);
                    remove(room);
                }
            }
        }
        counters.set(gauge, count);
        burst.end();
        return walking;
    }

    /** The relay stops: what still waits is dropped by name. */
    void abandon(final Burst burst) {
        while (count > 0) {
            burst.begin(ingress[oldest], 0);
            burst.drop(mbuf[oldest], DropReason.DRAINING);
            burst.end();
            remove(oldest);
        }
        counters.set(gauge, 0);
    }

    private void add(final long packet, final int link, final int nextHop, final long nowMs) {
        final int room = free[count++];
        mbuf[room] = packet;
        ingress[room] = link;
        place[room] = nextHop;
        sinceMs[room] = nowMs;
        older[room] = newest;
        newer[room] = NONE;
        if (newest == NONE) {
            oldest = room;
        } else {
            newer[newest] = room;
        }
        newest = room;
        final int before = newestOfHop[nextHop];
        olderOfHop[room] = before;
        newerOfHop[room] = NONE;
        if (before == NONE) {
            oldestOfHop[nextHop] = room;
        } else {
            newerOfHop[before] = room;
        }
        newestOfHop[nextHop] = room;
        countOfHop[nextHop]++;
        counters.set(gauge, count);
    }

    private void remove(final int room) {
        if (older[room] == NONE) {
            oldest = newer[room];
        } else {
            newer[older[room]] = newer[room];
        }
        if (newer[room] == NONE) {
            newest = older[room];
        } else {
            older[newer[room]] = older[room];
        }
        final int hop = place[room];
        if (olderOfHop[room] == NONE) {
            oldestOfHop[hop] = newerOfHop[room];
        } else {
            newerOfHop[olderOfHop[room]] = newerOfHop[room];
        }
        if (newerOfHop[room] == NONE) {
            newestOfHop[hop] = olderOfHop[room];
        } else {
            olderOfHop[newerOfHop[room]] = olderOfHop[room];
        }
        countOfHop[hop]--;
        free[--count] = room;
    }
}
