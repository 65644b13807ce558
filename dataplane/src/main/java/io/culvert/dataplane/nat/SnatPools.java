// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The SNAT pools of a relay, shared by all its workers: what a capture is translated to does not depend on how many
 * there are. Pools that name the same address and range share its ports.
 */
public final class SnatPools {
    private static final int GOLDEN_RATIO = 0x9E3779B9;

    private final SnatPool[] pools;
    private final ReplyQueues[] replyQueues;
    private final List<ExternalPorts> externals = new ArrayList<>();
    /** By hash of the address, open addressing: the place in {@link #externals} and one; 0 is free. */
    private final int[] index;
    private final int shift;

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
        this.pools = specs.stream().map(spec -> new SnatPool(spec.addresses().stream()
                .map(address -> externalOf(address, spec, rules, random)).toArray(ExternalPorts[]::new)))
                .toArray(SnatPool[]::new);
        this.shift = Integer.numberOfLeadingZeros(2 * externals.size() + 1);
        this.index = new int[1 << Integer.SIZE - shift];
        for (int i = 0; i < externals.size(); i++) {
            int at = home(externals.get(i).address());
            while (index[at] != 0) {
                at = at + 1 & index.length - 1;
            }
            index[at] = i + 1;
        }
    }

    private ExternalPorts externalOf(final int address, final SnatPool.Spec spec, final RuleTable rules,
                                     final RandomGenerator random) {
        for (final ExternalPorts external : externals) {
            if (external.is(address, spec.low(), spec.high())) {
                return external;
            }
        }
        externals.add(new ExternalPorts(address, spec.low(), spec.high(), rules, random));
        return externals.getLast();
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
        for (int at = home(address); index[at] != 0; at = at + 1 & index.length - 1) {
            final ExternalPorts external = externals.get(index[at] - 1);
            if (external.address() == address && external.covers(port)) {
                return external;
            }
        }
        return null;
    }

    private int home(final int address) {
        return address * GOLDEN_RATIO >>> shift;
    }
}
