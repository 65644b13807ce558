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
import static io.culvert.dataplane.worker.TestRelay.UNANSWERED_MS;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Everything that is bounded, filled to the last place: who comes then is refused by name, who was there goes on, and
 * when the pressure ends the place is there again, as often as one likes.
 */
class ExhaustionTest {
    private static final int PORT = 25_000;
    private static final int BURST = 40;
    /** Places of the table of datagrams; a sender has a quarter of it. */
    private static final int DATAGRAMS = 4_096;
    private static final int SENDERS = 64;
    private static final int RING = 1_024;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    @Tag("RFC6888-REQ-11a")
    void theFlowTableIsFullAndServesAgain() {
        final int sessions = 500;
        relay = TestRelay.withNeighbors(scratch, sessions);
        for (int time = 0; time < 3; time++) {
            final long refused = relay.dropped(DropReason.FLOW_TABLE_FULL);
            int relayed = 0;
            for (int i = 0; i < 15 * BURST; i += BURST) {
                final byte[][] burst = new byte[BURST][];
                for (int j = 0; j < BURST; j++) {
                    burst[j] = fromClient(PORT + i + j, LISTEN);
                }
                relayed += relay.pass(EDGE, INNER, burst).size();
            }
            assertEquals(sessions, relayed, "time " + time);
            assertEquals(sessions, relay.count(WorkerCounter.SESSIONS));
            assertEquals(15 * BURST - sessions, relay.dropped(DropReason.FLOW_TABLE_FULL) - refused);
            assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size(), "who was there goes on");
            relay.workForMs(UNANSWERED_MS + 1_500);
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
            assertEquals(0, relay.lentPorts());
        }
    }

    @Test
    @Tag("RFC4787-REQ-14a")
    void theTableOfDatagramsIsFullAndServesAgain() {
        relay = TestRelay.withNeighbors(scratch, 1_000, plan -> behindGateway(plan, Limits.Spec.UNLIMITED));
        for (int time = 0; time < 2; time++) {
            final long refused = relay.dropped(DropReason.FRAGMENT);
            int relayed = 0;
            for (int id = 0; id < (DATAGRAMS + 512) / SENDERS; id++) {
                final List<byte[]> firsts = new ArrayList<>();
                for (int sender = 0; sender < SENDERS; sender++) {
                    firsts.add(fragment(sender, id, true));
                }
                relayed += relay.pass(EDGE, INNER, firsts.subList(0, SENDERS / 2).toArray(byte[][]::new)).size();
                relayed += relay.pass(EDGE, INNER, firsts.subList(SENDERS / 2, SENDERS).toArray(byte[][]::new)).size();
            }
            assertEquals(DATAGRAMS, relayed, "time " + time);
            assertEquals(512, relay.dropped(DropReason.FRAGMENT) - refused);
            assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size(), "whole packets do not notice");
            assertEquals(1, relay.pass(EDGE, INNER, fragment(0, 0, false)).size(), "who has a place goes on");
            relay.workForMs(Fragments.PATIENCE_MS + 200);
            assertEquals(2, relay.pass(EDGE, INNER, fragment(1, 0, true), fragment(1, 0, false)).size());
        }
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
    }

    /** Of senders with live sessions there may be as many as sessions; a network without any gives its place away. */
    @Test
    @Tag("RFC6888-REQ-4")
    void theTableOfSendersIsFullAndServesAgain() {
        final int sessions = 256;
        relay = TestRelay.alone(scratch, sessions, plan -> behindGateway(plan,
                new Limits.Spec(Limits.NONE, Limits.NONE, 32, 64, 10, 1_000)));
        for (int time = 0; time < 3; time++) {
            final long before = relay.dropped();
            for (int sender = 0; sender < 4 * sessions; sender++) {
                relay.pass(EDGE, INNER, from(time * 4 * sessions + sender));
            }
            final long open = relay.count(WorkerCounter.SESSIONS);
            assertTrue(open > sessions / 2 && open <= sessions, "sessions of as many senders: " + open);
            assertEquals(4 * sessions - open, relay.dropped() - before);
            assertEquals(relay.dropped(), relay.dropped(DropReason.SOURCE_LIMIT)
                    + relay.dropped(DropReason.FLOW_TABLE_FULL), "refused by name");
            assertEquals(1, relay.pass(EDGE, INNER, from(time * 4 * sessions)).size(), "who was there goes on");
            relay.workForMs(UNANSWERED_MS + 1_500);
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        }
    }

    @Test
    void withoutBuffersWholePacketsGoOnAndWhatNeedsOneIsDroppedByName() {
        relay = TestRelay.withNeighbors(scratch, 100);
        final byte[] tooLong = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT, EDGE_ADDRESS, LISTEN, 1_500);
        relay.pass(EDGE, INNER, fromClient(PORT, LISTEN));
        for (int time = 0; time < 3; time++) {
            relay.send(EDGE, fromClient(PORT, LISTEN), tooLong, Frames.ttl(fromClient(PORT, LISTEN), 1),
                    fromClient(PORT, LISTEN));
            relay.send(INNER, fromTarget(TARGET_PORT, PORT));
            relay.withoutBuffers(relay.worker::doWork);
            assertEquals(2, relay.received(INNER).size());
            assertEquals(1, relay.received(EDGE).size());
            assertEquals(time + 1, relay.dropped(DropReason.NO_MBUF));
            assertEquals(time + 1, relay.dropped(DropReason.TTL_EXCEEDED));
            assertEquals(2, relay.pass(EDGE, INNER, tooLong).size(), "and the next one is cut");
        }
    }

    /** The other worker does not run for a while. */
    @Test
    void theRingBetweenTwoWorkersIsFullAndServesAgain() {
        relay = TestRelay.withNeighbors(scratch, 100, plan -> new RelayPlan(plan.links(), plan.rules(), plan.pools(),
                plan.limits(), 2));
        relay.pass(EDGE, INNER, fromClient(PORT, LISTEN));
        for (int time = 0; time < 3; time++) {
            final long refused = relay.dropped(DropReason.HANDOFF_FULL);
            for (int i = 0; i < RING + 2 * BURST; i += BURST) {
                for (int j = 0; j < BURST; j++) {
                    relay.sendTo(1, INNER, fromTarget(TARGET_PORT, PORT));
                }
                relay.onlyWorker(1);
            }
            final int sent = (RING + 3 * BURST - 1) / BURST * BURST;
            assertEquals(sent - RING, relay.dropped(DropReason.HANDOFF_FULL) - refused);
            int delivered = 0;
            while (delivered < RING) {
                assertTrue(relay.worker.doWork() > 0, "delivered " + delivered);
                delivered += relay.received(EDGE).size();
            }
            assertEquals(RING, delivered);
            relay.sendTo(1, INNER, fromTarget(TARGET_PORT, PORT));
            relay.worker.doWork();
            relay.worker.doWork();
            assertEquals(1, relay.received(EDGE).size(), "and the next one is handed over");
            relay.assertBalanced();
        }
    }

    private static RelayPlan behindGateway(final RelayPlan plan, final Limits.Spec limits) {
        final UnaryOperator<Link> withGateway = link -> new Link(EDGE, link.name(), link.mac(), link.mtu(),
                link.subnets(), CLIENT, Link.UNTAGGED);
        return new RelayPlan(List.of(withGateway.apply(plan.links().get(EDGE)), plan.links().get(INNER)), plan.rules(),
                plan.pools(), limits, plan.workers());
    }

    /** Of a sender in a far network: 100.64.x.x. */
    private static byte[] from(final int sender) {
        return Frames.udp(MAC[EDGE], CLIENT_MAC, far(sender), PORT, EDGE_ADDRESS, LISTEN, 20);
    }

    private static int far(final int sender) {
        return 0x4064 | (sender >>> 8) << 16 | sender << 24;
    }

    /** A half of a datagram of 1,008 bytes. */
    private static byte[] fragment(final int sender, final int id, final boolean isFirst) {
        final byte[] whole = Frames.udp(MAC[EDGE], CLIENT_MAC, far(sender), PORT, EDGE_ADDRESS, LISTEN, 1_000);
        return isFirst ? UdpFrames.fragment(whole, id, 0, 63, true, 64)
                : UdpFrames.fragment(whole, id, 63, 126, false, 64);
    }
}
