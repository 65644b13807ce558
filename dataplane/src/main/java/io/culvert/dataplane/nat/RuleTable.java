// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.nat.Listeners.Listener;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.Arrays;
import java.util.List;

/**
 * The rules by listening address and port, and by sender where rules tell senders apart; the first in the order of
 * the configuration counts. No limit but memory, see {@link Listeners}. Immutable, one for all workers.
 */
public final class RuleTable {
    public static final int NO_RULE = Listeners.NONE;
    /** A rule listens there, but not for this sender. */
    public static final int REFUSED = Listeners.REFUSED;

    private final Rule[] rules;
    private final Listeners listeners;
    private final boolean sharesEndpoints;
    /** The targets that see the clients' own addresses, ascending. */
    private final int[] transparentTargets;

    public RuleTable(final List<Rule> rules) {
        this.rules = rules.toArray(Rule[]::new);
        this.listeners = new Listeners(rules.stream().map(rule -> new Listener(
                rule.listenAddress(), rule.listenLow(), rule.listenHigh(), rule.sources())).toList());
        this.sharesEndpoints = rules.stream().anyMatch(rule -> rule.behavior().sharesEndpoints());
        this.transparentTargets = rules.stream().filter(rule -> rule.pool() == Rule.NO_SNAT)
                .mapToInt(Rule::targetAddress).distinct().sorted().toArray();
    }

    public Rule rule(final int index) {
        return rules[index];
    }

    /**
     * @param high and {@code low} halves of the sender's address; IPv4 as ::ffff:a.b.c.d
     * @return the index of the first rule that listens there for this sender, NO_RULE, or REFUSED
     */
    public int find(final int address, final int port, final long high, final long low) {
        return listeners.find(address, port, high, low);
    }

    /** {@link #find(int, int, long, long)} for IPv4. */
    public int find(final int address, final int port, final int source) {
        return find(address, port, 0, Ipv6Address.mapped(source));
    }

    /** Whether any rule listens there: such a port is never lent to a session. */
    public boolean listens(final int address, final int port) {
        return listeners.isListening(address, port);
    }

    /** Whether sessions of any rule share external endpoints. */
    public boolean sharesEndpoints() {
        return sharesEndpoints;
    }

    /** Whether this is the target of a rule that keeps the clients' addresses. */
    public boolean relaysTransparentlyTo(final int target) {
        return Arrays.binarySearch(transparentTargets, target) >= 0;
    }
}
