// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Port;
import io.culvert.control.config.Draft.Rule;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What must hold for the SNAT pools: addresses that can be ours, ports left beside the listeners, no half overlap. */
final class SnatChecks {
    /** 1,024 addresses with all ports from 1024 on: 0.7 GiB of memory, and more sessions than a flow table holds. */
    static final int PORTS_LIMIT = 1_024 * 64_512;

    private final List<Port> ports;
    /** The ports that listeners hold, by address. */
    private final Map<InetAddress, List<PortRange>> listening = new HashMap<>();
    /** By address, the pools there by their lowest port: equal or apart, for others are refused. */
    private final Map<InetAddress, TreeMap<Integer, Located<SnatConfig>>> ranges = new HashMap<>();
    /** Each written pool once: rules that inherit the defaults' pool share it. */
    private final List<Located<SnatConfig>> pools;
    private final Problems problems;

    SnatChecks(final List<Port> ports, final List<Rule> rules, final Problems problems) {
        this.ports = ports;
        this.pools = rules.stream().flatMap(rule -> rule.snat().stream()).distinct().toList();
        this.problems = problems;
        rules.stream().flatMap(rule -> rule.listen().stream()).map(Located::value).forEach(listen ->
                listening.computeIfAbsent(listen.address(), address -> new ArrayList<>()).add(listen.ports()));
    }

    void check() {
        long lent = 0;
        for (final Located<SnatConfig> pool : pools) {
            checkAddresses(pool);
            checkRoom(pool);
            final long before = lent;
            lent += checkOverlap(pool) * (long) pool.value().ports().length();
            if (before <= PORTS_LIMIT && lent > PORTS_LIMIT) {
                problems.add(pool.place(), "snat: with this pool all together have " + lent + " ports, more than "
                        + PORTS_LIMIT + ", which are 1024 addresses with ports from 1024 on. Fix: use fewer addresses,"
                        + " or smaller ranges of ports");
            }
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
            listening.getOrDefault(address, List.of())
                    .forEach(held -> free.clear(held.low(), held.high() + 1));
            if (free.isEmpty()) {
                problems.add(pool.place(), "snat has no port left on " + Addresses.text(address) + ": listeners hold"
                        + " all of " + range + ". Fix: widen ports, or use another address");
            }
        }
    }

    /** One problem for each pool: mending it shows the next. @return how many of its addresses no other pool has */
    private int checkOverlap(final Located<SnatConfig> pool) {
        int added = 0;
        for (final InetAddress address : pool.value().addresses()) {
            final TreeMap<Integer, Located<SnatConfig>> others =
                    ranges.computeIfAbsent(address, first -> new TreeMap<>());
            final Map.Entry<Integer, Located<SnatConfig>> nearest = others.floorEntry(pool.value().ports().high());
            if (nearest == null || !nearest.getValue().value().ports().overlaps(pool.value().ports())) {
                others.put(pool.value().ports().low(), pool);
                added++;
            } else if (!nearest.getValue().value().ports().equals(pool.value().ports())) {
                refuseOverlap(pool, nearest.getValue());
                return added;
            }
        }
        return added;
    }

    private void refuseOverlap(final Located<SnatConfig> pool, final Located<SnatConfig> other) {
        final boolean inOrder = other.place().compareTo(pool.place()) < 0;
        final Located<SnatConfig> first = inOrder ? other : pool;
        final Located<SnatConfig> later = inOrder ? pool : other;
        problems.add(later.place(), "snat takes ports " + later.value().ports() + ", and the snat on line "
                + first.line() + " takes " + first.value().ports() + " of the same address: they overlap only in"
                + " part. Fix: make the two ranges equal (one shared pool) or separate");
    }
}
