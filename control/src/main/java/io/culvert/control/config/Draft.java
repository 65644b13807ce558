// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.nat.NatBehavior;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * The file as far as it could be read. Every value carries its place, and one that is absent or broken is empty: the
 * checks across values work with what is there. Becomes a {@link RelayConfig} only when no problem was found.
 */
record Draft(
        String instance,
        List<Port> ports,
        WorkersConfig workers,
        MemoryConfig memory,
        LimitsConfig limits,
        IcmpConfig icmp,
        List<Rule> rules,
        Optional<InetSocketAddress> metrics) {

    record Port(
            String name,
            Optional<Located<String>> device,
            List<Located<Cidr>> addresses,
            List<Located<InetAddress>> gateways,
            Optional<Located<Integer>> mtu,
            Optional<Located<Integer>> vlan,
            Optional<Located<MacAddress>> mac,
            Optional<Located<String>> reversePath,
            List<Neighbor> neighbors) {

        String title() {
            return "port \"" + name + "\"";
        }

        boolean speaksIpv6() {
            return addresses.stream().anyMatch(own -> Addresses.isIpv6(own.value().address()));
        }

        boolean isOnLink(final InetAddress address) {
            return addresses.stream().anyMatch(own -> own.value().contains(address));
        }

        boolean hasGatewayFor(final InetAddress destination) {
            return gateways.stream().anyMatch(at -> Addresses.areOfOneFamily(at.value(), destination));
        }

        boolean owns(final InetAddress address) {
            return addresses.stream().anyMatch(own -> own.value().address().equals(address));
        }
    }

    record Neighbor(Located<InetAddress> address, Optional<Located<MacAddress>> mac) {
    }

    /** {@code sources} is empty when the key is absent; {@code snat} also when it says none. */
    record Rule(
            String title,
            Optional<Located<String>> name,
            Optional<Located<Endpoint>> listen,
            Optional<List<Located<Cidr>>> sources,
            Optional<Located<Endpoint>> target,
            Optional<Located<SnatConfig>> snat,
            NatBehavior behavior,
            Duration idleTimeout,
            Duration unansweredTimeout,
            boolean decrementTtl,
            boolean inboundRefresh,
            Optional<Located<String>> echo,
            OptionalInt maxSessions,
            OptionalInt newPerSecond) {

        boolean relaysEcho() {
            return echo.filter(word -> word.value().equals("relay")).isPresent();
        }
    }
}
