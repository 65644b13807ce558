// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.nat.PortRanges.Range;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Who listens at an address and port for a sender: of all that do, the first. A question costs one binary search over
 * the listening ranges, and where senders are told apart one over their networks and one over the ranges of each
 * network that has the sender in it. Memory grows with the ranges and the networks written, by some tens of bytes
 * each, whatever overlaps. Immutable.
 */
final class Listeners {
    /** Nobody listens there. */
    static final int NONE = PortRanges.NONE;
    /** Somebody listens there, but not for this sender. */
    static final int REFUSED = -2;

    /** @param sources the networks whose senders are served; empty for all */
    record Listener(int address, int low, int high, List<Subnet> sources) { }

    private final PortRanges all;
    /** Of listeners that serve every sender. */
    private final PortRanges open;
    private final boolean[] isOpen;
    private final Prefixes<PortRanges> bySource;

    /** @param listeners the first has number 0 and goes before all others */
    Listeners(final List<Listener> listeners) {
        final List<Range> ranges = new ArrayList<>();
        final List<Range> openRanges = new ArrayList<>();
        final Map<Subnet, List<Range>> sourceRanges = new HashMap<>();
        isOpen = new boolean[listeners.size()];
        for (final Listener listener : listeners) {
            final int number = ranges.size();
            final Range range = new Range(listener.address(), listener.low(), listener.high(), number);
            ranges.add(range);
            isOpen[number] = listener.sources().isEmpty();
            if (isOpen[number]) {
                openRanges.add(range);
            }
            listener.sources().forEach(source ->
                    sourceRanges.computeIfAbsent(source.network(), network -> new ArrayList<>(1)).add(range));
        }
        all = new PortRanges(ranges);
        open = new PortRanges(openRanges);
        // The networks of one rule have the same ranges: one table for all of them.
        final Map<List<Range>, PortRanges> tables = new HashMap<>();
        final Map<Subnet, PortRanges> tableOfSource = new HashMap<>();
        sourceRanges.forEach((source, served) ->
                tableOfSource.put(source, tables.computeIfAbsent(served, PortRanges::new)));
        bySource = new Prefixes<>(tableOfSource);
    }

    /** Whether anybody listens there, for whichever sender. */
    boolean isListening(final int address, final int port) {
        return all.find(address, port) != NONE;
    }

    /**
     * @param high and {@code low} halves of the sender's address; IPv4 as ::ffff:a.b.c.d
     * @return the number of the first that listens there for this sender, NONE, or REFUSED
     */
    int find(final int address, final int port, final long high, final long low) {
        final int first = all.find(address, port);
        if (first == NONE || isOpen[first]) {
            return first;
        }
        int found = open.find(address, port);
        for (int network = bySource.find(high, low); network != Prefixes.NONE; network = bySource.around(network)) {
            final PortRanges ranges = bySource.value(network);
            final int serving = ranges == null ? NONE : ranges.find(address, port);
            if (serving != NONE && (found == NONE || serving < found)) {
                found = serving;
            }
        }
        return found == NONE ? REFUSED : found;
    }
}
