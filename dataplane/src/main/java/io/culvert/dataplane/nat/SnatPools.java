// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.nat.PortRanges.Range;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/**
 * The SNAT pools of a relay, shared by all its workers: what a capture is translated to does not depend on how many
 * there are. Pools that name the same address and range share its ports.
 */
public final class SnatPools {
    private final SnatPool[] pools;
    private final ReplyQueues[] replyQueues;
    private final List<ExternalPorts> externals = new ArrayList<>();
    /** The index in {@link #externals} by address and port; ranges of an address are equal or apart. */
    private final PortRanges ranges;

    /** Pools of a relay whose replies land on any queue. */
    public SnatPools(final List<SnatPool.Spec> specs, final RuleTable rules, final RandomGenerator random) {
        this(specs, rules, random, new ReplyQueues[0]);
    }

    /**
     * @param random chooses external ports; hard to guess from outside
     * @param replyQueues by link: how its NIC spreads packets, null where that cannot be computed
     */
    public SnatPools(final List<SnatPool.Spec> specs, final RuleTable rules, final RandomGenerator random,
                     final ReplyQueues[] replyQueues) {
        this.replyQueues = replyQueues.clone();
        final PortsLeft left = new PortsLeft(specs.stream().mapToInt(spec -> spec.addresses().size()).sum());
        final Map<Range, ExternalPorts> known = new HashMap<>();
        this.pools = specs.stream().map(spec -> new SnatPool(spec.addresses().stream()
                .map(address -> known.computeIfAbsent(new Range(address, spec.low(), spec.high(), 0), range -> {
                    externals.add(new ExternalPorts(address, spec.low(), spec.high(), rules, random, left,
                            externals.size()));
                    return externals.getLast();
                })).toArray(ExternalPorts[]::new), left)).toArray(SnatPool[]::new);
        this.ranges = new PortRanges(externals.stream().map(external ->
                new Range(external.address(), external.low(), external.high(), external.number())).toList());
    }

    ReplyQueues[] replyQueues() {
        return replyQueues;
    }

    /** Whether the replies over this link find the queue of their session's worker by themselves. */
    public boolean steersReplies(final int link) {
        return link < replyQueues.length && replyQueues[link] != null;
    }

    public SnatPool get(final int pool) {
        return pools[pool];
    }

    /** The ports among which this endpoint may be lent, or null when no pool covers it. */
    public ExternalPorts find(final int address, final int port) {
        final int found = ranges.find(address, port);
        return found == PortRanges.NONE ? null : externals.get(found);
    }
}
