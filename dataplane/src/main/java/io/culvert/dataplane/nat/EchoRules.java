// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.wire.Ipv6Address;
import java.util.Arrays;
import java.util.List;

/** The rules that relay echo requests, by listening address: the first that admits the client. Immutable. */
public final class EchoRules {
    private final int[] listeners;
    private final Rule[][] chains;

    /** @param relaying in the order of the configuration */
    public EchoRules(final List<Rule> relaying) {
        listeners = relaying.stream().mapToInt(Rule::listenAddress).distinct().sorted().toArray();
        chains = Arrays.stream(listeners).mapToObj(listener -> relaying.stream()
                .filter(rule -> rule.listenAddress() == listener).toArray(Rule[]::new)).toArray(Rule[][]::new);
    }

    boolean isEmpty() {
        return listeners.length == 0;
    }

    /** @return the rule, or null when the address answers for itself */
    Rule find(final int listener, final int source) {
        final int at = Arrays.binarySearch(listeners, listener);
        if (at >= 0) {
            for (final Rule rule : chains[at]) {
                if (rule.admits(0, Ipv6Address.mapped(source))) {
                    return rule;
                }
            }
        }
        return null;
    }
}
