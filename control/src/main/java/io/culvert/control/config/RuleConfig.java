// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.nat.NatBehavior;
import java.net.InetAddress;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * What is relayed where, with the defaults already filled in. No {@code sources} means anyone; no {@code snat} means
 * that the target sees the client's own address. {@code targetPorts} is as long as {@code listenPorts} (the offset is
 * kept) or a single port (all listeners end there).
 */
public record RuleConfig(
        String name,
        InetAddress listenAddress,
        PortRange listenPorts,
        List<Cidr> sources,
        InetAddress targetAddress,
        PortRange targetPorts,
        Optional<SnatConfig> snat,
        NatBehavior behavior,
        Duration idleTimeout,
        Duration unansweredTimeout,
        boolean decrementTtl,
        boolean inboundRefresh,
        boolean relayEcho,
        OptionalInt maxSessions,
        OptionalInt newPerSecond) {
}
