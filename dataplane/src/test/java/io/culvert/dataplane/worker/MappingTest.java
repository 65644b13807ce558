// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.IDLE_MS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.OTHER_TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.UNANSWERED_MS;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which sessions of a client endpoint share an external endpoint, and for how long. */
class MappingTest {
    private static final int CLIENT_PORT = 25_004;
    /** Not of the pool. */
    private static final int OTHER_PORT = 1_024;

    @TempDir
    private Path scratch;

    @Test
    @Tag("RFC4787-REQ-1")
    void oneClientEndpointHasOneExternalEndpointWhateverTheRemote() {
        try (TestRelay relay = relay(Filtering.ADDRESS_AND_PORT, false)) {
            final int external = external(relay, OTHER_PORT, LISTEN);
            for (int i = 1; i < 50; i++) {
                assertEquals(external, external(relay, OTHER_PORT, LISTEN + i));
                assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT + i, external)).size(), "reply " + i);
            }
            assertEquals(50, relay.count(WorkerCounter.SESSIONS));
            assertEquals(1, relay.lentPorts());
            assertNotEquals(external, external(relay, OTHER_PORT + 1, LISTEN), "another client endpoint");
        }
    }

    @Test
    void addressAndPortMappingGivesEachSessionItsOwn() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 100)) {
            final Set<Integer> external = new HashSet<>();
            for (int i = 0; i < 50; i++) {
                assertTrue(external.add(external(relay, CLIENT_PORT, LISTEN + i)), "listener " + i);
            }
        }
    }

    /** The external endpoint goes back to the pool with the last session that holds it, and not before. */
    @Test
    void theEndpointLivesAsLongAsOneOfItsSessions() {
        try (TestRelay relay = relay(Filtering.ADDRESS_AND_PORT, false)) {
            final int external = external(relay, OTHER_PORT, LISTEN);
            external(relay, OTHER_PORT, LISTEN + 1);
            for (int i = 0; i < 6; i++) {
                relay.workForMs(UNANSWERED_MS / 4);
                assertEquals(external, external(relay, OTHER_PORT, LISTEN + 1));
            }
            assertEquals(1, relay.count(WorkerCounter.SESSIONS), "the first was silent");
            assertEquals(1, relay.lentPorts());
            assertEquals(external, external(relay, OTHER_PORT, LISTEN + 2));
            relay.workForMs(UNANSWERED_MS + 2_000);
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
            assertEquals(0, relay.lentPorts());
        }
    }

    @Test
    @Tag("RFC4787-REQ-8")
    void filteringByAddressAsksEverySessionOfTheEndpoint() {
        try (TestRelay relay = relay(Filtering.ADDRESS, false)) {
            relay.neighbors.addStatic(INNER, OTHER_TARGET, TARGET_MAC);
            final int external = external(relay, CLIENT_PORT, LISTEN);
            assertEquals(0, relay.pass(INNER, EDGE, stranger(external)).size());
            assertEquals(external, external(relay, CLIENT_PORT, TestRelay.LISTEN_OTHER));
            external(relay, CLIENT_PORT, LISTEN + 1);
            assertEquals(TestRelay.LISTEN_OTHER, Frames.sourcePort(relay.pass(INNER, EDGE, stranger(external))
                    .getFirst()), "from the listener of the session whose target it is");
        }
    }

    @Test
    void aPairOfClientPortsGetsNeighbours() {
        try (TestRelay relay = relay(Filtering.ADDRESS_AND_PORT, true)) {
            final int rtp = external(relay, OTHER_PORT, LISTEN);
            assertEquals(0, rtp & 1);
            assertEquals(rtp + 1, external(relay, OTHER_PORT + 1, LISTEN + 1), "its RTCP");
            final int odd = external(relay, OTHER_PORT + 3, LISTEN + 1);
            assertEquals(odd - 1, external(relay, OTHER_PORT + 2, LISTEN), "RTCP came first");
            assertEquals(CLIENT_PORT, external(relay, CLIENT_PORT, LISTEN), "the client's own pair is free");
            assertEquals(6, relay.lentPorts());
            relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, rtp));
            relay.workForMs(UNANSWERED_MS + 2_000);
            assertEquals(2, relay.lentPorts(), "RTP goes on and keeps its pair");
            assertEquals(rtp + 1, external(relay, OTHER_PORT + 1, LISTEN + 1));
            relay.workForMs(IDLE_MS + 2_000);
            assertEquals(0, relay.lentPorts());
        }
    }

    private static byte[] stranger(final int external) {
        return Frames.udp(MAC[INNER], TARGET_MAC, OTHER_TARGET, 6_666, INNER_ADDRESS, external, 100);
    }

    private static int external(final TestRelay relay, final int clientPort, final int listenPort) {
        final byte[] frame = relay.pass(EDGE, INNER, fromClient(clientPort, listenPort)).getFirst();
        assertEquals(INNER_ADDRESS, Frames.source(frame));
        return Frames.sourcePort(frame);
    }

    private TestRelay relay(final Filtering filtering, final boolean portPairs) {
        final NatBehavior behavior = new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, filtering, portPairs);
        return TestRelay.withNeighbors(scratch, 100, plan -> TestRelay.plan(behavior));
    }
}
