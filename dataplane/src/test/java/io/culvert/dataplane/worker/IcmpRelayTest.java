// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.IDLE_MS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** ICMP errors about live sessions: whatever they say, they change nothing but what they are about. */
@ExtendWith(Seeded.class)
class IcmpRelayTest {
    private static final int CLIENT_PORT = 20_000;
    private static final int TYPES = 256;
    private static final int CODES = 256;
    private static final int BURST = 32;

    @TempDir
    private Path scratch;

    /** RFC 4787 REQ-12: no ICMP ends a session; RFC 5508 REQ-6: none refreshes it. */
    @Test
    @Tag("RFC4787-REQ-12")
    @Tag("RFC5508-REQ-6")
    void everyTypeAndCodeAboutALiveSessionLeavesItAliveAndAsOld(final SplittableRandom random) {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            final byte[] there = relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).getFirst();
            final byte[] back = relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there))).getFirst();
            final long seenForward = FlowEntry.lastSeenMs(relay.entry(0));
            final long seenBack = FlowEntry.lastSeenMs(relay.entry(1));
            relay.advanceMs(1_000);
            for (int type = 0; type < TYPES; type++) {
                for (int first = 0; first < CODES; first += BURST) {
                    sweep(relay, random, type, first, there, back);
                }
            }
            assertEquals(1, relay.sessions());
            assertEquals(seenForward, FlowEntry.lastSeenMs(relay.entry(0)));
            assertEquals(seenBack, FlowEntry.lastSeenMs(relay.entry(1)));
            assertTrue(relay.count(WorkerCounter.ICMP_TRANSLATED) >= 3 * CODES, "errors did go through");
            assertEquals(1, relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).size());
            assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there))).size());
        }
    }

    /** A burst from each side, of one type and some codes, the quotes cut anywhere and the rest at random. */
    private static void sweep(final TestRelay relay, final SplittableRandom random, final int type, final int first,
                              final byte[] there, final byte[] back) {
        final byte[][] fromTarget = new byte[BURST][];
        final byte[][] fromClient = new byte[BURST][];
        for (int i = 0; i < BURST; i++) {
            fromTarget[i] = Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, INNER_ADDRESS, type, first + i,
                    random.nextInt(), cut(there, random));
            fromClient[i] = Frames.icmp(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS, type, first + i,
                    random.nextInt(), cut(back, random));
        }
        relay.send(INNER, fromTarget);
        relay.send(EDGE, fromClient);
        relay.worker.doWork();
        relay.received(EDGE);
        relay.received(INNER);
    }

    private static byte[] cut(final byte[] frame, final SplittableRandom random) {
        final byte[] packet = Frames.packet(frame);
        return random.nextBoolean() ? packet : Arrays.copyOf(packet, random.nextInt(packet.length + 1));
    }

    @Test
    @Tag("RFC5508-REQ-6")
    void aSessionThatHearsNothingButErrorsEndsInTime() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            final byte[] there = relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).getFirst();
            relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(there)));
            for (int second = 0; second < IDLE_MS / 1_000 + 2; second++) {
                relay.send(INNER, Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, INNER_ADDRESS, 3, 3, 0,
                        Frames.packet(there)));
                relay.workForMs(1_000);
                relay.received(EDGE);
            }
            assertEquals(0, relay.sessions());
            assertTrue(relay.dropped(DropReason.ICMP_UNRELATED) > 0, "the last ones were about nothing any more");
        }
    }
}
