// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Arp;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * One sender makes up addresses of a connected network, 192.0.0.0/16, whose hosts must be asked for; a new client of
 * that network is served all the same. After each case the ledger balances and every buffer is back.
 */
class NeighborFloodTest {
    private static final int VICTIM = 0x4DC8_00C0;     // 192.0.200.77
    private static final long VICTIM_MAC = 0x4D00_0000_0002L;
    private static final int VICTIM_PORT = 29_001;
    private static final int ATTACKER_PORT = 1_024;
    private static final int SESSIONS = 16_384;

    @TempDir
    private Path scratch;

    /** Five thousand sessions of made-up senders in five seconds, none of which ends before the test does. */
    @Test
    void aNewClientIsServedAmidSessionsOfSendersThatDoNotExist() {
        try (TestRelay relay = relay(SESSIONS)) {
            for (int i = 0; i < 5_000; i++) {
                open(relay, madeUp(i));
                relay.workForMs(1);
                relay.received(EDGE);
            }
            assertEquals(5_000, relay.count(WorkerCounter.SESSIONS));
            assertVictimIsServed(relay);
        }
    }

    /**
     * Twenty made-up senders in each millisecond, before, during and after the victim comes. It asks for the relay's
     * address before it sends, as every host does, and answers when it is asked.
     */
    @Test
    void aNewClientIsServedWhileTheFloodGoesOn() {
        try (TestRelay relay = relay(SESSIONS)) {
            int made = 0;
            for (int ms = 0; ms < 300; ms++) {
                made = flood(relay, made);
            }
            relay.pass(EDGE, EDGE, Frames.arp(Arp.REQUEST, VICTIM_MAC, VICTIM, 0, EDGE_ADDRESS));
            made = flood(relay, made);
            final byte[] there = relay.pass(EDGE, INNER, packet(VICTIM, VICTIM_PORT)).getFirst();
            for (int ms = 0; ms < 100; ms++) {
                made = flood(relay, made);
                final List<byte[]> back =
                        relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there))).stream()
                                .filter(frame -> !Frames.isArp(frame)).toList();
                assertEquals(1, back.size(), "answered in millisecond " + ms);
                assertEquals(VICTIM, Frames.destination(back.getFirst()));
            }
        }
    }

    /** A million hosts that do not exist ask for us: they take a bounded number of places, and each other's. */
    @Test
    void whoAsksForUsTakesNoPlaceFromThoseWhoTalk() {
        try (TestRelay relay = relay(SESSIONS)) {
            relay.pass(EDGE, EDGE, Frames.arp(Arp.REQUEST, VICTIM_MAC, VICTIM, 0, EDGE_ADDRESS));
            final byte[] there = relay.pass(EDGE, INNER, packet(VICTIM, VICTIM_PORT)).getFirst();
            for (int i = 0; i < 20_000; i++) {
                relay.pass(EDGE, EDGE, Frames.arp(Arp.REQUEST, CLIENT_MAC, madeUp(i), 0, EDGE_ADDRESS));
                relay.received(INNER);
            }
            assertTrue(relay.neighbors.count(Neighbors.State.REACHABLE) <= 1_024 + 1);
            assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there))).size());
        }
    }

    /** One millisecond of it. @return how many senders have been made up */
    private static int flood(final TestRelay relay, final int made) {
        final byte[][] packets = new byte[20][];
        for (int i = 0; i < packets.length; i++) {
            packets[i] = packet(madeUp(made + i), ATTACKER_PORT);
        }
        relay.send(EDGE, packets);
        relay.workForMs(1);
        relay.received(EDGE);
        relay.received(INNER);
        return made + packets.length;
    }

    /** The same while targets answer them all, so that packets to every one of them ask for its address. */
    @Test
    void aNewClientIsServedWhileRepliesToSuchSendersAskForThem() {
        try (TestRelay relay = relay(SESSIONS)) {
            final List<byte[]> replies = new ArrayList<>();
            for (int i = 0; i < 3_000; i++) {
                final byte[] there = open(relay, madeUp(i));
                replies.add(fromTarget(TARGET_PORT, Frames.sourcePort(there)));
            }
            for (int ms = 0; ms < 500; ms++) {
                for (int i = 0; i < 50; i++) {
                    relay.send(INNER, replies.get((50 * ms + i) % replies.size()));
                }
                relay.workForMs(1);
                relay.received(EDGE);
            }
            assertTrue(relay.dropped(DropReason.NEIGHBOR_UNRESOLVED) > 20_000);
            assertVictimIsServed(relay);
            relay.workForMs(4_000);
        }
    }

    /** Under an unkeyed hash these met around the victim's home and filled all places that it could have. */
    @Test
    void sendersChosenByTheMultiplicativeHashThatWasOnceThereShutNobodyOut() {
        try (TestRelay relay = relay(SESSIONS)) {
            int opened = 0;
            for (int i = 0; i < 65_000 && opened < 1_000; i++) {
                final int source = 0x00C0 | (i & 0xFF) << 16 | i >>> 8 << 24;
                if ((home(source) - home(VICTIM) & 0xFFF) < 64 && source != VICTIM && (i & 0xFF) != 2) {
                    open(relay, source);
                    opened++;
                }
            }
            assertTrue(opened >= 64, opened + " senders");
            relay.workForMs(opened);
            relay.received(EDGE);
            assertVictimIsServed(relay);
        }
    }

    private static int home(final int source) {
        final long key = 1L << Integer.SIZE | source & 0xFFFF_FFFFL;
        return (int) (key * 0x9E3779B97F4A7C15L >>> 40) & 0xFFF;
    }

    @Test
    void twoHundredMadeUpSendersCauseThreeRequestsEachAtMost() {
        try (TestRelay relay = relay(SESSIONS)) {
            for (int i = 0; i < 200; i++) {
                open(relay, madeUp(i));
            }
            int requests = 0;
            for (int second = 0; second < 30; second++) {
                for (int tenth = 0; tenth < 10; tenth++) {
                    relay.workForMs(100);
                    requests += (int) relay.received(EDGE).stream().filter(Frames::isArp).count();
                }
            }
            assertTrue(requests <= 3 * 200, requests + " requests");
            assertTrue(requests > 0);
        }
    }

    @Test
    void whoGetsNoSessionIsNotAskedFor() {
        try (TestRelay relay = relay(8)) {
            for (int i = 0; i < 8; i++) {
                open(relay, madeUp(i));
            }
            relay.workForMs(20);
            assertEquals(8, relay.received(EDGE).stream().filter(Frames::isArp).count());
            for (int i = 8; i < 200; i++) {
                assertEquals(List.of(), relay.pass(EDGE, INNER, packet(madeUp(i), ATTACKER_PORT)));
            }
            relay.workForMs(200);
            assertEquals(0, relay.received(EDGE).stream().filter(Frames::isArp).count());
            assertEquals(192, relay.dropped(DropReason.FLOW_TABLE_FULL));
            assertEquals(8, relay.neighbors.count(Neighbors.State.INCOMPLETE), "nor has a place");
        }
    }

    /** The victim's first packet goes to the target, the victim is asked for, and the target's answer reaches it. */
    private static void assertVictimIsServed(final TestRelay relay) {
        final List<byte[]> there = relay.pass(EDGE, INNER, packet(VICTIM, VICTIM_PORT));
        assertEquals(1, there.size(), "the first packet goes on");
        relay.workForMs(70);
        final byte[] question = relay.received(EDGE).stream().filter(Frames::isArp).filter(frame ->
                Arp.targetAddress(MemorySegment.ofArray(frame)) == VICTIM).findFirst().orElseThrow();
        assertTrue(Frames.isArp(question));
        relay.pass(EDGE, EDGE, Frames.arp(Arp.REPLY, VICTIM_MAC, VICTIM, MAC[EDGE], EDGE_ADDRESS));
        final List<byte[]> back =
                relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there.getFirst()))).stream()
                        .filter(frame -> !Frames.isArp(frame)).toList();
        assertEquals(1, back.size(), "and so does the answer");
        assertEquals(VICTIM, Frames.destination(back.getFirst()));
    }

    private static byte[] open(final TestRelay relay, final int source) {
        final List<byte[]> there = relay.pass(EDGE, INNER, packet(source, ATTACKER_PORT));
        assertEquals(1, there.size());
        return there.getFirst();
    }

    private static byte[] packet(final int source, final int port) {
        return Frames.udp(MAC[EDGE], CLIENT_MAC, source, port, EDGE_ADDRESS, LISTEN, 10);
    }

    /** 192.0.16.1 and on, never the victim. */
    private static int madeUp(final int i) {
        return 0x00C0 | 16 + i / 250 << 16 | 1 + i % 250 << 24;
    }

    private TestRelay relay(final int sessions) {
        final TestRelay relay = new TestRelay(scratch, sessions, plan -> new RelayPlan(
                List.of(new Link(EDGE, "edge", MAC[EDGE], TestRelay.MTU,
                        List.of(new Link.Subnet(EDGE_ADDRESS, 0xFFFF)), 0, 0), plan.links().get(INNER)),
                plan.rules().stream().map(NeighborFloodTest::patient).toList(), plan.pools(), plan.limits(), 1));
        relay.neighbors.addStatic(INNER, TestRelay.TARGET, TestRelay.TARGET_MAC);
        return relay;
    }

    private static Rule patient(final Rule rule) {
        return TestRelay.with(rule, 600_000, 600_000, true);
    }
}
