// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.dataplane.flow.FlowHash;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;

/**
 * Finds the places of {@link Neighbors} by link and address. Open addressing, never more than half full, under a hash
 * whose key is new in each process: nobody outside can choose addresses that meet in one row of places. Not safe for
 * threads; whoever changes it while others may look holds the lock of {@link Neighbors}.
 */
final class NeighborIndex {
    /** Place 0 is nobody's, so it stands for a free slot and for a next hop that is not here. */
    static final int NONE = Neighbors.UNKNOWN;

    private final MemorySegment entries;
    private final int[] slots;
    private final long seedLo;
    private final long seedHi;

    /** @param capacity places that there can be at once, a power of two */
    NeighborIndex(final MemorySegment entries, final int capacity) {
        final SecureRandom random = new SecureRandom();
        this.entries = entries;
        this.slots = new int[2 * capacity];
        this.seedLo = random.nextLong();
        this.seedHi = random.nextLong();
    }

    int find(final int link, final long high, final long low) {
        int at = home(link, high, low);
        while (slots[at] != NONE && !isAt(slots[at], link, high, low)) {
            at = at + 1 & slots.length - 1;
        }
        return slots[at];
    }

    /** Adds a place whose entry names its link and address; no other place may have both. */
    void add(final int place) {
        int at = homeOf(place);
        while (slots[at] != NONE) {
            at = at + 1 & slots.length - 1;
        }
        slots[at] = place;
    }

    /** Frees the slot of a place, before its entry changes; what lies behind and would be missed moves up. */
    void remove(final int place) {
        final int mask = slots.length - 1;
        int hole = homeOf(place);
        while (slots[hole] != place) {
            hole = hole + 1 & mask;
        }
        for (int at = hole + 1 & mask; slots[at] != NONE; at = at + 1 & mask) {
            if ((at - homeOf(slots[at]) & mask) >= (at - hole & mask)) {
                slots[hole] = slots[at];
                hole = at;
            }
        }
        slots[hole] = NONE;
    }

    private boolean isAt(final int place, final int link, final long high, final long low) {
        final long at = Neighbors.at(place);
        return entries.get(JAVA_LONG, at + Neighbors.ADDRESS_LOW) == low
                && entries.get(JAVA_LONG, at + Neighbors.ADDRESS_HIGH) == high
                && (entries.get(JAVA_INT, at + Neighbors.EGRESS) & 0xFFFF) == link;
    }

    private int homeOf(final int place) {
        final long at = Neighbors.at(place);
        return home(entries.get(JAVA_INT, at + Neighbors.EGRESS) & 0xFFFF,
                entries.get(JAVA_LONG, at + Neighbors.ADDRESS_HIGH),
                entries.get(JAVA_LONG, at + Neighbors.ADDRESS_LOW));
    }

    private int home(final int link, final long high, final long low) {
        return (int) FlowHash.of(high + ((long) link << Long.SIZE - Byte.SIZE), low, seedLo, seedHi)
                & slots.length - 1;
    }
}
