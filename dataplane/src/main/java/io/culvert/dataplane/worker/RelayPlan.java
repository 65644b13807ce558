// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.host.OwnAddresses;
import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.RuleTable;
import io.culvert.dataplane.nat.SnatPool;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * What all workers of a relay agree on: immutable, made from the configuration before the first starts.
 *
 * @param links {@code rules} and {@code pools} in the order of their indices
 * @param workers how many share the pools
 */
public record RelayPlan(List<Link> links, List<Rule> rules, List<SnatPool.Spec> pools, int workers) {

    public RuleTable ruleTable() {
        return new RuleTable(rules);
    }

    public Routes routes() {
        return new Routes(links);
    }

    /** The addresses of ports, of listeners and of SNAT pools. */
    public OwnAddresses ownAddresses() {
        final Set<Integer> addresses = new HashSet<>();
        for (final Link link : links) {
            for (final Subnet subnet : link.subnets()) {
                addresses.add(subnet.address());
            }
        }
        rules.forEach(rule -> addresses.add(rule.listenAddress()));
        pools.forEach(pool -> addresses.addAll(pool.addresses()));
        return new OwnAddresses(addresses);
    }
}
