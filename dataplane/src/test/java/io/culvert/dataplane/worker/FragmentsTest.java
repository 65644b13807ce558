// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fragments in time and under load; what becomes of each is in the golden walks. All buffers are back after each. */
class FragmentsTest {
    private static final int PORT = 25_000;
    private static final int FLOWS = 100;
    /** Of 1,008 bytes of UDP: the first half and the rest. */
    private static final int HALF = 504;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @BeforeEach
    void open() {
        relay = TestRelay.withNeighbors(scratch, 10_000);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    @Tag("RFC4787-REQ-14")
    void aFragmentWaitsTwoSecondsForItsFirstAndNoLonger() {
        relay.pass(EDGE, INNER, second(CLIENT, 1));
        assertEquals(1, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.workForMs(1_900);
        assertEquals(1, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.workForMs(300);
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        assertEquals(1, relay.dropped(DropReason.FRAGMENT));
        assertEquals(1, relay.pass(EDGE, INNER, first(CLIENT, 1)).size(), "a first alone goes on");
        relay.assertBalanced();
    }

    @Test
    @Tag("RFC4787-REQ-14")
    void aFirstThatComesInTimeTakesAlongWhatWaited() {
        relay.pass(EDGE, INNER, second(CLIENT, 1));
        relay.workForMs(1_900);
        final List<byte[]> relayed = relay.pass(EDGE, INNER, first(CLIENT, 1));
        assertEquals(2, relayed.size());
        assertEquals(id(relayed.get(0)), id(relayed.get(1)));
        relay.assertBalanced();
    }

    @Test
    void anIdMayBeUsedAgainAsSoonAsItsDatagramIsComplete() {
        for (int i = 0; i < 3; i++) {
            assertEquals(2, relay.pass(EDGE, INNER, first(CLIENT, 1), second(CLIENT, 1)).size());
        }
        assertEquals(0, relay.dropped());
    }

    @Test
    @Tag("RFC4787-REQ-14a")
    void aFloodOfFragmentsWithoutAFirstCostsFragmentsOnly() {
        for (int flow = 0; flow < FLOWS; flow++) {
            assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT + flow, LISTEN)).size());
        }
        int sender = 0;
        for (int round = 0; round < 500; round++) {
            final byte[][] burst = new byte[Burst.CAPACITY - 2][];
            for (int i = 0; i < burst.length; i++) {
                burst[i] = second(CLIENT + (++sender << 8), i);
            }
            relay.send(EDGE, burst);
            relay.send(EDGE, fromClient(PORT + round % FLOWS, LISTEN));
            relay.send(INNER, fromTarget(TARGET_PORT, PORT + round % FLOWS));
            relay.advanceMs(1);
            relay.worker.doWork();
            assertEquals(1, relay.received(INNER).size(), "client's packet of round " + round);
            assertEquals(1, relay.received(EDGE).size(), "target's packet of round " + round);
            assertTrue(relay.count(WorkerCounter.WAITING_FRAGMENTS) <= Fragments.CAPACITY);
        }
        assertEquals(Fragments.CAPACITY, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        assertEquals(2, relay.pass(EDGE, INNER, first(CLIENT, 1), second(CLIENT, 1)).size(),
                "fragments in order go on even now");
        relay.workForMs(2_200);
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.assertBalanced();
    }

    @Test
    @Tag("RFC4787-REQ-14a")
    void oneSenderCannotTakeAllTheRoom() {
        for (int id = 0; id < 2 * Fragments.PER_SENDER; id++) {
            relay.pass(EDGE, INNER, second(CLIENT, id));
        }
        assertEquals(Fragments.PER_SENDER, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        assertEquals(Fragments.PER_SENDER, relay.dropped(DropReason.FRAGMENT));
        relay.pass(EDGE, INNER, second(CLIENT + (1 << 24), 0));
        assertEquals(Fragments.PER_SENDER + 1, relay.count(WorkerCounter.WAITING_FRAGMENTS), "others have theirs");
    }

    @Test
    void whatStillWaitsAtTheEndIsDroppedByName() {
        relay.pass(EDGE, INNER, second(CLIENT, 1), second(CLIENT, 2));
        relay.worker.stop();
        assertEquals(2, relay.dropped(DropReason.DRAINING));
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.assertBalanced();
    }

    @Test
    @Tag("RFC4787-REQ-13a")
    void aPacketThatCannotBeCutForWantOfBuffersIsDroppedByName() {
        final byte[] tooLong = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT, EDGE_ADDRESS, LISTEN, TestRelay.MTU);
        assertEquals(2, relay.pass(EDGE, INNER, tooLong).size());
        assertEquals(1, relay.count(WorkerCounter.ORIGINATED), "the second of two");
        relay.send(EDGE, tooLong);
        relay.withoutBuffers(relay.worker::doWork);
        assertEquals(1, relay.dropped(DropReason.NO_MBUF));
        assertEquals(2, relay.pass(EDGE, INNER, tooLong).size(), "and the next one goes on");
        relay.assertBalanced();
    }

    @Test
    @Tag("RFC4787-REQ-13a")
    void aBurstOfLongPacketsIsCutWhole() {
        final byte[] tooLong = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT, EDGE_ADDRESS, LISTEN, TestRelay.MTU);
        final byte[][] burst = new byte[Burst.CAPACITY][];
        Arrays.fill(burst, tooLong);
        relay.send(EDGE, burst);
        while (relay.worker.doWork() > 0) {
            // A ring may give a burst in parts.
        }
        final List<byte[]> relayed = relay.received(INNER);
        assertEquals(2 * Burst.CAPACITY, relayed.size());
        assertEquals(Burst.CAPACITY, relayed.stream().map(FragmentsTest::id).distinct().count(), "an id for each");
        relay.assertBalanced();
    }

    private static byte[] first(final int client, final int id) {
        return fragment(client, id, 0);
    }

    private static byte[] second(final int client, final int id) {
        return fragment(client, id, HALF);
    }

    /** One half of a datagram. */
    private static byte[] fragment(final int client, final int id, final int from) {
        final byte[] whole = Frames.udp(MAC[EDGE], CLIENT_MAC, client, PORT, EDGE_ADDRESS, LISTEN, 2 * HALF - 8);
        final byte[] frame = Arrays.copyOf(whole, Ipv4.PAYLOAD + HALF);
        System.arraycopy(whole, Ipv4.PAYLOAD + from, frame, Ipv4.PAYLOAD, HALF);
        final MemorySegment header = MemorySegment.ofArray(frame);
        header.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(frame.length - Ethernet.HEADER_LENGTH));
        header.set(Wire.SHORT, Ipv4.ID, (short) id);
        header.set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16(from == 0 ? Ipv4.MORE_FRAGMENTS : from / 8));
        return Frames.ttl(frame, 64);
    }

    private static int id(final byte[] frame) {
        return MemorySegment.ofArray(frame).get(Wire.SHORT, Ipv4.ID);
    }
}
