// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * How many sessions each network of senders has, and how fast it opens new ones. Two lines of four places each are
 * where a network may lie, the emptier one is where it goes, so no question looks at more than eight. A network
 * without sessions whose bucket is full again is as good as unknown: its place is free. Memory follows from the
 * sessions that there can be; who floods with made-up senders fills no more than he has sessions.
 * <pre>
 *  byte 0        4          8               16
 *     0 | network | sessions | full, ns     |
 * </pre>
 */
final class SourceTable {
    static final long NOT_FOUND = -1;

    private static final int NETWORK = 0;
    private static final int SESSIONS = NETWORK + Integer.BYTES;
    private static final int FULL_NS = SESSIONS + Integer.BYTES;
    private static final int LENGTH = FULL_NS + Long.BYTES;
    private static final int PLACES = CacheLines.LENGTH / LENGTH;
    /** Places for each session that there can be, at least. */
    private static final int ROOM = 2;

    private final FlowTable flows;
    private final MemorySegment lines;
    private final int lineMask;

    SourceTable(final int sessions, final FlowTable flows, final Arena arena) {
        final int count = Integer.highestOneBit(Math.max(1, sessions * ROOM / PLACES)) << 1;
        this.flows = flows;
        lineMask = count - 1;
        lines = NativeMemory.unscoped(arena.allocate((long) count * CacheLines.LENGTH, CacheLines.LENGTH));
    }

    /** @return where the network lies, or NOT_FOUND when it has neither sessions nor opened one just now */
    long find(final int network, final long nowNs) {
        final long hash = hash(network);
        final long found = findIn(first(hash), network, nowNs);
        return found != NOT_FOUND ? found : findIn(second(hash), network, nowNs);
    }

    private long findIn(final long line, final int network, final long nowNs) {
        for (long at = line; at < line + CacheLines.LENGTH; at += LENGTH) {
            if (lines.get(JAVA_INT, at + NETWORK) == network && isTaken(at, nowNs)) {
                return at;
            }
        }
        return NOT_FOUND;
    }

    boolean hasRoom(final int network, final long nowNs) {
        final long hash = hash(network);
        return taken(first(hash), nowNs) < PLACES || taken(second(hash), nowNs) < PLACES;
    }

    /** One session more. A network for which there is no room is not counted. */
    void add(final int network, final long nowNs) {
        long at = find(network, nowNs);
        if (at == NOT_FOUND) {
            at = place(network, nowNs);
        }
        if (at != NOT_FOUND) {
            lines.set(JAVA_INT, at + SESSIONS, sessions(at) + 1);
        }
    }

    private long place(final int network, final long nowNs) {
        final long hash = hash(network);
        final long first = first(hash);
        final long second = second(hash);
        final long line = taken(first, nowNs) <= taken(second, nowNs) ? first : second;
        for (long at = line; at < line + CacheLines.LENGTH; at += LENGTH) {
            if (!isTaken(at, nowNs)) {
                lines.set(JAVA_INT, at + NETWORK, network);
                lines.set(JAVA_LONG, at + FULL_NS, nowNs);
                return at;
            }
        }
        return NOT_FOUND;
    }

    /** One session less. */
    void remove(final int network, final long nowNs) {
        final long at = find(network, nowNs);
        if (at != NOT_FOUND && sessions(at) > 0) {
            lines.set(JAVA_INT, at + SESSIONS, sessions(at) - 1);
        }
    }

    int sessions(final long at) {
        return lines.get(JAVA_INT, at + SESSIONS);
    }

    long fullNs(final long at) {
        return lines.get(JAVA_LONG, at + FULL_NS);
    }

    void fullNs(final long at, final long fullNs) {
        lines.set(JAVA_LONG, at + FULL_NS, fullNs);
    }

    private boolean isTaken(final long at, final long nowNs) {
        return sessions(at) > 0 || fullNs(at) > nowNs;
    }

    private int taken(final long line, final long nowNs) {
        int taken = 0;
        for (long at = line; at < line + CacheLines.LENGTH; at += LENGTH) {
            taken += isTaken(at, nowNs) ? 1 : 0;
        }
        return taken;
    }

    private long hash(final int network) {
        return flows.hash(network, 0);
    }

    private long first(final long hash) {
        return (hash & lineMask) * CacheLines.LENGTH;
    }

    private long second(final long hash) {
        return (hash >>> Integer.SIZE & lineMask) * CacheLines.LENGTH;
    }
}
