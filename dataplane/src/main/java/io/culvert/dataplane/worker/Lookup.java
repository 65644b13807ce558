// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.Prefetch;
import io.culvert.dataplane.flow.FlowTable;

/**
 * The second stage: keys to flow slots. Three passes over the burst, so that the cache misses of one packet overlap
 * with those of the others: fetch the index lines, read them and fetch the entries they name, compare the keys.
 */
final class Lookup {
    private final FlowTable flows;

    Lookup(final FlowTable flows) {
        this.flows = flows;
    }

    /** @return how many packets belong to no flow */
    int find(final Burst burst) {
        final int count = burst.count;
        final long[] hashes = burst.hash;
        final int[] slots = burst.slot;
        Prefetch.lines(burst.lines, count);
        for (int i = 0; i < count; i++) {
            final int slot = flows.candidate(hashes[i]);
            slots[i] = slot;
            burst.lines.setAtIndex(JAVA_LONG, i, flows.entryAddress(Math.max(slot, 0)));
        }
        Prefetch.lines(burst.lines, count);
        int misses = 0;
        for (int i = 0; i < count; i++) {
            final int slot = slots[i];
            if (slot == FlowTable.NOT_FOUND || !flows.holds(slot, burst.keyLo[i], burst.keyHi[i])) {
                // The home bucket overflowed, or another key has the same tag.
                slots[i] = flows.find(burst.keyLo[i], burst.keyHi[i], hashes[i]);
                misses += slots[i] == FlowTable.NOT_FOUND ? 1 : 0;
            }
        }
        return misses;
    }
}
