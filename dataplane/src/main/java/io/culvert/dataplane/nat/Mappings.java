// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The mappings of one worker that sessions share: from a client endpoint to its lease, with the sessions that hold it
 * in two lists, one for each port of a pair. Open addressing, never more than half full, under the flow table's keyed
 * hash. Off-heap, about 48 bytes a session; nothing is allocated after the start.
 */
final class Mappings {
    static final int NONE = -1;
    /** No client has the address 0, so no key is 0. */
    private static final long FREE = 0;

    private final FlowTable flows;
    private final int mask;
    // By place.
    private final MemorySegment keys;
    private final MemorySegment leases;
    private final MemorySegment heads;
    // By session.
    private final MemorySegment next;
    private final MemorySegment previous;

    Mappings(final FlowTable flows, final Arena arena) {
        this.flows = flows;
        final long places = 2L * Integer.highestOneBit(2 * Math.max(flows.capacity(), 1) - 1);
        this.mask = (int) (places - 1);
        this.keys = NativeMemory.unscoped(arena.allocate(JAVA_LONG, places));
        this.leases = NativeMemory.unscoped(arena.allocate(JAVA_INT, places));
        this.heads = NativeMemory.unscoped(arena.allocate(JAVA_INT, 2 * places));
        this.next = NativeMemory.unscoped(arena.allocate(JAVA_INT, flows.capacity()));
        this.previous = NativeMemory.unscoped(arena.allocate(JAVA_INT, flows.capacity()));
    }

    /** @param endpoint port, pool and kind of the mapping */
    static long key(final int client, final int endpoint) {
        return client & 0xFFFF_FFFFL | (long) endpoint << Integer.SIZE;
    }

    /** @return the place of the mapping, good until the next {@link #remove}, or NONE */
    int find(final long key) {
        int at = home(key);
        while (keyAt(at) != FREE) {
            if (keyAt(at) == key) {
                return at;
            }
            at = at + 1 & mask;
        }
        return NONE;
    }

    /** Adds a mapping that is not there, without sessions. @return its place */
    int add(final long key, final int lease) {
        int at = home(key);
        while (keyAt(at) != FREE) {
            at = at + 1 & mask;
        }
        keys.setAtIndex(JAVA_LONG, at, key);
        leases.setAtIndex(JAVA_INT, at, lease);
        heads.setAtIndex(JAVA_INT, 2L * at, NONE);
        heads.setAtIndex(JAVA_INT, 2L * at + 1, NONE);
        return at;
    }

    int lease(final int place) {
        return leases.getAtIndex(JAVA_INT, place);
    }

    /** @param half of a pair: 1 for its odd port */
    void join(final int place, final int half, final int session) {
        final int first = first(place, half);
        next.setAtIndex(JAVA_INT, session, first);
        previous.setAtIndex(JAVA_INT, session, NONE);
        if (first != NONE) {
            previous.setAtIndex(JAVA_INT, first, session);
        }
        heads.setAtIndex(JAVA_INT, 2L * place + half, session);
    }

    void leave(final int place, final int half, final int session) {
        final int before = previous.getAtIndex(JAVA_INT, session);
        final int behind = next(session);
        if (before == NONE) {
            heads.setAtIndex(JAVA_INT, 2L * place + half, behind);
        } else {
            next.setAtIndex(JAVA_INT, before, behind);
        }
        if (behind != NONE) {
            previous.setAtIndex(JAVA_INT, behind, before);
        }
    }

    /** The session that joined last, or NONE. */
    int first(final int place, final int half) {
        return heads.getAtIndex(JAVA_INT, 2L * place + half);
    }

    /** The session that joined before this one, or NONE. */
    int next(final int session) {
        return next.getAtIndex(JAVA_INT, session);
    }

    boolean isEmpty(final int place) {
        return first(place, 0) == NONE && first(place, 1) == NONE;
    }

    /** Frees a place; what lies behind it and would be missed from its home moves up. */
    void remove(final int place) {
        int hole = place;
        for (int at = hole + 1 & mask; keyAt(at) != FREE; at = at + 1 & mask) {
            if ((at - home(keyAt(at)) & mask) >= (at - hole & mask)) {
                keys.setAtIndex(JAVA_LONG, hole, keyAt(at));
                leases.setAtIndex(JAVA_INT, hole, lease(at));
                heads.setAtIndex(JAVA_INT, 2L * hole, first(at, 0));
                heads.setAtIndex(JAVA_INT, 2L * hole + 1, first(at, 1));
                hole = at;
            }
        }
        keys.setAtIndex(JAVA_LONG, hole, FREE);
    }

    private long keyAt(final int place) {
        return keys.getAtIndex(JAVA_LONG, place);
    }

    private int home(final long key) {
        return (int) flows.hash(key, 0) & mask;
    }
}
