// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Translation and filtering are the same whatever else goes on. */
class DeterminismTest {
    private static final int SESSIONS = 1_000;
    private static final int FIRST_PORT = 25_000;
    private static final int BURST = 50;

    @TempDir
    private Path scratch;

    @Test
    @Tag("RFC4787-REQ-11")
    void aFullTableTranslatesAndFiltersAsAnEmptyOneDoes() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, SESSIONS)) {
            for (int opened = 0; opened <= SESSIONS; opened += BURST) {
                assertEquals(opened, relay.count(WorkerCounter.SESSIONS));
                final List<byte[]> burst = new ArrayList<>();
                for (int i = opened; i < opened + BURST; i++) {
                    burst.add(fromClient(FIRST_PORT + i, LISTEN));
                }
                final List<byte[]> relayed = relay.pass(EDGE, INNER, burst.toArray(byte[][]::new));
                assertEquals(opened < SESSIONS ? BURST : 0, relayed.size(), "opened at " + opened);
                for (int i = 0; i < relayed.size(); i++) {
                    assertEquals(FIRST_PORT + opened + i, Frames.sourcePort(relayed.get(i)));
                }
                probe(relay, FIRST_PORT);
                probe(relay, FIRST_PORT + Math.min(opened, SESSIONS - 1));
            }
        }
    }

    /** A session's external port is its own, its target's answers come through, and nobody else's. */
    private static void probe(final TestRelay relay, final int port) {
        final List<byte[]> forward = relay.pass(EDGE, INNER, fromClient(port, LISTEN));
        assertEquals(1, forward.size());
        assertEquals(port, Frames.sourcePort(forward.getFirst()));
        assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, port)).size());
        assertEquals(0, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT + 1, port)).size());
    }
}
