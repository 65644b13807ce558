// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.wire.Ipv4Address;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeded.class)
class RuleTableProperties {
    private static final int ADDRESS = 0x0171_00CB;

    @Test
    void agreesWithALinearScan(final SplittableRandom random) {
        for (int round = 0; round < 20; round++) {
            final List<Rule> rules = new ArrayList<>();
            for (int i = 0; i < 30; i++) {
                final int low = random.nextInt(1, 200);
                final List<Subnet> sources = new ArrayList<>();
                for (int n = random.nextInt(3); n > 0; n--) {
                    sources.add(new Subnet(random.nextInt(8) << 24 | 10, Ipv4Address.mask(random.nextInt(29, 33))));
                }
                rules.add(rule(i, random.nextInt(3), low, low + random.nextInt(20), sources));
            }
            final RuleTable table = new RuleTable(rules);
            for (int i = 0; i < 5_000; i++) {
                final int address = random.nextInt(4);
                final int port = random.nextInt(225);
                final int source = random.nextInt(8) << 24 | 10;
                assertEquals(scan(rules, address, port, source), table.find(address, port, source));
                assertEquals(scan(rules, address, port, source) != RuleTable.NO_RULE, table.listens(address, port));
            }
        }
    }

    @Test
    void aRangeReachesFromItsFirstToItsLastPort() {
        final RuleTable table = new RuleTable(List.of(
                rule(0, ADDRESS, 1, 1, List.of()), rule(1, ADDRESS, 9_000, 9_099, List.of()),
                rule(2, ADDRESS, 65_535, 65_535, List.of())));
        assertEquals(RuleTable.NO_RULE, table.find(ADDRESS, 0, 1));
        assertEquals(0, table.find(ADDRESS, 1, 1));
        assertEquals(RuleTable.NO_RULE, table.find(ADDRESS, 8_999, 1));
        assertEquals(1, table.find(ADDRESS, 9_000, 1));
        assertEquals(1, table.find(ADDRESS, 9_099, 1));
        assertEquals(RuleTable.NO_RULE, table.find(ADDRESS, 9_100, 1));
        assertEquals(2, table.find(ADDRESS, 65_535, 1));
        assertEquals(RuleTable.NO_RULE, table.find(ADDRESS + 1, 9_000, 1));
    }

    @Test
    void rulesOnOnePortAreToldApartBySender() {
        final Subnet ten = new Subnet(10, Ipv4Address.mask(8));
        final Subnet eleven = new Subnet(11, Ipv4Address.mask(8));
        final RuleTable table = new RuleTable(List.of(
                rule(0, ADDRESS, 9_000, 9_000, List.of(ten)), rule(1, ADDRESS, 9_000, 9_001, List.of(eleven))));
        assertEquals(0, table.find(ADDRESS, 9_000, 0x0100_000A));
        assertEquals(1, table.find(ADDRESS, 9_000, 0x0100_000B));
        assertEquals(RuleTable.REFUSED, table.find(ADDRESS, 9_000, 0x0100_000C));
        assertEquals(RuleTable.REFUSED, table.find(ADDRESS, 9_001, 0x0100_000A));
        assertTrue(table.listens(ADDRESS, 9_001));
        assertFalse(table.listens(ADDRESS, 9_002));
    }

    @Test
    void aRangeKeepsItsOffsetOrGoesToOnePort() {
        final Rule keeps = new Rule(0, "r", ADDRESS, 9_000, 9_099, List.of(), 1, 65_436, true, 0,
                NatBehavior.STRICT, 1, 1, true, true, Limits.NONE, Limits.NONE);
        assertEquals(65_436, keeps.targetPort(9_000));
        assertEquals(65_535, keeps.targetPort(9_099));
        assertEquals(7_000, rule(0, ADDRESS, 9_000, 9_099, List.of()).targetPort(9_050));
    }

    private static int scan(final List<Rule> rules, final int address, final int port, final int source) {
        int found = RuleTable.NO_RULE;
        for (final Rule rule : rules) {
            if (rule.listenAddress() == address && rule.listenLow() <= port && port <= rule.listenHigh()) {
                if (rule.sources().isEmpty() || rule.sources().stream().anyMatch(net -> net.contains(source))) {
                    return rule.index();
                }
                found = RuleTable.REFUSED;
            }
        }
        return found;
    }

    private static Rule rule(final int index, final int address, final int low, final int high,
                             final List<Subnet> sources) {
        return new Rule(index, "rule-" + index, address, low, high, sources, 1, 7_000, false, Rule.NO_SNAT,
                NatBehavior.STRICT, 1, 1, true, true, Limits.NONE, Limits.NONE);
    }
}
