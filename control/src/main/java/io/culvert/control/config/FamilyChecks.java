// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Rule;
import java.net.InetAddress;
import java.util.List;

/** What a rule names is of its listener's family throughout: the relay does not turn IPv4 into IPv6 or back. */
final class FamilyChecks {
    private final Problems problems;

    private FamilyChecks(final Problems problems) {
        this.problems = problems;
    }

    static void check(final List<Rule> rules, final Problems problems) {
        final FamilyChecks checks = new FamilyChecks(problems);
        rules.forEach(rule -> rule.listen().ifPresent(listen -> checks.check(rule, listen.value().address())));
    }

    private void check(final Rule rule, final InetAddress listener) {
        rule.target().ifPresent(target -> check(rule, listener, target.value().address(), target.place(), "target"));
        rule.sources().ifPresent(sources -> sources.forEach(
                source -> check(rule, listener, source.value().address(), source.place(), "source")));
        rule.snat().ifPresent(snat -> snat.value().addresses().stream()
                .filter(address -> !Addresses.areOfOneFamily(address, listener)).findFirst()
                .ifPresent(address -> check(rule, listener, address, snat.place(), "SNAT address")));
    }

    private void check(final Rule rule, final InetAddress listener, final InetAddress other, final Place place,
                       final String what) {
        if (!Addresses.areOfOneFamily(other, listener)) {
            final String family = Addresses.family(listener);
            problems.add(place, rule.title() + " listens on " + family + " and has the " + what + " "
                    + Addresses.text(other) + ": the two families are not translated into each other. Fix: write an "
                    + family + " " + what + ", or listen on an " + Addresses.family(other) + " address");
        }
    }
}
