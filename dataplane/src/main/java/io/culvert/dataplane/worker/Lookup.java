// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.MemorySegment;

/**
 * The second stage: keys to flow slots. Three passes over the burst, so that the cache misses of one packet overlap
 * with those of the others: fetch the index lines, read them and fetch the entries they name, compare the keys.
 */
final class Lookup {
    private final FlowTable flows;

    Lookup(final FlowTable flows) {
        this.flows = flows;
    }

    /**
     * @return how many packets have no flow yet: the flow is new, or its home bucket overflowed, or another key has the
     *     same tag, which admission finds out
     */
    int find(final Burst burst) {
        for (int from = 0; from < burst.count; from += Burst.CHUNK) {
            final int to = Math.min(from + Burst.CHUNK, burst.count);
            choose(burst, from, to);
            burst.fetch(Burst.FLOW, from, to);
        }
        return compare(burst);
    }

    private void choose(final Burst burst, final int from, final int to) {
        final MemorySegment packets = burst.lines();
        final MemorySegment entries = flows.entries();
        final int end = Burst.end(to);
        for (int i = from & Burst.CAPACITY - 1; i < end; i++) {
            final MemorySegment packet = CacheLines.line(packets, i);
            final int slot = FlowTable.candidate(packet.get(LONG, Burst.BUCKET), packet.get(LONG, Burst.HASH));
            packet.set(LONG, Burst.FLOW, CacheLines.line(entries, slot).address());
        }
    }

    private static int compare(final Burst burst) {
        final MemorySegment packets = burst.lines();
        final int count = Burst.end(burst.count);
        int misses = 0;
        for (int i = 0; i < count; i++) {
            final MemorySegment packet = CacheLines.line(packets, i);
            final MemorySegment flow = NativeMemory.view(packet.get(LONG, Burst.FLOW), FlowEntry.LENGTH);
            if (!FlowEntry.matches(flow, packet.get(LONG, Burst.KEY_LO), packet.get(LONG, Burst.KEY_HI))) {
                packet.set(LONG, Burst.FLOW, Burst.NO_FLOW);
                misses++;
            }
        }
        return misses;
    }
}
