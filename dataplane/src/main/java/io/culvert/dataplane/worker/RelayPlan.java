// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.host.AddressSet;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.RuleTable;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What all workers of a relay agree on: immutable, made from the configuration before the first starts.
 *
 * @param links {@code rules} and {@code pools} in the order of their indices
 * @param workers how many share the pools and the limits
 * @param addresses of IPv6 that rules and pools have by number
 * @param icmp what the relay says of itself
 * @param ruleTable the rules as workers look them up
 * @param ownAddresses those of ports, of listeners and of SNAT pools
 */
public record RelayPlan(List<Link> links, List<Rule> rules, List<SnatPool.Spec> pools, Limits.Spec limits, int workers,
                        List<IpAddress> addresses, IcmpPolicy icmp, RuleTable ruleTable, AddressSet ownAddresses) {
    /** A plan whose tables follow from the rest. */
    public RelayPlan(final List<Link> links, final List<Rule> rules, final List<SnatPool.Spec> pools,
                     final Limits.Spec limits, final int workers, final List<IpAddress> addresses,
                     final IcmpPolicy icmp) {
        this(links, rules, pools, limits, workers, addresses, icmp, new RuleTable(rules),
                ownAddresses(links, rules, pools, addresses));
    }

    /** A plan without IPv6, of a relay that says nothing. */
    public RelayPlan(final List<Link> links, final List<Rule> rules, final List<SnatPool.Spec> pools,
                     final Limits.Spec limits, final int workers) {
        this(links, rules, pools, limits, workers, List.of(), IcmpPolicy.SILENT);
    }

    /** What an address of a rule or a pool stands for. */
    public IpAddress ip(final int address) {
        return ip(addresses, address);
    }

    private static IpAddress ip(final List<IpAddress> addresses, final int address) {
        return AddressBook.isNumber(address) ? addresses.get(AddressBook.id(address))
                : new IpAddress(0, Ipv6Address.mapped(address));
    }

    /** What metrics call a pool. */
    public String nameOf(final SnatPool.Spec pool) {
        return ip(pool.addresses().getFirst()).withPort(pool.low() + "-" + pool.high());
    }

    /** How many IPv6 addresses a worker with so many sessions must be able to number; one is that of a newcomer. */
    public int addressesFor(final int sessions) {
        return addresses.isEmpty() ? 0 : addresses.size() + sessions + 1;
    }

    public Routes routes() {
        return new Routes(links);
    }

    /**
     * Gives all gateways, and the targets in connected networks, their places.
     *
     * @throws IllegalStateException when there are more than the table takes
     */
    public void configure(final Neighbors neighbors) {
        for (final Link link : links) {
            if (link.gateway() != Link.NO_GATEWAY) {
                neighbors.configure(link.index(), link.gateway());
            }
            if (link.gateway6() != IpAddress.NONE) {
                neighbors.configure(link.index(), link.gateway6().high(), link.gateway6().low());
            }
        }
        for (final Rule rule : rules) {
            final IpAddress target = ip(rule.targetAddress());
            for (final Link link : links) {
                if (link.isConnected(target.high(), target.low())) {
                    neighbors.configure(link.index(), target.high(), target.low());
                    break; // as Routes finds it
                }
            }
        }
    }

    private static AddressSet ownAddresses(final List<Link> links, final List<Rule> rules,
                                             final List<SnatPool.Spec> pools, final List<IpAddress> addresses) {
        final Set<IpAddress> own = new HashSet<>();
        links.forEach(link -> link.subnets().forEach(subnet -> own.add(subnet.ip())));
        rules.forEach(rule -> own.add(ip(addresses, rule.listenAddress())));
        pools.forEach(pool -> pool.addresses().forEach(address -> own.add(ip(addresses, address))));
        return AddressSet.of(own);
    }
}
