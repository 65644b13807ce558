// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.POOL_HIGH;
import static io.culvert.dataplane.worker.TestRelay.POOL_LOW;
import static io.culvert.dataplane.worker.TestRelay.RING;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The walk as a whole, all next hops known. After each case the ledger balances and every buffer is back. */
class WorkerTest {
    private static final int CLIENT_PORT = 25_004;
    private static final int SESSIONS = 300;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @BeforeEach
    void open() {
        relay = TestRelay.withNeighbors(scratch, SESSIONS);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    void relaysThereAndBack() {
        final byte[] sent = fromClient(CLIENT_PORT, LISTEN + 7);
        final byte[] forward = only(relay.pass(EDGE, INNER, sent));
        assertEquals(TARGET_MAC, Ethernet.destination(MemorySegment.ofArray(forward)));
        assertEquals(MAC[INNER], Ethernet.source(MemorySegment.ofArray(forward)));
        assertEquals(INNER_ADDRESS, Frames.source(forward));
        assertEquals(CLIENT_PORT, Frames.sourcePort(forward), "the client's port is in the pool and free");
        assertEquals(TARGET, Frames.destination(forward));
        assertEquals(TARGET_PORT + 7, Frames.destinationPort(forward));
        assertEquals(63, forward[Ipv4.TTL]);
        Frames.assertRight(forward);
        assertArrayEquals(payload(sent), payload(forward));

        final byte[] answer = fromTarget(TARGET_PORT + 7, CLIENT_PORT);
        final byte[] reply = only(relay.pass(INNER, EDGE, answer));
        assertEquals(CLIENT_MAC, Ethernet.destination(MemorySegment.ofArray(reply)));
        assertEquals(EDGE_ADDRESS, Frames.source(reply));
        assertEquals(LISTEN + 7, Frames.sourcePort(reply));
        assertEquals(CLIENT, Frames.destination(reply));
        assertEquals(CLIENT_PORT, Frames.destinationPort(reply));
        Frames.assertRight(reply);
        assertArrayEquals(payload(answer), payload(reply));
        assertEquals(0, relay.dropped());
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    void aFlowThatIsNewSeveralTimesInOneBurstOpensOneSession() {
        final byte[][] burst = new byte[64][];
        Arrays.setAll(burst, i -> fromClient(CLIENT_PORT + i % 3, LISTEN));
        final List<byte[]> relayed = relay.pass(EDGE, INNER, burst);
        assertEquals(64, relayed.size());
        assertEquals(3, relay.count(WorkerCounter.SESSIONS));
        assertEquals(3, relay.lentPorts());
        for (int i = 0; i < burst.length; i++) {
            assertEquals(CLIENT_PORT + i % 3, Frames.sourcePort(relayed.get(i)), "in the order they came");
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 128, 300})
    void burstsOfAnySizePass(final int packets) {
        final byte[][] burst = new byte[packets][];
        Arrays.setAll(burst, i -> fromClient(CLIENT_PORT + i, LISTEN));
        relay.send(EDGE, burst);
        for (int work = 0; work < packets;) {
            final int done = relay.worker.doWork();
            assertEquals(Math.min(64, packets - work), done);
            work += done;
        }
        assertEquals(0, relay.worker.doWork());
        assertEquals(packets, relay.received(INNER).size());
        assertEquals(packets, relay.count(WorkerCounter.SESSIONS));
        assertEquals(packets, relay.count(WorkerCounter.PACKETS));
    }

    @Test
    @Tag("RFC6888-REQ-11a")
    @Tag("RFC6888-REQ-11d")
    void oneMoreSessionThanTheTableHoldsIsRefused() {
        for (int i = 0; i < SESSIONS + 10; i++) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT + i, LISTEN));
        }
        assertEquals(SESSIONS, relay.count(WorkerCounter.SESSIONS));
        assertEquals(10, relay.dropped(DropReason.FLOW_TABLE_FULL));
        assertEquals(SESSIONS, relay.lentPorts(), "nothing stays taken for those that were refused");
    }

    @Test
    void anUnansweredSessionEndsAfterItsTimeout() {
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
        relay.workForMs(TestRelay.UNANSWERED_MS - 1);
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
        relay.workForMs(2_000);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        assertEquals(0, relay.lentPorts(), "its port is back");
        assertEquals(List.of(), relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)));
        assertEquals(1, relay.dropped(DropReason.NO_SESSION));
        final byte[] again = only(relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)));
        assertTrue(Frames.sourcePort(again) != CLIENT_PORT, "and rests");
    }

    @Test
    void anAnsweredSessionLivesUntilItIsIdle() {
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
        relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT));
        relay.workForMs(TestRelay.IDLE_MS - 1);
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
        relay.workForMs(2_000);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    void packetsOfEitherDirectionRefreshASession() {
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
        relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT));
        for (int i = 0; i < 4; i++) {
            relay.workForMs(TestRelay.IDLE_MS - 1_000);
            assertEquals(1, i % 2 == 0
                    ? relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).size()
                    : relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size(), "round " + i);
        }
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    void everySessionOfAFullTableExpires() {
        for (int i = 0; i < SESSIONS; i++) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT + i, LISTEN));
        }
        relay.workForMs(TestRelay.UNANSWERED_MS + 3_000);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        assertEquals(0, relay.sessions());
        assertEquals(0, relay.lentPorts());
    }

    @Test
    void whatAFullRingDoesNotTakeIsCountedAndFreed() {
        for (int i = 0; i < 20; i++) {
            relay.send(EDGE, manyFromClient(64));
            assertEquals(64, relay.worker.doWork());
        }
        assertEquals(20 * 64 - RING, relay.dropped(DropReason.TX_RING_FULL));
        relay.assertBalanced();
        assertEquals(RING, relay.received(INNER).size());
        assertEquals(1, relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).size(), "and on it goes");
    }

    @Test
    void answersArpAndEcho() {
        final byte[] reply = only(relay.pass(EDGE, EDGE,
                Frames.arp(Arp.REQUEST, CLIENT_MAC, CLIENT, 0, EDGE_ADDRESS)));
        final MemorySegment frame = MemorySegment.ofArray(Arrays.copyOf(reply, 64));
        assertEquals(Arp.FRAME_LENGTH, reply.length);
        assertEquals(Arp.REPLY, Arp.operation(frame));
        assertEquals(MAC[EDGE], Arp.senderMac(frame));
        assertEquals(CLIENT, Arp.targetAddress(frame));
        final byte[] echo = only(relay.pass(EDGE, EDGE,
                Frames.echoRequest(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS)));
        assertEquals(EDGE_ADDRESS, Frames.source(echo));
        assertEquals(CLIENT, Frames.destination(echo));
    }

    @Test
    void namesWhyItDrops() {
        final byte[] good = fromClient(CLIENT_PORT, LISTEN);
        drops(DropReason.NOT_FOR_US, Frames.udp(MAC[INNER], CLIENT_MAC, CLIENT, 1, EDGE_ADDRESS, LISTEN, 1));
        drops(DropReason.MARTIAN, Frames.udp(MAC[EDGE], CLIENT_MAC, 127, 1, EDGE_ADDRESS, LISTEN, 1));
        drops(DropReason.MARTIAN, Frames.udp(MAC[EDGE], CLIENT_MAC, EDGE_ADDRESS, 1, EDGE_ADDRESS, LISTEN, 1));
        drops(DropReason.UDP_PORT_ZERO, fromClient(0, LISTEN));
        drops(DropReason.NO_RULE, fromClient(CLIENT_PORT, LISTEN - 1));
        drops(DropReason.TTL_EXCEEDED, Frames.ttl(good, 1));
        drops(DropReason.TTL_EXCEEDED, Frames.ttl(good, 0));
        drops(DropReason.TRUNCATED, Arrays.copyOf(good, 13));
        drops(DropReason.TRUNCATED, Arrays.copyOf(good, good.length - 1));
        drops(DropReason.NO_ROUTE, Frames.udp(MAC[EDGE], CLIENT_MAC, 0x0101_0101, 1, EDGE_ADDRESS, LISTEN, 1));
        assertEquals(0, relay.count(WorkerCounter.SESSIONS), "none of these opens a session");
        assertEquals(0, relay.lentPorts());

        relay.pass(EDGE, INNER, good);
        drops(DropReason.TTL_EXCEEDED, Frames.ttl(good, 1));
        final byte[] tooLong = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, CLIENT_PORT, EDGE_ADDRESS, LISTEN,
                TestRelay.MTU - 28 + 1);
        tooLong[Ipv4.FRAGMENT] = Ipv4.DONT_FRAGMENT;
        drops(DropReason.MTU_EXCEEDED, Frames.ttl(tooLong, 64));
    }

    @Test
    void aStrangersPacketToALentPortIsNoReply() {
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
        drops(INNER, DropReason.NO_SESSION, fromTarget(TARGET_PORT + 1, CLIENT_PORT));
        drops(INNER, DropReason.NO_SESSION, Frames.udp(MAC[INNER], TARGET_MAC, TARGET + (1 << 24), TARGET_PORT,
                INNER_ADDRESS, CLIENT_PORT, 1));
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    void noExternalPortServesTwoSessions() {
        final Set<Integer> ports = new HashSet<>();
        for (int i = 0; i < SESSIONS; i++) {
            // Ports outside the pool, so that each is chosen by the pool.
            final byte[] relayed = only(relay.pass(EDGE, INNER, fromClient(1_000 + i, LISTEN)));
            final int port = Frames.sourcePort(relayed);
            assertTrue(port >= POOL_LOW && port <= POOL_HIGH, "port " + port);
            assertEquals((1_000 + i) & 1, port & 1, "parity is kept");
            assertTrue(ports.add(port), "port " + port + " is lent twice");
        }
    }

    private void drops(final DropReason reason, final byte[] frame) {
        drops(EDGE, reason, frame);
    }

    private void drops(final int link, final DropReason reason, final byte[] frame) {
        final long before = relay.dropped();
        final long beforeByReason = relay.dropped(reason);
        relay.send(link, frame);
        relay.worker.doWork();
        assertEquals(beforeByReason + 1, relay.dropped(reason), reason.label());
        assertEquals(before + 1, relay.dropped());
        relay.assertBalanced();
    }

    private static byte[][] manyFromClient(final int count) {
        final byte[][] burst = new byte[count][];
        Arrays.setAll(burst, i -> fromClient(CLIENT_PORT + i, LISTEN));
        return burst;
    }

    private static byte[] only(final List<byte[]> frames) {
        assertEquals(1, frames.size());
        return frames.getFirst();
    }

    private static byte[] payload(final byte[] frame) {
        return Arrays.copyOfRange(frame, Frames.UDP_HEADERS, frame.length);
    }
}
