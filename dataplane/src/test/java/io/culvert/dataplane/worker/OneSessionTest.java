// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Wire;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Two workers that run at once see the first packets of one client: its session is opened once, and so is its port. */
class OneSessionTest {
    private static final int ROUNDS = 2_000;
    private static final int PORT = 10_000;
    /** More than a packet takes from one worker to the other and back. */
    private static final int CYCLES = 8;
    private static final int DEADLINE_S = 60;
    private static final int NOBODY_LISTENS = 5;

    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    @Tag("RFC4787-REQ-1")
    void ofAClientWhosePacketsReachTwoWorkersAtOnce(final boolean ipv6, final boolean areBothFragmented)
            throws Exception {
        try (SeveralWorkers relay = new SeveralWorkers(2, 2 * ROUNDS, NatBehavior.STRICT, true);
                ExecutorService threads = Executors.newFixedThreadPool(2)) {
            final CyclicBarrier start = new CyclicBarrier(2);
            for (int round = 0; round < ROUNDS; round++) {
                final byte[] whole = SeveralWorkers.fromClient(ipv6, 0, PORT + round, LISTEN);
                for (final byte[] half : halves(whole, 2 * round)) {
                    relay.send(EDGE, 0, half);
                }
                for (final byte[] half : areBothFragmented ? halves(whole, 2 * round + 1)
                        : new byte[][] {whole}) {
                    relay.send(EDGE, 1, half);
                }
                final Future<?> other = threads.submit(() -> run(relay.workers.get(1), start));
                threads.submit(() -> run(relay.workers.get(0), start)).get(DEADLINE_S, TimeUnit.SECONDS);
                other.get(DEADLINE_S, TimeUnit.SECONDS);
                relay.work();
                assertEquals(round + 1, relay.total(WorkerCounter.SESSIONS), "sessions of as many clients");
                assertEquals(areBothFragmented ? 4 : 3, relay.received(INNER).size(), "packets of round " + round);
            }
        }
    }

    /** Where the target sees the client, its answers to both listeners would be the same: one session may have them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Tag("RFC4787-REQ-3")
    void ofAClientThatSpeaksToTwoListenersOfOneTransparentTarget(final boolean ipv6) {
        try (SeveralWorkers relay = new SeveralWorkers(3, 100, NatBehavior.STRICT, false)) {
            assertEquals(1, relay.pass(EDGE, 0, INNER, SeveralWorkers.fromClient(ipv6, 0, PORT, LISTEN)).size());
            assertEquals(0, relay.pass(EDGE, 2, INNER, SeveralWorkers.fromClient(ipv6, 0, PORT, LISTEN + 1)).size());
            assertEquals(1, relay.dropped(DropReason.TUPLE_IN_USE));
            assertEquals(1, relay.pass(EDGE, 2, INNER, SeveralWorkers.fromClient(ipv6, 1, PORT, LISTEN + 1)).size());
            assertEquals(2, relay.total(WorkerCounter.SESSIONS));
        }
    }

    /** From one source, to ever other ports: a flood that all workers receive is to hold none of them up. */
    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void whoMayOpenNothingWaitsForNobody(final boolean ipv6, final boolean isFragmented) throws Exception {
        try (SeveralWorkers relay = new SeveralWorkers(2, 100, NatBehavior.STRICT, true);
                ExecutorService threads = Executors.newSingleThreadExecutor()) {
            final IpAddress client = ipv6 ? SeveralWorkers.client6(0)
                    : new IpAddress(0, Ipv6Address.mapped(SeveralWorkers.client4(0)));
            final int opening =
                    relay.handoff.openings().begin(client.high(), client.low(), Wire.net16(PORT) & 0xFFFF);
            final byte[] whole = SeveralWorkers.fromClient(ipv6, 0, PORT, NOBODY_LISTENS);
            relay.send(EDGE, 0, isFragmented ? halves(whole, 1)[0] : whole);
            final Future<?> refused = threads.submit(relay::work);
            try {
                refused.get(DEADLINE_S, TimeUnit.SECONDS);
            } finally {
                relay.handoff.openings().end(opening);
                refused.get(DEADLINE_S, TimeUnit.SECONDS);
            }
            assertEquals(1, relay.dropped(DropReason.NO_RULE));
        }
    }

    /** A datagram of 108 bytes with its UDP header, in two fragments. */
    private static byte[][] halves(final byte[] whole, final int id) {
        return new byte[][] {UdpFrames.fragment(whole, id, 0, 7, true, 64),
            UdpFrames.fragment(whole, id, 7, 14, false, 64)};
    }

    private static Void run(final Worker worker, final CyclicBarrier start) throws Exception {
        start.await(DEADLINE_S, TimeUnit.SECONDS);
        for (int cycle = 0; cycle < CYCLES; cycle++) {
            worker.doWork();
        }
        return null;
    }
}
