// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What B counted.
 *
 * @param drops by reason, without zeros
 * @param missed packets that came faster than B took them
 * @param forward packets relayed to C, and {@code reply} to A, since B started; -1 where nobody counts them
 * @param longestPauseMicros how long the relay was away from its queues at most; 0 where nobody measures it
 * @param isBalanced whether every received packet is accounted for
 * @param flows the first lines of the flow table, heading first
 */
record BoxReport(Box.Traffic traffic, Map<String, Long> drops, long missed, long forward, long reply,
                 double longestPauseMicros, boolean isBalanced, List<String> flows) {
    static final int UNKNOWN = -1;

    /** Without what was counted earlier; what counts since the start stays. */
    BoxReport since(final BoxReport earlier) {
        final Map<String, Long> drops = new TreeMap<>();
        this.drops.forEach((reason, count) -> {
            final long now = count - earlier.drops.getOrDefault(reason, 0L);
            if (now > 0) {
                drops.put(reason, now);
            }
        });
        return new BoxReport(traffic.minus(earlier.traffic), drops, missed - earlier.missed, forward, reply,
                longestPauseMicros, isBalanced, flows);
    }
}
