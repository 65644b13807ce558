// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Fragments that no honest host sends, beside a client whose packets must not notice. Places in a datagram are in units
 * of eight bytes. All buffers are back after each.
 */
class HostileFragmentsTest {
    private static final int ATTACKER = CLIENT + (1 << 24);
    private static final int PORT = 25_000;
    private static final int ID = 0x1234;
    /** One run of bytes more than a datagram may lie in. */
    private static final int SCATTERED = 32;
    private static final int UNIT = 8;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @BeforeEach
    void open() {
        relay = TestRelay.withNeighbors(scratch, 10_000);
        relay.neighbors.addStatic(EDGE, ATTACKER, CLIENT_MAC);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    /**
     * A first fragment that is refused because its datagram lies in too many runs, then a longer first of the same id
     * that cannot leave, in one burst with somebody else's packet: that one leaves as it would alone.
     */
    @ParameterizedTest
    @CsvSource({"1, 2, false", "64, 190, true", "1, 190, true"})
    void aSecondFirstThatCannotLeaveChangesNobodyElsesPacket(final int ttl, final int units, final boolean isWhole) {
        final byte[] victims = Frames.dontFragment(fromClient(PORT, LISTEN));
        final byte[] alone = relay.pass(EDGE, INNER, victims).getFirst();
        scatter();
        relay.pass(EDGE, INNER, fragment(0, 1, false, 64));
        relay.send(EDGE, Frames.dontFragment(fragment(0, units, isWhole, ttl)));
        relay.send(EDGE, victims);
        workOff();
        final List<byte[]> relayed = relay.received(INNER).stream().filter(frame -> !isFragment(frame)).toList();
        assertEquals(1, relayed.size());
        assertArrayEquals(alone, relayed.getFirst());
        relay.received(EDGE);
        relay.assertBalanced();
    }

    /** The holes of a datagram that was refused are filled: nothing that waited for it is forgotten. */
    @Test
    @Tag("RFC4787-REQ-14a")
    void whatWaitedForADatagramIsGivenBackWhateverCompletesIt() {
        for (int round = 0; round < 40; round++) {
            scatter();
            relay.send(EDGE, fragment(0, 1, false, 64), fragment(0, 2, false, 64));
            final List<byte[]> holes = new ArrayList<>();
            for (int unit = 3; unit < 2 * SCATTERED; unit += 2) {
                holes.add(fragment(unit, unit + 1, false, 64));
            }
            relay.send(EDGE, holes.toArray(byte[][]::new));
            workOff();
            relay.received(INNER);
        }
        relay.workForMs(Fragments.PATIENCE_MS + 200);
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.assertBalanced();
    }

    @Test
    void whatFollowsARefusedFirstTakesNoRoom() {
        relay.pass(EDGE, INNER, fragment(0, 1, false, 1), fragment(1, 2, false, 64), fragment(2, 3, true, 64));
        assertEquals(1, relay.dropped(DropReason.TTL_EXCEEDED));
        assertEquals(2, relay.dropped(DropReason.FRAGMENT));
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.workForMs(Fragments.PATIENCE_MS);
        relay.pass(EDGE, INNER, fragment(1, 2, false, 64));
        assertEquals(1, relay.count(WorkerCounter.WAITING_FRAGMENTS), "by then the id is another datagram's");
    }

    /** Who cannot be told from what came already would be put together wrongly: the datagram ends as a whole. */
    @Test
    void aDatagramInTooManyPiecesEndsAsAWhole() {
        scatter();
        assertEquals(SCATTERED, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.pass(EDGE, INNER, fragment(0, 1, false, 64));
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        assertEquals(SCATTERED + 1, relay.dropped(DropReason.FRAGMENT));
        relay.assertBalanced();
    }

    /** 32 fragments with a hole behind each, the last of them the datagram's last. */
    private void scatter() {
        final byte[][] train = new byte[SCATTERED][];
        for (int i = 0; i < SCATTERED; i++) {
            train[i] = fragment(2 * i + 2, 2 * i + 3, i == SCATTERED - 1, 64);
        }
        relay.send(EDGE, train);
        workOff();
    }

    /** A ring may give a burst in parts. */
    private void workOff() {
        int received = relay.worker.doWork();
        while (received > 0) {
            received = relay.worker.doWork();
        }
    }

    /** Bytes {@code from * 8} to {@code to * 8} of the attacker's datagram. */
    private static byte[] fragment(final int from, final int to, final boolean isLast, final int ttl) {
        final byte[] whole = Frames.udp(MAC[EDGE], CLIENT_MAC, ATTACKER, PORT, EDGE_ADDRESS, LISTEN, 2_000);
        final byte[] frame = Arrays.copyOf(whole, Ipv4.PAYLOAD + (to - from) * UNIT);
        System.arraycopy(whole, Ipv4.PAYLOAD + from * UNIT, frame, Ipv4.PAYLOAD, (to - from) * UNIT);
        final MemorySegment header = MemorySegment.ofArray(frame);
        header.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(frame.length - Ethernet.HEADER_LENGTH));
        header.set(Wire.SHORT, Ipv4.ID, (short) ID);
        header.set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16((isLast ? 0 : Ipv4.MORE_FRAGMENTS) | from));
        return Frames.ttl(frame, ttl);
    }

    private static boolean isFragment(final byte[] frame) {
        return (MemorySegment.ofArray(frame).get(Wire.SHORT, Ipv4.FRAGMENT) & Ipv4.FRAGMENT_MASK) != 0;
    }
}
