// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.config.Cidr;
import io.culvert.control.config.IcmpConfig;
import io.culvert.control.config.LimitsConfig;
import io.culvert.control.config.MacAddress;
import io.culvert.control.config.PortConfig;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.config.RuleConfig;
import io.culvert.control.config.SnatConfig;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.worker.IcmpPolicy;
import io.culvert.dataplane.worker.RelayPlan;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToIntFunction;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/** Translates the configuration, in the operator's terms, into the plan that workers read: wire order and indices. */
final class PlanBuilder {
    private final RelayConfig config;
    /** IPv6 addresses in the order in which they were first named, each with its place, which is its number. */
    private final Map<IpAddress, Integer> addresses = new LinkedHashMap<>();

    PlanBuilder(final RelayConfig config) {
        this.config = config;
    }

    /**
     * @param deviceMac the address that a port's device has, for ports whose configuration names none
     * @param deviceMtu the same for the longest IP packet that it sends, bytes
     */
    RelayPlan build(final ToLongFunction<PortConfig> deviceMac, final ToIntFunction<PortConfig> deviceMtu) {
        final List<Link> links = new ArrayList<>();
        for (final PortConfig port : config.ports()) {
            links.add(new Link(links.size(), port.name(),
                    port.mac().map(PlanBuilder::mac).orElseGet(() -> deviceMac.applyAsLong(port)),
                    port.mtu().orElseGet(() -> deviceMtu.applyAsInt(port)),
                    port.addresses().stream().map(PlanBuilder::subnet).toList(),
                    port.gateways().stream().map(IpAddress::of).filter(IpAddress::isIpv4).findFirst()
                            .map(IpAddress::ipv4).orElse(Link.NO_GATEWAY),
                    port.gateways().stream().map(IpAddress::of).filter(gateway -> !gateway.isIpv4()).findFirst()
                            .orElse(IpAddress.NONE),
                    port.vlan().orElse(Link.UNTAGGED), port.checksReversePath()));
        }
        final Map<SnatConfig, SnatPool.Spec> pools = new LinkedHashMap<>();
        config.rules().stream().flatMap(rule -> rule.snat().stream()).forEach(pool -> pools.computeIfAbsent(pool,
                named -> new SnatPool.Spec(pools.size(), named.addresses().stream().map(this::address).toList(),
                        named.ports().low(), named.ports().high())));
        final List<Rule> rules = new ArrayList<>();
        for (final RuleConfig rule : config.rules()) {
            rules.add(rule(rules.size(), rule,
                    rule.snat().map(pool -> pools.get(pool).index()).orElse(Rule.NO_SNAT)));
        }
        return new RelayPlan(links, rules, List.copyOf(pools.values()), limits(config.limits()),
                config.workers().count(), List.copyOf(addresses.keySet()), icmp(config.icmp()));
    }

    private IcmpPolicy icmp(final IcmpConfig icmp) {
        final List<Integer> echoRules = IntStream.range(0, config.rules().size())
                .filter(rule -> config.rules().get(rule).relayEcho()).boxed().toList();
        return new IcmpPolicy(icmp.errors(), icmp.ratePerSecond(), icmp.refusals(), echoRules,
                millis(icmp.echoTimeout()));
    }

    private static Limits.Spec limits(final LimitsConfig limits) {
        final LimitsConfig.PerSource source = limits.perSource();
        return new Limits.Spec(limits.newPerSecond().orElse(Limits.NONE), limits.unanswered().orElse(Limits.NONE),
                source.prefix(), source.prefix6(), source.maxSessions().orElse(Limits.NONE),
                source.newPerSecond().orElse(Limits.NONE));
    }

    private Rule rule(final int index, final RuleConfig rule, final int pool) {
        return new Rule(index, rule.name(), address(rule.listenAddress()), rule.listenPorts().low(),
                rule.listenPorts().high(), rule.sources().stream().map(PlanBuilder::subnet).toList(),
                address(rule.targetAddress()), rule.targetPorts().low(),
                rule.targetPorts().length() == rule.listenPorts().length(), pool, rule.behavior(),
                millis(rule.idleTimeout()), millis(rule.unansweredTimeout()), rule.decrementTtl(),
                rule.inboundRefresh(), rule.maxSessions().orElse(Limits.NONE), rule.newPerSecond().orElse(Limits.NONE));
    }

    /** As rules and pools have it: an IPv4 address as it is, an IPv6 address by number. */
    private int address(final InetAddress address) {
        final IpAddress ip = IpAddress.of(address);
        if (ip.isIpv4()) {
            return ip.ipv4();
        }
        return AddressBook.number(addresses.computeIfAbsent(ip, named -> addresses.size()));
    }

    /** The first byte on the wire is the lowest for the walk and the highest for people. */
    static long mac(final MacAddress mac) {
        return Long.reverseBytes(mac.value()) >>> Short.SIZE;
    }

    private static Subnet subnet(final Cidr cidr) {
        return Subnet.of(IpAddress.of(cidr.address()), cidr.prefixLength());
    }

    private static int millis(final Duration duration) {
        return (int) Math.min(duration.toMillis(), Integer.MAX_VALUE / 2);
    }
}
