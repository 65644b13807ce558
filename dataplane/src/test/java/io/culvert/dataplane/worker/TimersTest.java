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
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.culvert.dataplane.flow.Ticks;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * When sessions end, by a clock that the test moves: the default timeouts of the configuration, at whatever age of the
 * relay; each is also run over the instants at which a count of milliseconds in 31 or 32 bits, or of the flow entries'
 * ticks, comes around.
 */
@ParameterizedClass
@ValueSource(longs = {0, (1L << 31) - 60_000, (1L << 32) - 60_000, ((long) Ticks.MS << 32) - 60_000})
class TimersTest {
    private static final int CLIENT_PORT = 25_000;
    private static final int IDLE_MS = 300_000;
    private static final int UNANSWERED_MS = 30_000;
    /** The sweep looks at each session once a second. */
    private static final int SWEEP_MS = 1_001;
    private static final int REST_MS = 120_000;
    private static final int SESSIONS = 300;

    /** The relay's age when it gets its first packet. */
    @Parameter
    private long ageMs;
    @TempDir
    private Path scratch;
    private TestRelay relay;

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    @Tag("RFC4787-REQ-5")
    void anAnsweredSessionIsAliveAfter119SilentSecondsAndOverAfter300() {
        open(true);
        answered(0);
        relay.workForMs(119_000);
        assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size());
        relay.workForMs(IDLE_MS - 1);
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
        relay.workForMs(SWEEP_MS);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    @Tag("RFC4787-REQ-5")
    void anUnansweredSessionEndsSooner() {
        open(true);
        answered(0);
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT + 1, LISTEN));
        relay.workForMs(UNANSWERED_MS - 1);
        assertEquals(2, relay.count(WorkerCounter.SESSIONS));
        relay.workForMs(SWEEP_MS);
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
        assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size());
    }

    @Test
    @Tag("RFC4787-REQ-6")
    void outboundPacketsRefreshWhetherInboundOnesDoOrNot() {
        for (final boolean inboundRefresh : new boolean[] {true, false}) {
            open(inboundRefresh);
            answered(0);
            for (int round = 0; round < 3; round++) {
                relay.workForMs(IDLE_MS - 1_000);
                assertEquals(1, relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).size());
            }
            assertEquals(1, relay.count(WorkerCounter.SESSIONS), "inboundRefresh: " + inboundRefresh);
            if (inboundRefresh) {
                relay.close();
            }
        }
    }

    @Test
    @Tag("RFC4787-REQ-6a")
    void inboundPacketsRefreshWhenTheRuleSaysSo() {
        open(true);
        answered(0);
        onlyTheTargetTalks();
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    @Tag("RFC4787-REQ-6a")
    void inboundPacketsDoNotRefreshWhenTheRuleSaysNo() {
        open(false);
        answered(0);
        onlyTheTargetTalks();
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    @Tag("RFC4787-REQ-12")
    @Tag("RFC5508-REQ-6")
    void echoToTheRelaysAddressRefreshesNoSession() {
        open(true);
        answered(0);
        for (int i = 0; i < 10; i++) {
            relay.workForMs(IDLE_MS / 10);
            assertEquals(1, relay.pass(EDGE, EDGE,
                    Frames.echoRequest(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS)).size());
        }
        relay.workForMs(SWEEP_MS);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
    }

    /** A peer's expiry list once ended at its head: the oldest session, which one side kept alive, hid all others. */
    @Test
    void aSessionThatOneSideKeepsAliveHidesNoOther() {
        open(true);
        for (int i = 0; i < SESSIONS; i++) {
            answered(i);
        }
        for (int passed = 0; passed < IDLE_MS + SWEEP_MS; passed += 10_000) {
            relay.workForMs(10_000);
            assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size());
        }
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
        for (int i = 1; i < SESSIONS; i++) {
            answered(1_000 + i);
        }
        assertEquals(SESSIONS, relay.count(WorkerCounter.SESSIONS), "all their places serve again");
    }

    @Test
    @Tag("RFC6888-REQ-8")
    void theFreedPortRestsForTwoMinutes() {
        open(true);
        relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
        relay.workForMs(UNANSWERED_MS);
        while (relay.count(WorkerCounter.SESSIONS) > 0) {
            relay.workForMs(1);
        }
        assertNotEquals(CLIENT_PORT, externalPort(), "at once");
        relay.workForMs(REST_MS - 1);
        assertNotEquals(CLIENT_PORT, externalPort(), "a millisecond before");
        relay.workForMs(UNANSWERED_MS + SWEEP_MS);
        assertEquals(CLIENT_PORT, externalPort(), "rested");
    }

    private void onlyTheTargetTalks() {
        for (int i = 0; i < 11; i++) {
            relay.workForMs(IDLE_MS / 10);
            relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT));
        }
    }

    /** The port that the client's own port would be given now. */
    private int externalPort() {
        final List<byte[]> relayed = relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN + 1));
        assertEquals(1, relayed.size());
        return Frames.sourcePort(relayed.getFirst());
    }

    private void answered(final int client) {
        final byte[] forward = relay.pass(EDGE, INNER, fromClient(CLIENT_PORT + client, LISTEN)).getFirst();
        assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, Frames.sourcePort(forward))).size());
    }

    private void open(final boolean inboundRefresh) {
        relay = TestRelay.withNeighbors(scratch, SESSIONS, plan -> {
            final List<Rule> rules = plan.rules().stream()
                    .map(rule -> TestRelay.with(rule, IDLE_MS, UNANSWERED_MS, inboundRefresh)).toList();
            return new RelayPlan(plan.links(), rules, plan.pools(), Limits.Spec.UNLIMITED, 1);
        });
        relay.advanceMs(ageMs);
    }
}
