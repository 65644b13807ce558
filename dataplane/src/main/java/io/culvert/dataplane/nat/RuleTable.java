// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.wire.Ipv6Address;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The rules by listening address and port. A listening address has a row with a place for each of the 65,536 ports, so
 * a range costs no more than a single port. A place names a chain: the rules that listen there, in the order of the
 * configuration; more than one only where rules tell senders apart. Immutable, shared by all workers.
 */
public final class RuleTable {
    public static final int NO_RULE = -1;
    /** A rule listens there, but not for this sender. */
    public static final int REFUSED = -2;

    private static final int PORTS = 1 << Short.SIZE;
    private static final char NO_CHAIN = 0;

    private final Rule[] rules;
    private final int[] addresses;
    private final char[][] chainByPort;
    private final int[][] chains;

    public RuleTable(final List<Rule> rules) {
        this.rules = rules.toArray(Rule[]::new);
        final Map<List<Integer>, Character> known = new HashMap<>();
        final List<int[]> all = new ArrayList<>();
        known.put(List.of(), NO_CHAIN);
        all.add(new int[0]);
        final Map<Integer, char[]> rows = new HashMap<>();
        for (final Rule rule : rules) {
            final char[] row = rows.computeIfAbsent(rule.listenAddress(), address -> new char[PORTS]);
            for (int port = rule.listenLow(); port <= rule.listenHigh(); port++) {
                final List<Integer> chain = new ArrayList<>(Arrays.stream(all.get(row[port])).boxed().toList());
                chain.add(rule.index());
                row[port] = known.computeIfAbsent(List.copyOf(chain), members -> {
                    all.add(members.stream().mapToInt(Integer::intValue).toArray());
                    return (char) (all.size() - 1);
                });
            }
        }
        addresses = rows.keySet().stream().mapToInt(Integer::intValue).toArray();
        chainByPort = Arrays.stream(addresses).mapToObj(rows::get).toArray(char[][]::new);
        chains = all.toArray(int[][]::new);
    }

    public Rule rule(final int index) {
        return rules[index];
    }

    /**
     * @param high and {@code low} halves of the sender's address; IPv4 as ::ffff:a.b.c.d
     * @return the index of the first rule that listens there for this sender, NO_RULE, or REFUSED
     */
    public int find(final int address, final int port, final long high, final long low) {
        final int[] chain = chain(address, port);
        for (final int rule : chain) {
            if (rules[rule].admits(high, low)) {
                return rule;
            }
        }
        return chain.length == 0 ? NO_RULE : REFUSED;
    }

    /** {@link #find(int, int, long, long)} for IPv4. */
    public int find(final int address, final int port, final int source) {
        return find(address, port, 0, Ipv6Address.mapped(source));
    }

    /** Whether any rule listens there: such a port is never lent to a session. */
    public boolean listens(final int address, final int port) {
        return chain(address, port).length != 0;
    }

    /** Whether sessions of any rule share external endpoints. */
    public boolean sharesEndpoints() {
        for (final Rule rule : rules) {
            if (rule.behavior().sharesEndpoints()) {
                return true;
            }
        }
        return false;
    }

    /** Whether this is the target of a rule that keeps the clients' addresses. */
    public boolean relaysTransparentlyTo(final int target) {
        for (final Rule rule : rules) {
            if (rule.targetAddress() == target && rule.pool() == Rule.NO_SNAT) {
                return true;
            }
        }
        return false;
    }

    private int[] chain(final int address, final int port) {
        // Relays have a handful of listening addresses; a scan beats a hash.
        for (int i = 0; i < addresses.length; i++) {
            if (addresses[i] == address) {
                return chains[chainByPort[i][port]];
            }
        }
        return chains[NO_CHAIN];
    }
}
