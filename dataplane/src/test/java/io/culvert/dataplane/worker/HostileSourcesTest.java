// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packets that claim to come from where nobody is. After each case the ledger balances and every buffer is back. */
class HostileSourcesTest {
    private static final int EDGE_NETWORK = 0x0002_00C0;      // 192.0.2.0
    private static final int EDGE_BROADCAST = 0xFF02_00C0;    // 192.0.2.255
    private static final int INNER_NETWORK = 0x0000_000A;     // 10.0.0.0
    private static final int INNER_BROADCAST = 0xFF00_000A;   // 10.0.0.255
    private static final int LIMITED_BROADCAST = -1;
    private static final int INNER_HOST = 0x3200_000A;        // 10.0.0.50
    private static final int FIRST_OF_TWO = 0x0A64_33C6;      // 198.51.100.10
    private static final int FAR = 0x0771_00CB;               // 203.0.113.7
    private static final int EDGE_GATEWAY = 0x0102_00C0;      // 192.0.2.1
    private static final int[] RESERVED =
            {EDGE_NETWORK, EDGE_BROADCAST, INNER_NETWORK, INNER_BROADCAST, LIMITED_BROADCAST};
    private static final long GROUP_MAC = 0x0100_0000_5E01L;

    @TempDir
    private Path scratch;

    @Test
    void anAddressThatANetworkReservesOpensNoSessionOnAnyPort() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            for (final int source : RESERVED) {
                for (int link = 0; link < 2; link++) {
                    relay.pass(link, INNER, from(link, source));
                }
            }
            assertEquals(2 * RESERVED.length, relay.dropped(DropReason.MARTIAN));
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        }
    }

    @Test
    void itsPingsAndFragmentsFareNoBetter() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            for (final int source : RESERVED) {
                assertEquals(List.of(), relay.pass(EDGE, EDGE,
                        Frames.echoRequest(MAC[EDGE], CLIENT_MAC, source, EDGE_ADDRESS)));
                relay.pass(EDGE, INNER, firstFragment(source));
            }
            assertEquals(2 * RESERVED.length, relay.dropped(DropReason.MARTIAN));
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        }
    }

    @Test
    void inATwoAddressNetworkBothAreHosts() {
        final UnaryOperator<RelayPlan> narrow = plan -> with(plan, new Link(EDGE, "edge", MAC[EDGE], TestRelay.MTU,
                List.of(new Link.Subnet(EDGE_ADDRESS, 0xFF_FFFF), new Link.Subnet(FIRST_OF_TWO, 0xFEFF_FFFF)), 0, 0),
                plan.links().get(INNER));
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16, narrow)) {
            assertEquals(1, relay.pass(EDGE, INNER, from(EDGE, FIRST_OF_TWO + (1 << 24))).size());
        }
    }

    @Test
    void arpOfSuchASenderIsBadAndAProbeIsAnswered() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            for (final int sender : RESERVED) {
                assertEquals(List.of(), relay.pass(EDGE, EDGE, Frames.arp(Arp.REQUEST, CLIENT_MAC, sender, 0,
                        EDGE_ADDRESS)));
            }
            assertEquals(RESERVED.length, relay.dropped(DropReason.BAD_ARP));
            assertEquals(1, relay.pass(EDGE, EDGE, Frames.arp(Arp.REQUEST, CLIENT_MAC, 0, 0, EDGE_ADDRESS)).size());
        }
    }

    @Test
    void nobodyIsAnsweredWhoseMacAddressIsAGroups() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            assertEquals(List.of(), relay.pass(EDGE, EDGE,
                    Frames.echoRequest(MAC[EDGE], GROUP_MAC, CLIENT, EDGE_ADDRESS)));
            assertEquals(1, relay.dropped(DropReason.MARTIAN));
            final byte[] old = Frames.ttl(Frames.udp(MAC[EDGE], Ethernet.BROADCAST, CLIENT, 1_024, EDGE_ADDRESS,
                    LISTEN, 8), 1);
            assertEquals(List.of(), relay.pass(EDGE, EDGE, old), "no ICMP error to all stations");
            assertEquals(1, relay.dropped(DropReason.TTL_EXCEEDED));
        }
    }

    @Test
    void aNewcomerComesInWhereTheWayBackLeadsOut() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            assertEquals(List.of(), relay.pass(INNER, INNER, from(INNER, CLIENT)), "a client of the other port");
            assertEquals(List.of(), relay.pass(EDGE, INNER, from(EDGE, INNER_HOST)));
            assertEquals(2, relay.dropped(DropReason.REVERSE_PATH));
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
            assertEquals(1, relay.pass(EDGE, INNER, from(EDGE, CLIENT)).size());
        }
    }

    @Test
    void aFarSenderComesInThroughAPortThatHasAGateway() {
        final UnaryOperator<RelayPlan> routed = plan -> with(plan, withGateway(plan, true), plan.links().get(INNER));
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16, routed)) {
            assertEquals(List.of(), relay.pass(INNER, INNER, from(INNER, FAR)));
            assertEquals(1, relay.dropped(DropReason.REVERSE_PATH));
            assertEquals(1, relay.pass(EDGE, INNER, from(EDGE, FAR)).size());
            relay.received(EDGE);
        }
    }

    @Test
    void aPortThatDoesNotCheckBelievesEverybody() {
        final UnaryOperator<RelayPlan> lax = plan -> with(plan, withGateway(plan, true),
                new Link(INNER, "inner", MAC[INNER], TestRelay.MTU, plan.links().get(INNER).subnets(), 0,
                        IpAddress.NONE, 0, false));
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16, lax)) {
            assertEquals(1, relay.pass(INNER, INNER, from(INNER, FAR)).size());
            assertEquals(1, relay.pass(INNER, INNER, from(INNER, CLIENT)).size());
            relay.received(EDGE);
        }
    }

    private static Link withGateway(final RelayPlan plan, final boolean checks) {
        return new Link(EDGE, "edge", MAC[EDGE], TestRelay.MTU, plan.links().get(EDGE).subnets(), EDGE_GATEWAY,
                IpAddress.NONE, 0, checks);
    }

    private static RelayPlan with(final RelayPlan plan, final Link edge, final Link inner) {
        return new RelayPlan(List.of(edge, inner), plan.rules(), plan.pools(), plan.limits(), plan.workers(),
                plan.addresses(), new IcmpPolicy(true, 100, false, List.of(), 60_000));
    }

    private static byte[] from(final int link, final int source) {
        return Frames.udp(MAC[link], CLIENT_MAC, source, 1_024, EDGE_ADDRESS, LISTEN, 8);
    }

    private static byte[] firstFragment(final int source) {
        final byte[] bytes = Frames.udp(MAC[EDGE], CLIENT_MAC, source, 1_024, EDGE_ADDRESS, LISTEN, 24);
        MemorySegment.ofArray(bytes).set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16(0x2000));
        return Frames.ttl(bytes, 64);
    }
}
