// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.dataplane.stats.DropReason;

/** Why the newcomers of {@link Mix#REFUSED} are refused, in the order in which a bed can show it. */
enum Refusal {
    NO_RULE("nobody listens there", 7_899, DropReason.NO_RULE),
    ACL("1,000 sources, not the client's", 7_900, DropReason.ACL),
    LIMITED("the rule has its sessions", 7_901, DropReason.RULE_LIMIT),
    POOL("64 addresses without a port", 7_902, DropReason.SNAT_EXHAUSTED),
    AIMED_POOL("the same, two workers behind RSS", 7_902, DropReason.SNAT_EXHAUSTED),
    PAIRS("64 addresses without a pair", 7_903, DropReason.SNAT_EXHAUSTED),
    TABLE("the flow table is full", 7_890, DropReason.FLOW_TABLE_FULL);

    private final String meaning;
    private final int listenPort;
    private final DropReason reason;

    Refusal(final String meaning, final int listenPort, final DropReason reason) {
        this.meaning = meaning;
        this.listenPort = listenPort;
        this.reason = reason;
    }

    String meaning() {
        return meaning;
    }

    /** Where its newcomers knock. */
    int listenPort() {
        return listenPort;
    }

    DropReason reason() {
        return reason;
    }
}
