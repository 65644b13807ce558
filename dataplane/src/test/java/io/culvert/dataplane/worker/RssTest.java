// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.RxQueue;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.TestEal;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.ReplyQueues;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.nat.Toeplitz;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ipv4;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Several workers behind NICs that spread packets by the Toeplitz hash, played by the test: every packet is laid on the
 * queue that the hash names, computed bit by bit as the standard defines it.
 */
@ExtendWith(Seeded.class)
class RssTest {
    private static final int SESSIONS = 400;
    private static final int BUFFERS = 4_095;
    private static final int RETA = 128;
    private static final int HASHED_BYTES = 12;

    @TempDir
    private Path scratch;

    private final byte[] key = new byte[Toeplitz.IPV6_KEY_LENGTH];
    private final List<Worker> workers = new ArrayList<>();
    private final List<WorkerCounters> counters = new ArrayList<>();
    private final Port[] in = new Port[2];
    private final Port[] out = new Port[2];
    private Mempool pool;

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    @Tag("RFC4787-REQ-4")
    void repliesFindTheirWorkerWithoutAHandoff(final int count, final SplittableRandom random) throws IOException {
        assertEquals(0, handOffs(count, true, random), "packets handed from worker to worker");
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3, 5})
    void whereTheHashIsUnknownRepliesAreHandedOver(final int count, final SplittableRandom random)
            throws IOException {
        final long handedOff = handOffs(count, false, random);
        assertTrue(handedOff > SESSIONS / 3, handedOff + " of " + SESSIONS + " replies handed over");
    }

    /** Opens sessions from clients on every queue and has each answered. */
    private long handOffs(final int count, final boolean steered, final SplittableRandom random) throws IOException {
        TestEal.init();
        random.nextBytes(key);
        try (Arena arena = Arena.ofShared(); Mempool buffers = Mempool.create("rss", BUFFERS, 2_176, -1)) {
            pool = buffers;
            open(count, steered, random, arena);
            try {
                final int before = pool.available();
                for (int i = 0; i < SESSIONS; i++) {
                    final int clientPort = random.nextInt(1_024, 65_536);
                    final byte[] forward = pass(EDGE, INNER, TestRelay.fromClient(clientPort, LISTEN + i % 100), arena);
                    assertEquals(clientPort & 1, Frames.sourcePort(forward) & 1, "parity");
                    final byte[] reply = pass(INNER, EDGE, TestRelay.fromTarget(
                            Frames.destinationPort(forward), Frames.sourcePort(forward)), arena);
                    assertEquals(clientPort, Frames.destinationPort(reply));
                }
                counters.forEach(each -> assertEquals(0, each.imbalance(), "the loss ledger balances"));
                assertEquals(before, pool.available(), "every buffer is back");
                return counters.stream()
                        .mapToLong(each -> each.get(each.catalog().of(WorkerCounter.HANDED_OFF))).sum();
            } finally {
                for (int link = 0; link < 2; link++) {
                    in[link].close();
                    out[link].close();
                }
            }
        }
    }

    private void open(final int count, final boolean steered, final SplittableRandom random, final Arena arena)
            throws IOException {
        for (int link = 0; link < 2; link++) {
            in[link] = Port.open("net_ring_in" + link);
            out[link] = Port.open("net_ring_out" + link);
            in[link].start(count, 512, 0, pool);
            out[link].start(count, 512, 0, pool);
        }
        final RelayPlan one = TestRelay.plan(NatBehavior.STRICT);
        final RelayPlan plan = new RelayPlan(one.links(), one.rules(), one.pools(), one.limits(), count);
        final ReplyQueues queues = new ReplyQueues(new Toeplitz(key),
                IntStream.range(0, RETA).map(i -> i % count).toArray(), true);
        final SnatPools pools = new SnatPools(plan.pools(), plan.ruleTable(), random,
                steered ? new ReplyQueues[] {queues, queues} : new ReplyQueues[2]);
        final Neighbors neighbors = new Neighbors(plan.links(), arena);
        neighbors.addStatic(EDGE, CLIENT, CLIENT_MAC);
        neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        final CounterCatalog catalog = new CounterCatalog(List.of("edge", "inner"), List.of("media", "other"));
        final CounterFile file =
                CounterFile.create(scratch.resolve("counters"), catalog, List.of(), count, 1_000_000, arena);
        final Handoff handoff = new Handoff(count, count * SESSIONS, arena);
        for (int number = 0; number < count; number++) {
            counters.add(file.worker(number, catalog));
            workers.add(new Worker(plan, number,
                    new RxQueue[] {in[EDGE].rxQueue(number), in[INNER].rxQueue(number)},
                    new TxQueue[] {out[EDGE].txQueue(number), out[INNER].txQueue(number)},
                    new FlowTable(FlowFile.inMemory(SESSIONS, arena)), pools, neighbors, handoff, pool,
                    counters.getLast(), Clock.tsc(), arena));
        }
    }

    /** Lays a packet on its queue, has every worker work until all is done, and takes what comes out. */
    private byte[] pass(final int from, final int to, final byte[] frame, final Arena arena) {
        final MemorySegment mbufs = arena.allocate(JAVA_LONG, Burst.CAPACITY);
        assertTrue(pool.allocate(mbufs, 1));
        final long mbuf = mbufs.getAtIndex(JAVA_LONG, 0);
        Mbuf.setLength(mbuf, frame.length);
        NativeMemory.write(Mbuf.data(mbuf), MemorySegment.ofArray(frame), frame.length);
        final int queue = hash(frame) % RETA % workers.size();
        assertEquals(1, in[from].txQueue(queue).transmit(mbufs, 1));
        for (int round = 0; round < 3; round++) {
            workers.forEach(Worker::doWork);
        }
        final List<byte[]> received = new ArrayList<>();
        for (int number = 0; number < workers.size(); number++) {
            final int count = out[to].rxQueue(number).receive(mbufs, Burst.CAPACITY);
            for (int i = 0; i < count; i++) {
                final long packet = mbufs.getAtIndex(JAVA_LONG, i);
                received.add(NativeMemory.view(Mbuf.data(packet), Mbuf.packetLength(packet)).toArray(JAVA_BYTE));
            }
            Mempool.free(mbufs, count);
        }
        assertEquals(1, received.size(), "packets out of link " + to);
        return received.getFirst();
    }

    /** For each bit of the input that is set, the 32 bits of the key that begin there. Its low bits, never negative. */
    private int hash(final byte[] frame) {
        int hash = 0;
        for (int bit = 0; bit < HASHED_BYTES * Byte.SIZE; bit++) {
            if ((frame[Ipv4.SOURCE + bit / Byte.SIZE] & 0x80 >>> bit % Byte.SIZE) != 0) {
                for (int i = 0; i < Integer.SIZE; i++) {
                    final int at = bit + i;
                    hash ^= (key[at / Byte.SIZE] >>> 7 - at % Byte.SIZE & 1) << 31 - i;
                }
            }
        }
        return hash & Integer.MAX_VALUE;
    }
}
