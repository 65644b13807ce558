// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;

/**
 * The network of most golden walks, so that their frames mean something to the relay that is fuzzed: a client behind a
 * gateway, two targets, both families.
 *
 * @param isOpen endpoint-independent mapping and filtering, echo relayed, TTL preserved, a VLAN and a small MTU;
 *     otherwise the strictest of all
 */
record FuzzNetwork(boolean isOpen) {
    static final int VLAN = 7;
    static final int UNANSWERED_MS = 5_000;
    static final int IDLE_MS = 20_000;
    static final int LISTEN = 9_000;
    static final int LISTEN_HIGH = 9_099;
    static final int LISTEN_OTHER = 9_100;
    static final int TARGET_PORT = 5_004;
    static final int POOL_LOW = 40_000;
    static final int POOL_HIGH = 49_999;

    static final long[] MAC = {0x02_00_00_00_00_01L, 0x02_00_00_00_00_02L};
    static final long GATEWAY_MAC = 0x02_00_00_00_00_FEL;
    static final long TARGET_MAC = 0x02_00_00_00_01_17L;
    static final IpAddress CLIENT = ip("198.51.100.7");
    static final IpAddress LISTENER = ip("203.0.113.1");
    static final IpAddress EXTERNAL = ip("192.0.2.1");
    static final IpAddress TARGET = ip("192.0.2.17");
    static final IpAddress OTHER_TARGET = ip("192.0.2.18");
    static final IpAddress CLIENT6 = ip("2001:db8:5::7");
    static final IpAddress LISTENER6 = ip("2001:db8::1");
    static final IpAddress EXTERNAL6 = ip("2001:db8:1::1");
    static final IpAddress TARGET6 = ip("2001:db8:1::17");
    static final IpAddress OTHER_TARGET6 = ip("2001:db8:1::18");
    private static final IpAddress GATEWAY = ip("203.0.113.254");
    private static final IpAddress GATEWAY6 = ip("fe80::fe");
    private static final Map<Integer, Map<IpAddress, Long>> NEIGHBORS = Map.of(
            EDGE, Map.of(GATEWAY, GATEWAY_MAC, GATEWAY6, GATEWAY_MAC, ip("203.0.113.7"), 0x02_00_00_00_00_07L),
            INNER, Map.of(TARGET, TARGET_MAC, TARGET6, TARGET_MAC, OTHER_TARGET, 0x02_00_00_00_01_18L));

    RelayPlan plan(final RelayPlan usual) {
        final Link edge = new Link(EDGE, "edge", inMemory(MAC[EDGE]), TestRelay.MTU,
                List.of(Link.Subnet.of(LISTENER, 24), Link.Subnet.of(LISTENER6, 64)), GATEWAY.ipv4(), GATEWAY6,
                isOpen ? VLAN : Link.UNTAGGED);
        final Link inner = new Link(INNER, "inner", inMemory(MAC[INNER]), mtu(INNER),
                List.of(Link.Subnet.of(EXTERNAL, 24), Link.Subnet.of(EXTERNAL6, 64)), Link.NO_GATEWAY,
                Link.UNTAGGED);
        final List<Rule> rules = List.of(
                rule(0, LISTENER.ipv4(), LISTEN, LISTEN_HIGH, TARGET.ipv4(), 0),
                rule(1, LISTENER.ipv4(), LISTEN_OTHER, LISTEN_OTHER, OTHER_TARGET.ipv4(), 0),
                rule(2, AddressBook.number(1), LISTEN, LISTEN_HIGH, AddressBook.number(2), 1),
                rule(3, AddressBook.number(1), LISTEN_OTHER, LISTEN_OTHER, AddressBook.number(3), 1));
        final List<SnatPool.Spec> pools = List.of(
                new SnatPool.Spec(0, List.of(EXTERNAL.ipv4()), POOL_LOW, POOL_HIGH),
                new SnatPool.Spec(1, List.of(AddressBook.number(0)), POOL_LOW, POOL_HIGH));
        return new RelayPlan(List.of(edge, inner), rules, pools, usual.limits(), 1,
                List.of(EXTERNAL6, LISTENER6, TARGET6, OTHER_TARGET6),
                new IcmpPolicy(true, 1_000_000, true, isOpen ? List.of(0) : List.of(), UNANSWERED_MS));
    }

    private Rule rule(final int index, final int address, final int low, final int high, final int target,
                      final int pool) {
        final NatBehavior behavior = isOpen
                ? new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT, false)
                : NatBehavior.STRICT;
        return new Rule(index, "rule" + index, address, low, high, List.of(), target, TARGET_PORT, true, pool,
                behavior, IDLE_MS, UNANSWERED_MS, !isOpen, true, Limits.NONE, Limits.NONE);
    }

    void addNeighbors(final TestRelay relay) {
        NEIGHBORS.forEach((link, stations) -> stations.forEach((address, mac) ->
                relay.neighbors.addStatic(link, address.high(), address.low(), inMemory(mac))));
    }

    int mtu(final int link) {
        return isOpen && link == INNER ? 1_280 : TestRelay.MTU;
    }

    int decrement() {
        return isOpen ? 0 : 1;
    }

    boolean isTagged(final int link) {
        return isOpen && link == EDGE;
    }

    /** Where packets to this address leave. */
    int linkTo(final Endpoint destination) {
        final boolean isInner = destination.isIpv4() ? (int) destination.low() >> 8 == (int) 0xC000_0200L >> 8
                : destination.high() == 0x2001_0DB8_0001_0000L;
        return isInner ? INNER : EDGE;
    }

    /** The MAC address of the station that packets to this address go to; 0 where ARP or ND decides. */
    long macOf(final Endpoint destination) {
        for (final Map<IpAddress, Long> stations : NEIGHBORS.values()) {
            for (final Map.Entry<IpAddress, Long> station : stations.entrySet()) {
                if (endpoint(station.getKey(), 0).equals(destination.withoutPort())) {
                    return station.getValue();
                }
            }
        }
        final boolean isNear = destination.isIpv4() ? (int) destination.low() >> 8 == (int) 0xCB00_7100L >> 8
                : destination.high() == 0x2001_0DB8_0000_0000L;
        return isNear || linkTo(destination) == INNER ? 0 : GATEWAY_MAC;
    }

    boolean isOwn(final Endpoint address) {
        final Endpoint alone = address.withoutPort();
        return isListener(alone) || isExternal(alone) || alone.equals(linkLocal(EDGE))
                || alone.equals(linkLocal(INNER));
    }

    static Endpoint linkLocal(final int link) {
        return new Endpoint(0xFE80L << 48, 0x00FF_FE00_0000L + MAC[link] - 0x02_00_00_00_00_00L, 0);
    }

    static boolean isListener(final Endpoint address) {
        final Endpoint alone = address.withoutPort();
        return alone.equals(endpoint(LISTENER, 0)) || alone.equals(endpoint(LISTENER6, 0));
    }

    static boolean isExternal(final Endpoint address) {
        final Endpoint alone = address.withoutPort();
        return alone.equals(endpoint(EXTERNAL, 0)) || alone.equals(endpoint(EXTERNAL6, 0));
    }

    /** Where the rules relay what comes to this endpoint; null when nobody listens there. */
    static Endpoint target(final Endpoint listener) {
        final int port = listener.port();
        if (!isListener(listener) || port < LISTEN || port > LISTEN_OTHER) {
            return null;
        }
        final boolean isIpv4 = listener.isIpv4();
        return port == LISTEN_OTHER ? endpoint(isIpv4 ? OTHER_TARGET : OTHER_TARGET6, TARGET_PORT)
                : endpoint(isIpv4 ? TARGET : TARGET6, TARGET_PORT + port - LISTEN);
    }

    static Endpoint endpoint(final IpAddress address, final int port) {
        final ByteBuffer bytes = ByteBuffer.allocate(16);
        bytes.putLong(Long.reverseBytes(address.high())).putLong(Long.reverseBytes(address.low()));
        return new Endpoint(bytes.getLong(0), bytes.getLong(8), port);
    }

    /** A MAC address written as it is read, as the data plane has it. */
    static long inMemory(final long mac) {
        return Long.reverseBytes(mac) >>> 16;
    }

    private static IpAddress ip(final String text) {
        return IpAddress.of(InetAddress.ofLiteral(text));
    }
}
