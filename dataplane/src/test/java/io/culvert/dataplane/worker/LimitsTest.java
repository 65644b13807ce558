// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.POOL_HIGH;
import static io.culvert.dataplane.worker.TestRelay.POOL_LOW;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** When something is full the newcomer is dropped by name, and whoever talks goes on. */
class LimitsTest {
    private static final int CLIENT_PORT = 25_000;
    private static final int SESSIONS = 5_000;
    private static final int BURST = 64;
    private static final int FLOOD = 1_000 * (BURST - 1);
    private static final int LIMIT = 400;
    /** A client of another network of 24 bits: 198.51.100.7, by way of the gateway. */
    private static final int STRANGER = 0x0764_33C6;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    void aRuleHasNoMoreSessionsThanItsLimit() {
        open(Limits.Spec.UNLIMITED, 3, Limits.NONE);
        come(0, 5);
        assertEquals(3, relay.count(WorkerCounter.SESSIONS));
        assertEquals(2, relay.dropped(DropReason.RULE_LIMIT));
        come(0, 3);
        assertEquals(2, relay.dropped(DropReason.RULE_LIMIT), "those that live go on");
        relay.workForMs(TestRelay.UNANSWERED_MS + 1_000);
        come(10, 3);
        assertEquals(3, relay.count(WorkerCounter.SESSIONS), "room again when they end");
    }

    @Test
    void aRuleOpensNoMoreSessionsInASecondThanItsLimit() {
        open(Limits.Spec.UNLIMITED, Limits.NONE, 10);
        come(0, 15);
        assertEquals(10, relay.count(WorkerCounter.SESSIONS));
        assertEquals(5, relay.dropped(DropReason.RULE_RATE_LIMITED));
        relay.workForMs(99);
        come(20, 1);
        assertEquals(10, relay.count(WorkerCounter.SESSIONS), "a tenth of a second is not over");
        relay.workForMs(1);
        come(30, 2);
        assertEquals(11, relay.count(WorkerCounter.SESSIONS), "one after a tenth of a second");
        relay.workForMs(5_000);
        come(40, 15);
        assertEquals(21, relay.count(WorkerCounter.SESSIONS), "never more than those of one second at once");
    }

    @Test
    void theRelayOpensNoMoreSessionsInASecondThanItsLimit() {
        open(new Limits.Spec(4, Limits.NONE, 32, 64, Limits.NONE, Limits.NONE), Limits.NONE, Limits.NONE);
        come(0, 6);
        assertEquals(4, relay.count(WorkerCounter.SESSIONS));
        assertEquals(2, relay.dropped(DropReason.RATE_LIMITED));
        come(0, 4);
        assertEquals(2, relay.dropped(DropReason.RATE_LIMITED), "those that live go on");
    }

    @Test
    @Tag("RFC6888-REQ-4")
    @Tag("RFC6888-REQ-5")
    void aNetworkOfSendersHasNoMoreSessionsThanItsLimitAndOthersAreNotConcerned() {
        open(new Limits.Spec(Limits.NONE, Limits.NONE, 24, 64, 3, Limits.NONE), Limits.NONE, Limits.NONE);
        come(0, 2);
        relay.pass(EDGE, INNER, from(CLIENT + (1 << 24), CLIENT_PORT), from(CLIENT + (2 << 24), CLIENT_PORT));
        assertEquals(3, relay.count(WorkerCounter.SESSIONS), "neighbours in one network share the limit");
        assertEquals(1, relay.dropped(DropReason.SOURCE_LIMIT));
        relay.pass(EDGE, INNER, from(STRANGER, 1), from(STRANGER, 2), from(STRANGER, 3), from(STRANGER, 4));
        assertEquals(6, relay.count(WorkerCounter.SESSIONS));
        assertEquals(2, relay.dropped(DropReason.SOURCE_LIMIT));
        relay.workForMs(TestRelay.UNANSWERED_MS + 1_000);
        come(10, 3);
        assertEquals(3, relay.count(WorkerCounter.SESSIONS), "room again when they end");
    }

    @Test
    @Tag("RFC6888-REQ-4")
    void aNetworkOfSendersOpensNoMoreSessionsInASecondThanItsLimit() {
        open(new Limits.Spec(Limits.NONE, Limits.NONE, 32, 64, Limits.NONE, 2), Limits.NONE, Limits.NONE);
        come(0, 3);
        relay.pass(EDGE, INNER, from(STRANGER, 1), from(STRANGER, 2), from(STRANGER, 3));
        assertEquals(4, relay.count(WorkerCounter.SESSIONS));
        assertEquals(2, relay.dropped(DropReason.SOURCE_RATE_LIMITED));
        relay.workForMs(500);
        come(10, 2);
        assertEquals(5, relay.count(WorkerCounter.SESSIONS));
    }

    @Test
    void sessionsThatNobodyAnswersHaveAQuotaOfTheirOwn() {
        open(new Limits.Spec(Limits.NONE, 4, 32, 64, Limits.NONE, Limits.NONE), Limits.NONE, Limits.NONE);
        come(0, 6);
        assertEquals(4, relay.count(WorkerCounter.SESSIONS));
        assertEquals(2, relay.dropped(DropReason.UNANSWERED_LIMIT));
        relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT), fromTarget(TARGET_PORT, CLIENT_PORT + 1));
        relay.workForMs(1_000);
        come(10, 6);
        assertEquals(6, relay.count(WorkerCounter.SESSIONS), "two were answered, so two more may wait");
        relay.workForMs(TestRelay.UNANSWERED_MS + 1_000);
        assertEquals(2, relay.count(WorkerCounter.SESSIONS), "the answered ones live");
        come(20, 6);
        assertEquals(6, relay.count(WorkerCounter.SESSIONS));
    }

    @ParameterizedTest
    @CsvSource({"7, 1, 7", "7, 2, 3", "7, 7, 1", "7, 9, 1"})
    void aWorkerEnforcesItsShareAndHasRoomForOneAtLeast(final int limit, final int workers, final int share) {
        relay = TestRelay.alone(scratch, SESSIONS, plan -> new RelayPlan(plan.links(), plan.rules().stream()
                .map(rule -> TestRelay.with(rule, limit, Limits.NONE)).toList(), plan.pools(),
                Limits.Spec.UNLIMITED, workers));
        come(0, 10);
        assertEquals(share, relay.count(WorkerCounter.SESSIONS));
        assertEquals(10 - share, relay.dropped(DropReason.RULE_LIMIT));
    }

    /** What was counted for a session that could not be opened after all would never be given back. */
    @Test
    void whatIsRefusedForAnotherReasonCountsForNoLimit() {
        open(new Limits.Spec(5_010, 5_010, 32, 64, 5_010, 5_010), 5_010, 5_010);
        come(0, SESSIONS + 100);
        assertEquals(SESSIONS, relay.count(WorkerCounter.SESSIONS));
        assertEquals(100, relay.dropped(DropReason.FLOW_TABLE_FULL), "the only reason there is");
    }

    /**
     * Counted is work, not time: nothing is taken, no pool is searched, and no next hop asked for, however many come.
     * A search of a pool begins with a draw.
     */
    @ParameterizedTest
    @EnumSource(names = {"RATE_LIMITED", "RULE_RATE_LIMITED", "SOURCE_RATE_LIMITED", "RULE_LIMIT", "SOURCE_LIMIT",
        "UNANSWERED_LIMIT"})
    @Tag("RFC6888-REQ-11a")
    @Tag("RFC6888-REQ-11d")
    void whileALimitIsReachedANewcomerCostsNoSearchAndNoRoom(final DropReason reason) {
        // All senders are of one network.
        open(new Limits.Spec(limit(reason, DropReason.RATE_LIMITED), limit(reason, DropReason.UNANSWERED_LIMIT), 0, 0,
                limit(reason, DropReason.SOURCE_LIMIT), limit(reason, DropReason.SOURCE_RATE_LIMITED)),
                limit(reason, DropReason.RULE_LIMIT), limit(reason, DropReason.RULE_RATE_LIMITED));
        come(0, LIMIT);
        final long draws = relay.draws();
        flood(reason);
        assertEquals(draws, relay.draws(), "no search for a port");
        assertEquals(0, relay.neighbors.count(Neighbors.State.INCOMPLETE), "no next hop");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Tag("RFC6888-REQ-11a")
    @Tag("RFC6888-REQ-11d")
    void whileThePoolIsExhaustedANewcomerCostsNoSearchAndNoRoom(final boolean portPairs) {
        final NatBehavior behavior = new NatBehavior(portPairs ? Mapping.ENDPOINT_INDEPENDENT
                : Mapping.ADDRESS_AND_PORT, Filtering.ADDRESS_AND_PORT, portPairs);
        relay = TestRelay.alone(scratch, 2 * SESSIONS * 2, plan -> behindGateway(
                TestRelay.plan(behavior), TestRelay.plan(behavior).rules(), Limits.Spec.UNLIMITED));
        final int ports = POOL_HIGH - POOL_LOW + 1;
        come(0, ports);
        assertEquals(ports, relay.lentPorts());
        final long draws = relay.draws();
        flood(DropReason.SNAT_EXHAUSTED);
        assertEquals(draws, relay.draws(), "no search for a port");
        assertEquals(ports, relay.lentPorts());
    }

    private static int limit(final DropReason tested, final DropReason reason) {
        return tested == reason ? LIMIT : Limits.NONE;
    }

    /** Live sessions go on and are answered while strangers are refused. */
    private void flood(final DropReason reason) {
        final long sessions = relay.count(WorkerCounter.SESSIONS);
        for (int i = 0; i < FLOOD; i += BURST - 1) {
            final byte[][] burst = new byte[BURST][];
            final int first = i;
            Arrays.setAll(burst, at -> from(first * 2_654_435 & 0xFFFF_FF00 | 0x50, at + 1));
            burst[BURST - 1] = fromClient(CLIENT_PORT, LISTEN);
            assertEquals(1, relay.pass(EDGE, INNER, burst).size(), "who talks goes on");
            assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, CLIENT_PORT)).size());
        }
        assertEquals(FLOOD, relay.dropped(reason));
        assertEquals(FLOOD, relay.dropped(), "by this name only");
        assertEquals(sessions, relay.count(WorkerCounter.SESSIONS));
        relay.assertBalanced();
    }

    /** New flows of the client, one packet each, {@code count} of them from a port on. */
    private void come(final int first, final int count) {
        final List<byte[]> frames = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            frames.add(fromClient(CLIENT_PORT + first + i, LISTEN));
            if (frames.size() == BURST || i + 1 == count) {
                relay.pass(EDGE, INNER, frames.toArray(byte[][]::new));
                frames.clear();
            }
        }
    }

    private static byte[] from(final int client, final int port) {
        return Frames.udp(MAC[EDGE], CLIENT_MAC, client, port, EDGE_ADDRESS, LISTEN, 100);
    }

    private void open(final Limits.Spec spec, final int maxSessions, final int newPerSecond) {
        relay = TestRelay.alone(scratch, SESSIONS, plan -> behindGateway(plan, plan.rules().stream()
                .map(rule -> TestRelay.with(rule, maxSessions, newPerSecond)).toList(), spec));
    }

    /** The client is the way to all networks. */
    private static RelayPlan behindGateway(final RelayPlan plan, final List<Rule> rules, final Limits.Spec limits) {
        final Link edge = plan.links().get(EDGE);
        return new RelayPlan(List.of(
                new Link(EDGE, edge.name(), edge.mac(), edge.mtu(), edge.subnets(), CLIENT, Link.UNTAGGED),
                plan.links().get(INNER)),
                rules, plan.pools(), limits, plan.workers());
    }
}
