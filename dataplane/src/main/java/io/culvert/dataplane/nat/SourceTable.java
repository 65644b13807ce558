// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How many sessions each network of senders has, and how fast it opens new ones. Two buckets of four places each are
 * where a network may lie, the emptier one is where it goes, so no question looks at more than eight. A network
 * without sessions whose bucket is full again is as good as unknown: its place is free. Memory follows from the
 * sessions that there can be; who floods with made-up senders fills no more than he has sessions.
 * <pre>
 *  byte 0         8          16         20      32
 *     0 | network | full, ns | sessions |       |
 * </pre>
 */
final class SourceTable {
    static final long NOT_FOUND = -1;

    private static final int NETWORK = 0;
    private static final int FULL_NS = NETWORK + Long.BYTES;
    private static final int SESSIONS = FULL_NS + Long.BYTES;
    private static final int LENGTH = 32;
    private static final int PLACES = 4;
    private static final int BUCKET = PLACES * LENGTH;
    /** Places for each session that there can be, at least. */
    private static final int ROOM = 2;

    private final FlowTable flows;
    private final MemorySegment places;
    private final int bucketMask;

    SourceTable(final int sessions, final FlowTable flows, final Arena arena) {
        final int count = Integer.highestOneBit(Math.max(1, sessions * ROOM / PLACES)) << 1;
        this.flows = flows;
        bucketMask = count - 1;
        places = NativeMemory.unscoped(arena.allocate((long) count * BUCKET, BUCKET));
    }

    /** @return where the network lies, or NOT_FOUND when it has neither sessions nor opened one just now */
    long find(final long network, final long nowNs) {
        final long hash = hash(network);
        final long found = findIn(first(hash), network, nowNs);
        return found != NOT_FOUND ? found : findIn(second(hash), network, nowNs);
    }

    private long findIn(final long bucket, final long network, final long nowNs) {
        for (long at = bucket; at < bucket + BUCKET; at += LENGTH) {
            if (places.get(JAVA_LONG, at + NETWORK) == network && isTaken(at, nowNs)) {
                return at;
            }
        }
        return NOT_FOUND;
    }

    boolean hasRoom(final long network, final long nowNs) {
        final long hash = hash(network);
        return taken(first(hash), nowNs) < PLACES || taken(second(hash), nowNs) < PLACES;
    }

    /** One session more. A network for which there is no room is not counted. */
    void add(final long network, final long nowNs) {
        long at = find(network, nowNs);
        if (at == NOT_FOUND) {
            at = place(network, nowNs);
        }
        if (at != NOT_FOUND) {
            places.set(JAVA_INT, at + SESSIONS, sessions(at) + 1);
        }
    }

    private long place(final long network, final long nowNs) {
        final long hash = hash(network);
        final long first = first(hash);
        final long second = second(hash);
        final long bucket = taken(first, nowNs) <= taken(second, nowNs) ? first : second;
        for (long at = bucket; at < bucket + BUCKET; at += LENGTH) {
            if (!isTaken(at, nowNs)) {
                places.set(JAVA_LONG, at + NETWORK, network);
                places.set(JAVA_LONG, at + FULL_NS, nowNs);
                return at;
            }
        }
        return NOT_FOUND;
    }

    /** One session less. */
    void remove(final long network, final long nowNs) {
        final long at = find(network, nowNs);
        if (at != NOT_FOUND && sessions(at) > 0) {
            places.set(JAVA_INT, at + SESSIONS, sessions(at) - 1);
        }
    }

    int sessions(final long at) {
        return places.get(JAVA_INT, at + SESSIONS);
    }

    long fullNs(final long at) {
        return places.get(JAVA_LONG, at + FULL_NS);
    }

    void fullNs(final long at, final long fullNs) {
        places.set(JAVA_LONG, at + FULL_NS, fullNs);
    }

    private boolean isTaken(final long at, final long nowNs) {
        return sessions(at) > 0 || fullNs(at) > nowNs;
    }

    private int taken(final long bucket, final long nowNs) {
        int taken = 0;
        for (long at = bucket; at < bucket + BUCKET; at += LENGTH) {
            taken += isTaken(at, nowNs) ? 1 : 0;
        }
        return taken;
    }

    private long hash(final long network) {
        return flows.hash(network, 0);
    }

    private long first(final long hash) {
        return (hash & bucketMask) * BUCKET;
    }

    private long second(final long hash) {
        return (hash >>> Integer.SIZE & bucketMask) * BUCKET;
    }
}
