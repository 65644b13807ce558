// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Echo requests that a rule relays. */
class EchoRelayTest {
    private static final int TIMEOUT_MS = 60_000;
    private static final int OTHER_CLIENT = CLIENT + (1 << 24);
    private static final int SEQUENCE = 0x0700_0000;
    private static final byte[] DATA = "ping".getBytes();
    /** All places of a single worker. */
    private static final int CAPACITY = 4_096;
    /** Those of one client. */
    private static final int SHARE = 256;

    @TempDir
    private Path scratch;

    @Test
    @Tag("RFC5508-REQ-1")
    void aRequestReachesTheTargetUnderAnIdentifierOfOursAndTheReplyComesBack() {
        try (TestRelay relay = relay()) {
            final byte[] there = relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst();
            assertLeft(Frames.ttl(Frames.icmp(TARGET_MAC, MAC[INNER], INNER_ADDRESS, TARGET, Icmp.ECHO_REQUEST,
                    0, rest(there), DATA), 63), there);
            final byte[] back = relay.pass(INNER, EDGE, reply(TARGET, rest(there))).getFirst();
            assertLeft(Frames.ttl(Frames.icmp(CLIENT_MAC, MAC[EDGE], EDGE_ADDRESS, CLIENT, Icmp.ECHO_REPLY, 0,
                    rest(request(CLIENT, 7)), DATA), 63), back);
            assertEquals(rest(there), rest(relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst()), "one query");
            assertEquals(3, relay.count(WorkerCounter.ICMP_ECHO_RELAYED));
        }
    }

    @Test
    void clientsWithTheSameIdentifierAreToldApart() {
        try (TestRelay relay = relay()) {
            relay.neighbors.addStatic(EDGE, OTHER_CLIENT, CLIENT_MAC);
            final byte[] one = relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst();
            final byte[] other = relay.pass(EDGE, INNER, request(OTHER_CLIENT, 7)).getFirst();
            assertNotEquals(rest(one), rest(other));
            assertEquals(OTHER_CLIENT,
                    Frames.destination(relay.pass(INNER, EDGE, reply(TARGET, rest(other))).getFirst()));
            assertEquals(CLIENT, Frames.destination(relay.pass(INNER, EDGE, reply(TARGET, rest(one))).getFirst()));
        }
    }

    @Test
    void aReplyOfAStrangerOrToAnIdentifierThatNobodyHasIsDropped() {
        try (TestRelay relay = relay()) {
            final int ours = rest(relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst());
            assertEquals(List.of(), relay.pass(INNER, EDGE, reply(TestRelay.OTHER_TARGET, ours)));
            for (int id = 0; id < 64; id++) {
                final int other = ours ^ Short.reverseBytes((short) (id + 1)) & 0xFFFF;
                assertEquals(List.of(), relay.pass(INNER, EDGE, reply(TARGET, other)));
            }
            assertEquals(65, relay.dropped(DropReason.ICMP_UNRELATED));
        }
    }

    @Test
    @Tag("RFC5508-REQ-2")
    @Tag("RFC5508-REQ-2a")
    void aQueryIsRememberedForItsTimeoutAndNoLonger() {
        try (TestRelay relay = relay()) {
            final int ours = rest(relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst());
            relay.workForMs(TIMEOUT_MS - 1_000);
            assertEquals(1, relay.pass(INNER, EDGE, reply(TARGET, ours)).size());
            relay.workForMs(TIMEOUT_MS + 1_001);
            assertEquals(List.of(), relay.pass(INNER, EDGE, reply(TARGET, ours)));
            assertEquals(0, relay.count(WorkerCounter.ICMP_ECHO_SESSIONS));
        }
    }

    @Test
    void whenAllIdentifiersAreTakenTheNewcomerIsDroppedAndTheOthersLiveOn() {
        try (TestRelay relay = relay()) {
            int full = 0;
            for (int client = 0; relay.count(WorkerCounter.ICMP_ECHO_SESSIONS) < CAPACITY; client++) {
                assertTrue(client < 100, "clients whose shares are all of the table");
                for (int id = 0; id < SHARE; id++) {
                    relay.pass(EDGE, INNER, request(CLIENT + (client << 24), id));
                }
                relay.workForMs(2);
                relay.received(EDGE);
                full = CLIENT + (client + 1 << 24);
            }
            relay.pass(EDGE, INNER, request(full, CAPACITY));
            assertTrue(relay.dropped(DropReason.FLOW_TABLE_FULL) > 0);
            assertEquals(1, relay.pass(EDGE, INNER, request(CLIENT, 0)).size());
            relay.workForMs(TIMEOUT_MS + 1_001);
            relay.received(EDGE);
            relay.received(INNER);
            assertEquals(0, relay.count(WorkerCounter.ICMP_ECHO_SESSIONS), "all ended");
            assertEquals(1, relay.pass(EDGE, INNER, request(CLIENT, CAPACITY)).size());
        }
    }

    /** 68 new identifiers a second, for two minutes. */
    @Test
    void aClientThatPingsUnderEverNewIdentifiersTakesItsOwnShareAlone() {
        try (TestRelay relay = relay()) {
            relay.neighbors.addStatic(EDGE, OTHER_CLIENT, CLIENT_MAC);
            for (int id = 0; id < 120 * 68; id++) {
                relay.pass(EDGE, INNER, request(CLIENT, id));
                relay.advanceMs(id % 68 == 0 ? 50 : 14);
                if (id % 500 == 499) {
                    final byte[] there = relay.pass(EDGE, INNER, request(OTHER_CLIENT, id)).getFirst();
                    assertEquals(OTHER_CLIENT,
                            Frames.destination(relay.pass(INNER, EDGE, reply(TARGET, rest(there))).getFirst()));
                }
            }
            assertTrue(relay.dropped(DropReason.SOURCE_LIMIT) > 0);
            relay.workForMs(TIMEOUT_MS + 1_001);
            relay.received(INNER);
            assertEquals(1, relay.pass(EDGE, INNER, request(CLIENT, 0)).size(), "when it has stopped");
        }
    }

    @Test
    void anErrorAboutARelayedRequestQuotesTheClientsOwn() {
        try (TestRelay relay = relay()) {
            final byte[] there = relay.pass(EDGE, INNER, request(CLIENT, 7)).getFirst();
            final byte[] told = relay.pass(INNER, EDGE, Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, INNER_ADDRESS,
                    Icmp.UNREACHABLE, 1, 0, Frames.packet(there))).getFirst();
            // The IP id that the relay gave the request stays in the quote: nobody remembers the client's.
            final byte[] asked = Frames.id(Frames.ttl(request(CLIENT, 7), 63), Frames.id(there));
            assertLeft(Frames.ttl(Frames.icmp(CLIENT_MAC, MAC[EDGE], EDGE_ADDRESS, CLIENT, Icmp.UNREACHABLE, 1,
                    0, Frames.packet(asked)), 63), told);
        }
    }

    @Test
    void aRequestWhoseTimeRunsOutHereIsTold() {
        try (TestRelay relay = relay()) {
            final byte[] old = Frames.ttl(request(CLIENT, 7), 1);
            final byte[] told = relay.pass(EDGE, EDGE, old).getFirst();
            assertEquals(Icmp.TIME_EXCEEDED, told[Icmp.TYPE]);
            assertEquals(EDGE_ADDRESS, Frames.source(told));
        }
    }

    @Test
    void withoutARuleOurAddressAnswersForItself() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 16)) {
            assertEquals(Icmp.ECHO_REPLY, relay.pass(EDGE, EDGE, request(CLIENT, 7)).getFirst()[Icmp.TYPE]);
        }
    }

    private TestRelay relay() {
        return TestRelay.withNeighbors(scratch, 16, plan -> new RelayPlan(plan.links(), plan.rules(), plan.pools(),
                plan.limits(), plan.workers(), plan.addresses(),
                new IcmpPolicy(true, 100, false, List.of(0), TIMEOUT_MS)));
    }

    /** The same but for the IP id, which is the relay's to choose. */
    private static void assertLeft(final byte[] expected, final byte[] actual) {
        assertArrayEquals(Frames.id(expected, Frames.id(actual)), actual);
    }

    private static byte[] request(final int client, final int id) {
        return Frames.icmp(MAC[EDGE], CLIENT_MAC, client, EDGE_ADDRESS, Icmp.ECHO_REQUEST, 0,
                Wire.net16(id) & 0xFFFF | SEQUENCE, DATA);
    }

    private static byte[] reply(final int target, final int rest) {
        return Frames.icmp(MAC[INNER], TARGET_MAC, target, INNER_ADDRESS, Icmp.ECHO_REPLY, 0, rest, DATA);
    }

    /** Identifier and sequence as they lie in memory. */
    private static int rest(final byte[] frame) {
        return MemorySegment.ofArray(frame).get(Wire.INT, Icmp.IDENTIFIER);
    }
}
