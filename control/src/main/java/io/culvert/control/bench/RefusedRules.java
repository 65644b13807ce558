// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.config.RelayConfig;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The configuration of the bed that refuses: a rule for each {@link Refusal}, the first one for the sessions. */
final class RefusedRules {
    /** Of each of the two small pools. */
    static final int POOL_ADDRESSES = 64;
    static final int PORTS_PER_ADDRESS = 2;
    /** What the two pools have, the second in pairs that one client each takes. */
    static final int SINGLES = POOL_ADDRESSES * PORTS_PER_ADDRESS;
    static final int PAIRS = POOL_ADDRESSES;

    private static final int SOURCES = 1_000;
    private static final int FLOWS_PER_SESSION = 2;

    /** @param sessions that each worker has room for beside those of the two pools */
    static RelayConfig config(final int sessions, final int workers, final int megabytes) {
        return RelayConfig.parse("""
                instance: bench
                ports:
                  edge:
                    device: "net_null0,no-rx=1"
                    mac: 02:00:00:00:00:01
                    address: 203.0.113.1/24
                    gateway: 203.0.113.254
                    neighbors: { 203.0.113.254: "02:00:00:00:00:fe" }
                  inner:
                    device: "net_null1,no-rx=1"
                    mac: 02:00:00:00:00:02
                    address: 192.0.2.1/24
                    neighbors: { 192.0.2.254: "02:00:00:00:01:17" }
                workers: { cores: auto, count: %d }
                memory: { megabytes: %d }
                limits: { flows: %d }
                metrics: none
                defaults: { idleTimeout: 24h, unansweredTimeout: 24h, snat: { address: 192.0.2.2, ports: 1024-65535 } }
                rules:
                  - { name: table, listen: "203.0.113.1:%d/udp", target: "192.0.2.254:7890" }
                  - { name: acl, listen: "203.0.113.1:%d/udp", target: "192.0.2.254:7890", sources: [%s] }
                  - { name: limited, listen: "203.0.113.1:%d/udp", target: "192.0.2.254:7890", newPerSecond: 1000000,
                      maxSessions: 1 }
                  - name: pool
                    listen: 203.0.113.1:%d/udp
                    target: 192.0.2.254:7890
                    snat: { address: [%s], ports: 2000-2001 }
                  - name: pairs
                    listen: 203.0.113.1:%d/udp
                    target: 192.0.2.254:7890
                    snat: { address: [%s], ports: 3000-3001 }
                    mapping: endpoint-independent
                    portPairs: true
                """.formatted(workers, megabytes, FLOWS_PER_SESSION * workers * (sessions + SINGLES + PAIRS),
                Refusal.TABLE.listenPort(), Refusal.ACL.listenPort(),
                listOf(SOURCES, i -> "10.%d.%d.0/24".formatted(i >> Byte.SIZE, i & 0xFF)),
                Refusal.LIMITED.listenPort(), Refusal.POOL.listenPort(), addresses(), Refusal.PAIRS.listenPort(),
                addresses()), "bench");
    }

    private static String addresses() {
        return listOf(POOL_ADDRESSES, i -> "192.0.2." + (100 + i));
    }

    private static String listOf(final int count, final IntFunction<String> item) {
        return IntStream.range(0, count).mapToObj(item).collect(Collectors.joining(", "));
    }

    private RefusedRules() { }
}
