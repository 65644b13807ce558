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
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.culvert.bindings.eal.Lcore;
import io.culvert.dataplane.TestEal;
import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A worker's thread allocates no byte, whatever comes: established flows, new ones, drops, ARP, echo, full rings. */
class WorkerAllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int BLOCK = 100_000;
    /**
     * Two and a half million packets in a row. Until then the compiler is at work: the first time that a rare branch is
     * taken it compiles the walk anew, and meanwhile there are objects.
     */
    private static final int QUIET_BLOCKS = 25;
    private static final int BLOCKS_LIMIT = 500;
    private static final int FRAME_LENGTH = 142;
    private static final int BURST = Burst.CAPACITY;
    private static final int FIRST_PORT = 20_000;
    /** The most that fits the frame and is a multiple of eight. */
    private static final int FIRST_FRAGMENT_BYTES = 104;

    @TempDir
    private Path scratch;

    private TestRelay relay;
    private final MemorySegment forward = burst(i -> fromClient(FIRST_PORT + i, LISTEN));
    private final MemorySegment reply = burst(i -> fromTarget(TARGET_PORT, FIRST_PORT + i));
    private final MemorySegment mixed = burst(WorkerAllocationTest::mixed);
    private int round;
    private long allocated;

    @Test
    void allocatesNothingPerBurst() throws Exception {
        TestEal.init();
        final FutureTask<Void> task = new FutureTask<>(() -> {
            final Lcore lcore = Lcore.enter(Lcore.allowedCpus()[0]);
            try (TestRelay opened = TestRelay.alone(scratch, 10_000, WorkerAllocationTest::limited)) {
                relay = opened;
                measure();
            } finally {
                lcore.close();
            }
            return null;
        });
        Thread.ofPlatform().name("worker").start(task);
        task.get();
    }

    private void measure() {
        int quiet = 0;
        for (int block = 0; quiet < QUIET_BLOCKS; block++) {
            assertTrue(block < BLOCKS_LIMIT, "still " + allocated + " bytes in the last " + BLOCK + " packets");
            final long before = relay.count(WorkerCounter.PACKETS);
            walk(BLOCK);
            assertTrue(relay.count(WorkerCounter.PACKETS) - before >= BLOCK, "it does work");
            quiet = allocated == 0 ? quiet + 1 : 0;
        }
        for (final DropReason reason : List.of(DropReason.NO_RULE, DropReason.NOT_FOR_US, DropReason.BAD_CHECKSUM,
                DropReason.TTL_EXCEEDED, DropReason.TRUNCATED, DropReason.FRAGMENT,
                DropReason.FRAGMENT_OVERLAP, DropReason.NOT_UDP, DropReason.ICMP_UNRELATED,
                DropReason.ARP_IGNORED, DropReason.NEIGHBOR_UNRESOLVED, DropReason.TX_RING_FULL, DropReason.RULE_LIMIT,
                DropReason.SOURCE_RATE_LIMITED)) {
            assertTrue(relay.dropped(reason) > 0, reason.label() + " occurred");
        }
        for (final WorkerCounter counter : List.of(WorkerCounter.ICMP_TRANSLATED, WorkerCounter.ICMP_GENERATED,
                WorkerCounter.ICMP_SUPPRESSED, WorkerCounter.ICMP_ECHO_RELAYED)) {
            assertTrue(relay.count(counter) > 0, counter + " occurred");
        }
        assertEquals(0, relay.dropped(DropReason.NO_SESSION), "strangers are let in");
        assertTrue(relay.count(WorkerCounter.SESSIONS) < 10_000, "sessions expired");
        relay.assertBalanced();
    }

    private void walk(final int packets) {
        allocated = 0;
        for (int sent = 0; sent < packets; round++) {
            relay.send(EDGE, forward, FRAME_LENGTH, BURST);
            relay.send(INNER, reply, FRAME_LENGTH, BURST);
            sent += work();
            renew();
            relay.send(EDGE, mixed, FRAME_LENGTH, BURST);
            sent += work();
            relay.advanceMs(10);
            // Now and then nobody takes what the worker sends.
            while (round % 200 >= 30 && relay.discard(EDGE) + relay.discard(INNER) > 0) { }
        }
    }

    /** One cycle of the worker, its allocations added up. */
    private int work() {
        final long before = THREADS.getCurrentThreadAllocatedBytes();
        final int work = relay.workers.getFirst().doWork();
        allocated += THREADS.getCurrentThreadAllocatedBytes() - before;
        return work;
    }

    /** Gives the new flows of the mixed burst ports that they did not have before. */
    private void renew() {
        for (int i = 0; i < 4; i++) {
            final long at = (long) i * FRAME_LENGTH;
            mixed.set(Wire.SHORT, at + Udp.PORTS, Wire.net16(40_000 + (round * 4 + i) % 20_000));
        }
    }

    /** Every limit is kept count of, and some are reached. */
    private static RelayPlan limited(final RelayPlan plan) {
        final NatBehavior open = new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ENDPOINT_INDEPENDENT, false);
        final List<Rule> rules = TestRelay.plan(open).rules().stream()
                .map(rule -> TestRelay.with(rule, rule.index() == 0 ? 9_000 : 3, 10_000)).toList();
        return new RelayPlan(plan.links(), rules, plan.pools(), new Limits.Spec(10_000, 9_000, 32, 64, 9_500, 350), 1,
                plan.addresses(), new IcmpPolicy(true, 100_000, true, List.of(0), 1_000));
    }

    private static byte[] mixed(final int i) {
        final byte[] good = fromClient(FIRST_PORT, LISTEN);
        return switch (i < 8 || i >= 56 ? i / 4 : i / 4 % 12) {
            case 0 -> fromClient(40_000 + i, LISTEN);
            case 1 -> fromClient(50_000 + i, LISTEN_OTHER);
            case 2 -> fromClient(FIRST_PORT, LISTEN - 1);
            case 3 -> Frames.udp(MAC[INNER], CLIENT_MAC, CLIENT, 1, EDGE_ADDRESS, LISTEN, 100);
            case 4 -> Frames.ttl(good, 1);
            case 5 -> with(good, Ipv4.CHECKSUM, 0x55);
            case 6 -> with(good, Ipv4.TOTAL_LENGTH, 0x7F);
            case 7 -> Frames.echoRequest(MAC[EDGE], CLIENT_MAC, CLIENT, INNER_ADDRESS);
            case 8 -> Frames.arp(Arp.REQUEST, CLIENT_MAC, CLIENT, 0, EDGE_ADDRESS);
            case 9 -> Frames.arp(Arp.REQUEST, CLIENT_MAC, CLIENT, 0, EDGE_ADDRESS + (1 << 24));
            case 10 -> fragment(good, i & 3);
            case 14 -> Frames.icmp(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS, Icmp.UNREACHABLE, 3, 0, Frames.packet(
                    Frames.udp(CLIENT_MAC, MAC[EDGE], EDGE_ADDRESS, LISTEN, CLIENT, FIRST_PORT + (i & 1) * 1_000, 8)));
            case 15 -> Frames.icmp(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS, Icmp.ECHO_REQUEST, 0, i, new byte[32]);
            default -> i == 47
                    ? Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, 7_777, INNER_ADDRESS, FIRST_PORT + 5, 100)
                    : Frames.ttl(with(good, Ipv4.PROTOCOL, 6), 64);
        };
    }

    /** A last fragment before its first, the first, a last without a first, and a first that nothing follows. */
    private static byte[] fragment(final byte[] datagram, final int kind) {
        with(datagram, Ipv4.ID, kind == 1 ? 0 : kind);
        if ((kind & 1) == 0) {
            return Frames.ttl(with(datagram, Ipv4.FRAGMENT + 1, FIRST_FRAGMENT_BYTES / 8), 64);
        }
        with(datagram, Ipv4.FRAGMENT, 0x20);
        return Frames.ttl(with(datagram, Ipv4.TOTAL_LENGTH + 1, Ipv4.HEADER_LENGTH + FIRST_FRAGMENT_BYTES), 64);
    }

    private static byte[] with(final byte[] frame, final int at, final int value) {
        frame[at] = (byte) value;
        return frame;
    }

    private static MemorySegment burst(final IntFunction<byte[]> frame) {
        final byte[] bytes = new byte[BURST * FRAME_LENGTH];
        for (int i = 0; i < BURST; i++) {
            final byte[] one = Arrays.copyOf(frame.apply(i), FRAME_LENGTH);
            System.arraycopy(one, 0, bytes, i * FRAME_LENGTH, FRAME_LENGTH);
        }
        return MemorySegment.ofArray(bytes);
    }
}
