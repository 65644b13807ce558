// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Port;
import io.culvert.control.config.Draft.Rule;
import java.net.InetAddress;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;

/** What must hold for the SNAT pools: addresses that can be ours, ports left beside the listeners, no half overlap. */
final class SnatChecks {
    private final List<Port> ports;
    private final List<Rule> rules;
    /** Each written pool once: rules that inherit the defaults' pool share it. */
    private final List<Located<SnatConfig>> pools;
    private final Problems problems;

    SnatChecks(final List<Port> ports, final List<Rule> rules, final Problems problems) {
        this.ports = ports;
        this.rules = rules;
        this.pools = rules.stream().flatMap(rule -> rule.snat().stream()).distinct().toList();
        this.problems = problems;
    }

    void check() {
        for (int at = 0; at < pools.size(); at++) {
            checkAddresses(pools.get(at));
            checkRoom(pools.get(at));
            checkOverlap(pools.get(at), pools.subList(0, at));
        }
    }

    private void checkAddresses(final Located<SnatConfig> pool) {
        for (final InetAddress address : pool.value().addresses()) {
            RuleChecks.whyNotOurs(ports, address).ifPresent(why -> problems.add(pool.place(), "snat uses "
                    + Addresses.text(address) + ", which is " + why + ". Fix: use an address of the relay's own"));
        }
    }

    /** The pool leaves out what listeners hold; something must remain. */
    private void checkRoom(final Located<SnatConfig> pool) {
        final PortRange range = pool.value().ports();
        for (final InetAddress address : pool.value().addresses()) {
            final BitSet free = new BitSet();
            free.set(range.low(), range.high() + 1);
            rules.stream().flatMap(rule -> rule.listen().stream()).map(Located::value)
                    .filter(listen -> listen.address().equals(address))
                    .forEach(listen -> free.clear(listen.ports().low(), listen.ports().high() + 1));
            if (free.isEmpty()) {
                problems.add(pool.place(), "snat has no port left on " + Addresses.text(address) + ": listeners hold"
                        + " all of " + range + ". Fix: widen ports, or use another address");
            }
        }
    }

    /** One problem for each pool: mending it shows the next. */
    private void checkOverlap(final Located<SnatConfig> pool, final List<Located<SnatConfig>> earlier) {
        earlier.stream().filter(other -> overlapsInPart(pool.value(), other.value())).findFirst().ifPresent(other -> {
            final boolean inOrder = other.place().compareTo(pool.place()) < 0;
            final Located<SnatConfig> first = inOrder ? other : pool;
            final Located<SnatConfig> later = inOrder ? pool : other;
            problems.add(later.place(), "snat takes ports " + later.value().ports() + ", and the snat on line "
                    + first.line() + " takes " + first.value().ports() + " of the same address: they overlap only in"
                    + " part. Fix: make the two ranges equal (one shared pool) or separate");
        });
    }

    private static boolean overlapsInPart(final SnatConfig one, final SnatConfig other) {
        return one.ports().overlaps(other.ports()) && !one.ports().equals(other.ports())
                && !Collections.disjoint(one.addresses(), other.addresses());
    }
}
