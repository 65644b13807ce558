// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.nat.Listeners.Listener;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.List;

/** The rules that relay echo requests, by listening address: the first that admits the client. Immutable. */
public final class EchoRules {
    /** Echo requests have no port; all rules that relay them listen at the same one here. */
    private static final int NO_PORT = 0;

    private final Rule[] relaying;
    private final Listeners listeners;

    /** @param relaying in the order of the configuration */
    public EchoRules(final List<Rule> relaying) {
        this.relaying = relaying.toArray(Rule[]::new);
        this.listeners = new Listeners(relaying.stream()
                .map(rule -> new Listener(rule.listenAddress(), NO_PORT, NO_PORT, rule.sources())).toList());
    }

    boolean isEmpty() {
        return relaying.length == 0;
    }

    /** @return the rule, or null when the address answers for itself */
    Rule find(final int listener, final int source) {
        final int found = listeners.find(listener, NO_PORT, 0, Ipv6Address.mapped(source));
        return found < 0 ? null : relaying[found];
    }
}
