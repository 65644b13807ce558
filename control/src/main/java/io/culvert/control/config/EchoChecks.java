// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Rule;
import java.net.Inet4Address;
import java.util.List;

/** Rules that relay echo requests: a request names no port, so its address and sender alone must say which rule. */
final class EchoChecks {
    private EchoChecks() {
    }

    static void check(final List<Rule> rules, final Problems problems) {
        final List<Rule> relaying =
                rules.stream().filter(rule -> rule.relaysEcho() && rule.listen().isPresent()).toList();
        for (int at = 0; at < relaying.size(); at++) {
            final Rule rule = relaying.get(at);
            final Place place = rule.echo().orElseThrow().place();
            if (!(rule.listen().orElseThrow().value().address() instanceof Inet4Address)) {
                problems.add(place, rule.title() + ": echo is relayed for IPv4 listeners only."
                        + " Fix: remove echo: relay");
            }
            relaying.subList(0, at).stream().filter(other -> shareClients(rule, other)).findFirst()
                    .ifPresent(other -> problems.add(place, rule.title() + " relays echo requests to "
                            + Addresses.text(rule.listen().orElseThrow().value().address()) + ", and so does "
                            + other.title().replace("rule ", "") + " (line "
                            + other.listen().orElseThrow().line() + ") for some of the same clients."
                            + " Fix: let one of the two relay them, or give both sources that do not overlap"));
        }
    }

    private static boolean shareClients(final Rule one, final Rule other) {
        if (!one.listen().orElseThrow().value().address().equals(other.listen().orElseThrow().value().address())) {
            return false;
        }
        return one.sources().isEmpty() || other.sources().isEmpty()
                || new SourceSpans(one.sources().get()).firstOverlap(new SourceSpans(other.sources().get()))
                        .isPresent();
    }
}
