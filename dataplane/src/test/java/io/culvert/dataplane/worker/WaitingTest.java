// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.LISTEN_OTHER;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.OTHER_TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Packets whose next hop must be asked for. After each case the ledger balances and every buffer is back. */
class WaitingTest {
    private static final int PORT = 25_000;
    private static final int PER_NEIGHBOR = Waiting.PER_NEIGHBOR;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @BeforeEach
    void open() {
        relay = new TestRelay(scratch, 1_000);
        relay.neighbors.addStatic(EDGE, CLIENT, CLIENT_MAC);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    void packetsWaitUntilTheNextHopAnswers() {
        for (int i = 0; i < 3; i++) {
            relay.send(EDGE, fromClient(PORT + i, LISTEN));
        }
        relay.worker.doWork();
        assertEquals(3, relay.count(WorkerCounter.WAITING));
        relay.assertBalanced();
        relay.workForMs(1);
        final List<byte[]> asked = relay.received(INNER);
        assertEquals(1, asked.size(), "one request for all");
        final MemorySegment request = MemorySegment.ofArray(asked.getFirst()).asSlice(0, Arp.FRAME_LENGTH);
        assertEquals(Ethernet.BROADCAST, Ethernet.destination(request));
        assertEquals(Arp.REQUEST, Arp.operation(request));
        assertEquals(INNER_ADDRESS, Arp.senderAddress(request));
        assertEquals(TARGET, Arp.targetAddress(request));

        final List<byte[]> released = relay.pass(INNER, INNER, arpReply(TARGET_MAC, TARGET));
        assertEquals(3, released.size());
        for (int i = 0; i < 3; i++) {
            assertEquals(PORT + i, Frames.sourcePort(released.get(i)), "in the order they came");
            assertEquals(TARGET_MAC, Ethernet.destination(MemorySegment.ofArray(released.get(i))));
            Frames.assertRight(released.get(i));
        }
        assertEquals(0, relay.count(WorkerCounter.WAITING));
        assertEquals(0, relay.dropped());
        assertEquals(3, relay.count(WorkerCounter.SESSIONS), "walking twice opens nothing twice");
    }

    @Test
    void aDeadNextHopHoldsABoundedNumberAndNoLongerThanItsLastRequest() {
        for (int i = 0; i < 200; i++) {
            relay.send(EDGE, fromClient(PORT, LISTEN));
        }
        work();
        assertEquals(PER_NEIGHBOR, relay.count(WorkerCounter.WAITING));
        assertEquals(200 - PER_NEIGHBOR, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED));
        relay.assertBalanced();
        relay.workForMs(2_900);
        assertEquals(PER_NEIGHBOR, relay.count(WorkerCounter.WAITING));
        relay.workForMs(300);
        assertEquals(0, relay.count(WorkerCounter.WAITING), "given up at once, all of them");
        assertEquals(200, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED));
        relay.send(EDGE, fromClient(PORT, LISTEN));
        work();
        assertEquals(201, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED), "nobody waits for a failed next hop");
        relay.received(INNER);
    }

    @Test
    void aFailedNextHopIsUsedAgainWhenItAnswers() {
        relay.send(EDGE, fromClient(PORT, LISTEN));
        relay.workForMs(5_000);
        assertEquals(1, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED));
        relay.received(INNER);
        relay.pass(INNER, INNER, arpReply(TARGET_MAC, TARGET));
        assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size());
    }

    /** RFC 1122 2.3.2.2: the packet that has a next hop asked for is saved, also when nobody was there before. */
    @Test
    void whoeverComesUpLaterGetsThePacketThatHasItAskedForAgain() {
        relay.send(EDGE, fromClient(PORT, LISTEN));
        relay.workForMs(60_000);
        relay.received(INNER);
        relay.send(EDGE, fromClient(PORT, LISTEN));
        relay.workForMs(200);
        assertEquals(1, relay.received(INNER).size(), "one request");
        assertEquals(1, relay.count(WorkerCounter.WAITING));
        assertEquals(1, relay.pass(INNER, INNER, arpReply(TARGET_MAC, TARGET)).size());
        assertEquals(1, relay.dropped(), "the one of a minute before");
    }

    /** The worker that asks is another thread: it may give a next hop up while this one is about to cut a packet. */
    @Test
    void whatIsToBeCutWaitsWhenItsNextHopIsGivenUpMeanwhile() {
        relay.send(EDGE, fromClient(PORT, LISTEN));
        work();
        relay.pass(INNER, INNER, arpReply(TARGET_MAC, TARGET));
        final int target = relay.neighbors.configured(INNER, 0, Ipv6Address.mapped(TARGET));

        relay.send(EDGE, Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT, EDGE_ADDRESS, LISTEN, 1_600));
        relay.interrupted(EDGE, () -> {
            for (long ms = 40_000; relay.neighbors.isResolved(target); ms += 1_000) {
                relay.neighbors.maintain((link, high, low, mac) -> { }, ms);
            }
        });

        assertEquals(0, relay.dropped());
        assertEquals(1, relay.count(WorkerCounter.WAITING));
        final List<byte[]> pieces = relay.pass(INNER, INNER, arpReply(TARGET_MAC, TARGET));
        assertEquals(2, pieces.size());
        pieces.forEach(piece -> assertTrue(Checksum.isIpv4HeaderRight(MemorySegment.ofArray(piece))));
    }

    /** Not even when its target is silent for longer than an unanswered session may be. */
    @Test
    @Tag("RFC4787-REQ-6")
    void aClientThatGoesOnSendingKeepsItsEndpointWhileTheNextHopIsDown() {
        final int created = relay.counters().catalog().created(0);
        for (int ms = 0; ms <= 3 * TestRelay.UNANSWERED_MS; ms += 1_000) {
            relay.send(EDGE, fromClient(PORT, LISTEN));
            relay.workForMs(1_000);
        }
        assertEquals(1, relay.counters().get(created));
        relay.received(INNER);
        relay.workForMs(2 * TestRelay.UNANSWERED_MS);
        assertEquals(0, relay.sessions(), "but it does not outlive its client");
    }

    @Test
    void oneDeadNextHopDoesNotHoldUpTheOthers() {
        relay.neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        for (int i = 0; i < 10; i++) {
            relay.send(EDGE, fromClient(PORT + i, LISTEN_OTHER), fromClient(PORT + i, LISTEN));
        }
        work();
        assertEquals(10, relay.count(WorkerCounter.WAITING));
        final List<byte[]> relayed = relay.received(INNER).stream().filter(frame -> !Frames.isArp(frame)).toList();
        assertEquals(10, relayed.size());
        relay.pass(INNER, INNER, arpReply(TARGET_MAC + (1L << 40), OTHER_TARGET));
        assertEquals(0, relay.count(WorkerCounter.WAITING));
    }

    @Test
    void allNextHopsTogetherHoldABoundedNumber() {
        relay.neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        final int clients = Waiting.SHARED / PER_NEIGHBOR + 6;
        for (int client = 1; client <= clients; client++) {
            replies(client, 100);
        }
        // The last ones have the newest packet each, for what all share is full.
        final int held = Waiting.SHARED + 6;
        assertEquals(held, relay.count(WorkerCounter.WAITING));
        assertEquals(100 * clients - held, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED));
        relay.assertBalanced();
        relay.workForMs(20);
        relay.received(EDGE);
        for (int client = 1; client <= clients; client++) {
            relay.send(EDGE, arpReply(CLIENT_MAC, CLIENT + (client << 24), MAC[EDGE], EDGE_ADDRESS));
        }
        work();
        assertEquals(held, relay.received(EDGE).size(), "more than one burst is released at once");
        assertEquals(0, relay.count(WorkerCounter.WAITING));
    }

    @Test
    void silentNextHopsKeepNobodyOutWhoIsAboutToAnswer() {
        relay.neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        for (int silent = 1; silent <= 4; silent++) {
            replies(silent, 500);
        }
        replies(5, 20);
        for (int silent = 1; silent <= 4; silent++) {
            replies(silent, 500);
        }
        relay.workForMs(10);
        relay.received(EDGE);
        relay.send(EDGE, arpReply(CLIENT_MAC, CLIENT + (5 << 24), MAC[EDGE], EDGE_ADDRESS));
        work();
        assertEquals(20, relay.received(EDGE).size());
    }

    /** Many silent ones fill all that is shared; the newest packet for another still gets through. */
    @Test
    void evenInAFullRoomTheNewestPacketOfEachIsHeld() {
        relay.neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        for (int silent = 1; silent <= 40; silent++) {
            replies(silent, PER_NEIGHBOR);
        }
        replies(41, 3);
        relay.workForMs(50);
        relay.received(EDGE);
        relay.send(EDGE, arpReply(CLIENT_MAC, CLIENT + (41 << 24), MAC[EDGE], EDGE_ADDRESS));
        work();
        final List<byte[]> released = relay.received(EDGE);
        assertEquals(1, released.size());
        assertEquals(CLIENT + (41 << 24), Frames.destination(released.getFirst()));
    }

    /** A client opens a session, and the target answers so many times. */
    private void replies(final int client, final int count) {
        assertEquals(1, relay.pass(EDGE, INNER, Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT + (client << 24),
                PORT + client, EDGE_ADDRESS, LISTEN, 10)).size());
        for (int i = 0; i < count; i++) {
            relay.send(INNER, fromTarget(TARGET_PORT, PORT + client));
            if (i % 50 == 49) {
                work();
            }
        }
        work();
    }

    @Test
    void whatStillWaitsAtTheEndIsDroppedByName() {
        relay.send(EDGE, fromClient(PORT, LISTEN), fromClient(PORT, LISTEN_OTHER));
        work();
        relay.worker.stop();
        assertEquals(2, relay.dropped(DropReason.DRAINING));
        assertEquals(0, relay.count(WorkerCounter.WAITING));
    }

    /** A session keeps its client's next hop confirmed; when it has ended nobody asks any more. */
    @Test
    void anEndedSessionReleasesItsClient() {
        relay.neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        final int client = CLIENT + (1 << 24);
        replies(1, 1);
        relay.workForMs(2);
        relay.pass(EDGE, EDGE, arpReply(CLIENT_MAC, client, MAC[EDGE], EDGE_ADDRESS));
        relay.workForMs(30_200);
        assertTrue(relay.received(EDGE).stream().anyMatch(Frames::isArp), "confirmed while it is used");
        relay.send(EDGE, arpReply(CLIENT_MAC, client, MAC[EDGE], EDGE_ADDRESS));
        relay.workForMs(TestRelay.IDLE_MS);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        relay.received(EDGE);
        relay.workForMs(60_000);
        assertFalse(relay.received(EDGE).stream().anyMatch(Frames::isArp), "left in peace after it");
    }

    private void work() {
        while (relay.worker.doWork() > 0) {
            relay.assertBalanced();
        }
    }

    private static byte[] arpReply(final long mac, final int address) {
        return arpReply(mac, address, MAC[INNER], INNER_ADDRESS);
    }

    private static byte[] arpReply(final long mac, final int address, final long ourMac, final int ourAddress) {
        return Frames.arp(Arp.REPLY, mac, address, ourMac, ourAddress);
    }
}
