// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Rule;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Rules that relay echo requests: a request names no port, so its address and sender alone must say which rule. */
final class EchoChecks {
    /** A rule with its clients, which every other rule of its address is compared with. */
    private record Relaying(Rule rule, SourceSpans clients) {
        boolean sharesClients(final Relaying other) {
            return rule.sources().isEmpty() || other.rule.sources().isEmpty()
                    || clients.firstOverlap(other.clients).isPresent();
        }
    }

    private EchoChecks() {
    }

    static void check(final List<Rule> rules, final Problems problems) {
        final Map<InetAddress, List<Relaying>> byAddress = new HashMap<>();
        for (final Rule rule : rules) {
            if (!rule.relaysEcho() || rule.listen().isEmpty()) {
                continue;
            }
            final Relaying relaying = new Relaying(rule, new SourceSpans(rule.sources().orElse(List.of())));
            final List<Relaying> earlier = byAddress.computeIfAbsent(
                    rule.listen().get().value().address(), first -> new ArrayList<>());
            final Place place = rule.echo().orElseThrow().place();
            if (!(rule.listen().orElseThrow().value().address() instanceof Inet4Address)) {
                problems.add(place, rule.title() + ": echo is relayed for IPv4 listeners only."
                        + " Fix: remove echo: relay");
            }
            earlier.stream().filter(relaying::sharesClients).map(Relaying::rule).findFirst()
                    .ifPresent(other -> problems.add(place, rule.title() + " relays echo requests to "
                            + Addresses.text(rule.listen().orElseThrow().value().address()) + ", and so does "
                            + other.title().replace("rule ", "") + " (line "
                            + other.listen().orElseThrow().line() + ") for some of the same clients."
                            + " Fix: let one of the two relay them, or give both sources that do not overlap"));
            earlier.add(relaying);
        }
    }
}
