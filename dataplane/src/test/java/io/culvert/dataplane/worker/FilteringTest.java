// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.OTHER_TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.UNANSWERED_MS;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Who but the target reaches a client through its external endpoint. */
class FilteringTest {
    private static final int CLIENT_PORT = 25_004;

    @TempDir
    private Path scratch;

    /** The matrix of strangers: another port of the target, another address, both. */
    @ParameterizedTest
    @CsvSource({
        "ADDRESS_AND_PORT, true, false, 0", "ADDRESS_AND_PORT, false, true, 0", "ADDRESS_AND_PORT, false, false, 0",
        "ADDRESS, true, false, 1", "ADDRESS, false, true, 0", "ADDRESS, false, false, 0",
        "ENDPOINT_INDEPENDENT, true, false, 1", "ENDPOINT_INDEPENDENT, false, true, 1",
        "ENDPOINT_INDEPENDENT, false, false, 1"})
    @Tag("RFC4787-REQ-8")
    @Tag("RFC4787-REQ-8a")
    @Tag("RFC6888-REQ-7")
    void letsInWhomTheRuleAllows(final Filtering filtering, final boolean sameAddress, final boolean samePort,
                                 final int delivered) {
        try (TestRelay relay = relay(filtering)) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
            final byte[] stranger = Frames.udp(MAC[INNER], TARGET_MAC, sameAddress ? TARGET : OTHER_TARGET,
                    samePort ? TARGET_PORT : TARGET_PORT + 1, INNER_ADDRESS, CLIENT_PORT, 100);
            final List<byte[]> received = relay.pass(INNER, EDGE, stranger);
            assertEquals(delivered, received.size());
            received.forEach(frame -> {
                assertEquals(EDGE_ADDRESS, Frames.source(frame), "the client knows nobody but its listener");
                assertEquals(LISTEN, Frames.sourcePort(frame));
                assertEquals(CLIENT, Frames.destination(frame));
                assertEquals(CLIENT_PORT, Frames.destinationPort(frame));
                Frames.assertRight(frame);
            });
            assertEquals(1 - delivered, relay.dropped(DropReason.NO_SESSION));
            assertEquals(1, relay.count(WorkerCounter.SESSIONS), "no state is made");
        }
    }

    /** What a stranger sent does not change where the client's packets go. */
    @ParameterizedTest
    @EnumSource(Filtering.class)
    void learnsNothingFromStrangers(final Filtering filtering) {
        try (TestRelay relay = relay(filtering)) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
            relay.pass(INNER, EDGE, Frames.udp(MAC[INNER], TARGET_MAC, OTHER_TARGET, 6_666, INNER_ADDRESS, CLIENT_PORT,
                    100));
            final byte[] forward = relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN)).getFirst();
            assertEquals(TARGET, Frames.destination(forward));
            assertEquals(TARGET_PORT, Frames.destinationPort(forward));
            assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size());
        }
    }

    @Test
    @Tag("RFC7857-7")
    void whatIsRefusedRefreshesNothing() {
        try (TestRelay relay = relay(Filtering.ADDRESS_AND_PORT)) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN));
            for (int i = 0; i < 10; i++) {
                relay.workForMs(UNANSWERED_MS / 10);
                relay.pass(INNER, EDGE, Frames.udp(MAC[INNER], TARGET_MAC, OTHER_TARGET, 6_666, INNER_ADDRESS,
                        CLIENT_PORT, 100));
            }
            relay.workForMs(UNANSWERED_MS / 5);
            assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        }
    }

    @Test
    @Tag("RFC4787-REQ-9")
    void aClientReachesAnotherThroughItsExternalEndpoint() {
        try (TestRelay relay = relay(Filtering.ENDPOINT_INDEPENDENT)) {
            relay.pass(EDGE, INNER, fromClient(CLIENT_PORT, LISTEN), fromClient(CLIENT_PORT + 2, LISTEN));
            final List<byte[]> received = relay.pass(EDGE, EDGE, Frames.udp(
                    MAC[EDGE], CLIENT_MAC, CLIENT, CLIENT_PORT + 2, INNER_ADDRESS, CLIENT_PORT, 100));
            assertEquals(1, received.size());
            assertEquals(LISTEN, Frames.sourcePort(received.getFirst()));
            assertEquals(CLIENT_PORT, Frames.destinationPort(received.getFirst()));
        }
    }

    private TestRelay relay(final Filtering filtering) {
        final NatBehavior behavior = new NatBehavior(Mapping.ADDRESS_AND_PORT, filtering, false);
        return TestRelay.withNeighbors(scratch, 100, plan -> TestRelay.plan(behavior));
    }
}
