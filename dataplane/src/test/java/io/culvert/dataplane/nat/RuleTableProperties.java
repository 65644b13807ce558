// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
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

    /** Networks of both families that nest, of all lengths, and clients at their edges. */
    @Test
    void networksWithinNetworksGoToTheFirstRule(final SplittableRandom random) {
        for (int round = 0; round < 20; round++) {
            final List<Rule> rules = new ArrayList<>();
            for (int i = 0; i < 60; i++) {
                final int low = random.nextInt(9_000, 9_050);
                final List<Subnet> sources = new ArrayList<>();
                for (int n = random.nextInt(5); n > 0; n--) {
                    sources.add(random.nextBoolean() ? network(random) : network6(random));
                }
                rules.add(rule(i, ADDRESS + random.nextInt(2), low, low + random.nextInt(50), sources));
            }
            final RuleTable table = new RuleTable(rules);
            for (int i = 0; i < 5_000; i++) {
                final Rule near = rules.get(random.nextInt(rules.size()));
                final Subnet client = near.sources().isEmpty() ? network6(random)
                        : near.sources().get(random.nextInt(near.sources().size()));
                final long low = random.nextInt(4) == 0 ? client.low()
                        : client.low() ^ Long.reverseBytes(1L << random.nextInt(Long.SIZE));
                final int address = ADDRESS + random.nextInt(2);
                final int port = near.listenLow() + random.nextInt(50);
                assertEquals(scan(rules, address, port, client.high(), low), table.find(address, port, client.high(),
                        low), () -> Long.toHexString(client.high()) + ":" + Long.toHexString(low));
            }
        }
    }

    /** Every port of the address has rules of its own: 72,200 combinations. */
    @Test
    void rulesMayOverlapInMoreWaysThanThereArePorts() {
        final int count = 380;
        final List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            rules.add(rule(i, ADDRESS, 10_000, 10_000 + i,
                    List.of(new Subnet(10 | (i >>> 8) << 8 | (i & 0xFF) << 16, Ipv4Address.mask(24)))));
        }
        final RuleTable table = new RuleTable(rules);
        for (int i = 0; i < count; i++) {
            final int client = rules.get(i).sources().getFirst().address() | 7 << 24;
            for (int port = 0; port < count; port++) {
                assertEquals(port <= i ? i : RuleTable.REFUSED, table.find(ADDRESS, 10_000 + port, client),
                        "rule " + i + ", port " + (10_000 + port));
            }
        }
    }

    /** As many as the configuration may have, each with an address, ports and clients of its own: a few megabytes. */
    @Test
    void tenThousandRulesOnAddressesOfTheirOwnAreFound() {
        final List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < 10_000; i++) {
            rules.add(rule(i, i, 1 + i, 50_000, List.of(new Subnet(i, -1), new Subnet(~i, -1))));
        }
        final long before = usedHeap();
        final RuleTable table = new RuleTable(rules);
        final long bytes = usedHeap() - before;
        assertTrue(bytes < 16 << 20, () -> "the table takes " + bytes + " bytes");
        for (int i = 0; i < 10_000; i++) {
            assertEquals(i, table.find(i, 1 + i, i));
            assertEquals(i, table.find(i, 50_000, ~i));
            assertEquals(RuleTable.REFUSED, table.find(i, 50_000, i + 1));
            assertEquals(RuleTable.NO_RULE, table.find(i, i, i));
        }
    }

    @Test
    void allOfIpv6HasNoIpv4InIt() {
        final Subnet all6 = new Subnet(0, 0, 0, 0);
        final RuleTable table = new RuleTable(List.of(rule(0, ADDRESS, 9_000, 9_000, List.of(all6)),
                rule(1, ADDRESS, 9_000, 9_000, List.of(new Subnet(0, 0))), rule(2, 7, 9_000, 9_000, List.of(all6))));
        assertEquals(1, table.find(ADDRESS, 9_000, 0x0100_000A));
        assertEquals(0, table.find(ADDRESS, 9_000, 0x20, 1));
        assertEquals(0, table.find(ADDRESS, 9_000, -1, -1));
        assertEquals(RuleTable.REFUSED, table.find(7, 9_000, 0x0100_000A));
    }

    @Test
    void knowsTheTargetsThatSeeTheirClients(final SplittableRandom random) {
        final List<Rule> rules = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            rules.add(new Rule(i, "r" + i, ADDRESS, i, i, List.of(), random.nextInt(50), 1, false,
                    random.nextBoolean() ? Rule.NO_SNAT : 0, NatBehavior.STRICT, 1, 1, true, true, Limits.NONE,
                    Limits.NONE));
        }
        final RuleTable table = new RuleTable(rules);
        for (int target = 0; target < 50; target++) {
            final int address = target;
            assertEquals(rules.stream().anyMatch(rule -> rule.targetAddress() == address
                    && rule.pool() == Rule.NO_SNAT), table.relaysTransparentlyTo(target));
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

    private static Subnet network(final SplittableRandom random) {
        return new Subnet(random.nextInt(4) << 24 | random.nextInt(4) << 16 | 10,
                Ipv4Address.mask(random.nextInt(0, 33)));
    }

    private static Subnet network6(final SplittableRandom random) {
        final long high = Long.reverseBytes(0x2001_0DB8_0000_0000L | random.nextInt(4));
        return Subnet.of(new IpAddress(random.nextInt(8) == 0 ? 0 : high, random.nextInt(4)), random.nextInt(0, 129));
    }

    private static long usedHeap() {
        System.gc();
        return Runtime.getRuntime().totalMemory() - Runtime.getRuntime().freeMemory();
    }

    private static int scan(final List<Rule> rules, final int address, final int port, final int source) {
        return scan(rules, address, port, 0, Ipv6Address.mapped(source));
    }

    private static int scan(final List<Rule> rules, final int address, final int port, final long high,
                            final long low) {
        int found = RuleTable.NO_RULE;
        for (final Rule rule : rules) {
            if (rule.listenAddress() == address && rule.listenLow() <= port && port <= rule.listenHigh()) {
                if (rule.sources().isEmpty() || rule.sources().stream().anyMatch(net -> net.contains(high, low))) {
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
