// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The relay was killed and started again in the middle of the measurement.
 *
 * @param sessionsBefore in the table of the killed process
 * @param sessionsKept those of them that are in the next one's table, with the same external port
 * @param killedNs and {@code relayedNs}: when it was killed, and when its successor had relayed the first packet
 * @param ports what the server saw
 */
record Restart(long sessionsBefore, long sessionsKept, long killedNs, long relayedNs, Ports ports) {
    private static final long MILLI_NS = 1_000_000;

    /**
     * Flows of the client as the server saw them before the kill and after.
     *
     * @param same came from the same external port after it
     * @param changed came from another
     * @param silent did not come any more
     */
    record Ports(long same, long changed, long silent) {
        static final Ports UNKNOWN = new Ports(0, 0, 0);

        /** @param lines as {@code lab echo --flows} writes them */
        static Ports of(final List<String> lines, final long killedNs, final long relayedNs) {
            final Map<String, List<String[]>> flows = new HashMap<>();
            final Set<String> runs = new HashSet<>();
            for (final String line : lines) {
                final String[] fields = line.split(" ");
                flows.computeIfAbsent(fields[0] + " " + fields[1], flow -> new ArrayList<>()).add(fields);
                if (Long.parseLong(fields[4]) > relayedNs) {
                    runs.add(fields[0]);
                }
            }
            long same = 0;
            long changed = 0;
            long silent = 0;
            for (final List<String[]> sources : flows.values()) {
                final List<String> before = endpoints(sources, Long.MIN_VALUE, killedNs);
                final List<String> after = endpoints(sources, relayedNs - MILLI_NS, Long.MAX_VALUE);
                // The warm-up client is another run, which ended before.
                if (!before.isEmpty() && runs.contains(sources.getFirst()[0])) {
                    silent += after.isEmpty() ? 1 : 0;
                    same += after.equals(before) ? 1 : 0;
                    changed += !after.isEmpty() && !after.equals(before) ? 1 : 0;
                }
            }
            return new Ports(same, changed, silent);
        }

        /** Where a flow was seen in this time. */
        private static List<String> endpoints(final List<String[]> sources, final long fromNs, final long toNs) {
            return sources.stream().filter(source -> Long.parseLong(source[3]) <= toNs
                    && Long.parseLong(source[4]) >= fromNs).map(source -> source[2]).toList();
        }
    }

    Restart with(final Ports seen) {
        return new Restart(sessionsBefore, sessionsKept, killedNs, relayedNs, seen);
    }

    long outageMillis() {
        return (relayedNs - killedNs) / MILLI_NS;
    }

    boolean keptAll() {
        return sessionsBefore == sessionsKept;
    }
}
