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
import static io.culvert.dataplane.worker.TestRelay.OTHER_TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromClient;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.Ticks;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Arp;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Days and weeks by a clock that the test moves: streams of which one side is silent for up to 60 days, and every timer
 * but those of sessions ({@link TimersTest}) over the instants at which 31 and 32 bits of milliseconds, and 32 bits of
 * ticks, come around.
 */
class LongSilenceTest {
    private static final int PORT = 25_000;
    private static final int IDLE_MS = 300_000;
    /** Between two packets of the side that talks. */
    private static final int PAUSE_MS = IDLE_MS - 10_000;
    /** The sweep looks at each session once a second. */
    private static final int SWEEP_MS = 1_001;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @AfterEach
    void close() {
        relay.close();
    }

    /** In 32 bits of milliseconds 26 days read as less than none, and 50 and 60 days as hours and ten days. */
    @ParameterizedTest
    @CsvSource({"26, true", "26, false", "50, true", "50, false", "60, true", "60, false"})
    @Tag("RFC4787-REQ-6")
    void aStreamThatOneSideKeepsUpForWeeksEndsWhenThatSideFallsSilent(final int days, final boolean isClientsSide) {
        open(30, NatBehavior.STRICT);
        assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size());
        assertEquals(1, relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, PORT)).size());
        for (long passed = 0; passed < TimeUnit.DAYS.toMillis(days); passed += PAUSE_MS) {
            silence(PAUSE_MS);
            assertEquals(1, isClientsSide ? relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size()
                    : relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, PORT)).size(), "alive after " + passed + " ms");
        }
        relay.workForMs(IDLE_MS - 1);
        assertEquals(1, relay.count(WorkerCounter.SESSIONS), "alive as long as it may be silent");
        relay.workForMs(SWEEP_MS);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS), "and no longer");
        assertEquals(0, relay.lentPorts());
    }

    /** Nobody speaks and the worker does not run: a machine that was suspended. */
    @ParameterizedTest
    @ValueSource(ints = {26, 50, 60})
    void asleepForWeeksTheRelayWakesUpWithoutSessions(final int days) {
        open(30, NatBehavior.STRICT);
        relay.pass(EDGE, INNER, fromClient(PORT, LISTEN));
        relay.pass(INNER, EDGE, fromTarget(TARGET_PORT, PORT));
        relay.advanceMs(TimeUnit.DAYS.toMillis(days));
        relay.workForMs(SWEEP_MS);
        assertEquals(0, relay.count(WorkerCounter.SESSIONS));
        assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN)).size());
        assertEquals(1, relay.count(WorkerCounter.SESSIONS));
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void fragmentsWaitTwoSecondsAndNoLongerAtAnyAge(final long wrapMs) {
        open(30, NatBehavior.STRICT);
        relay.advanceMs(wrapMs - 1_000);
        final byte[] whole = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT, EDGE_ADDRESS, LISTEN, 1_000);
        relay.pass(EDGE, INNER, UdpFrames.fragment(whole, 1, 63, 126, false, 64));
        relay.workForMs(1_900);
        assertEquals(1, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        relay.workForMs(300);
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS));
        assertEquals(1, relay.dropped(DropReason.FRAGMENT));
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void aNextHopIsAskedForThriceGivenUpAndUsedAgainWhenItAnswersAtAnyAge(final long wrapMs) {
        open(30, NatBehavior.STRICT);
        relay.advanceMs(wrapMs - 1_500);
        relay.worker.doWork();
        relay.received(INNER);
        relay.pass(EDGE, INNER, fromClient(PORT, LISTEN_OTHER));
        assertEquals(1, relay.count(WorkerCounter.WAITING));
        int asked = 0;
        for (int ms = 0; ms < 4_000; ms++) {
            relay.workForMs(1);
            asked += (int) relay.received(INNER).stream().filter(Frames::isArp).count();
        }
        assertTrue(asked >= 2 && asked <= 5, "a question a second, three before it is given up: " + asked);
        assertEquals(0, relay.count(WorkerCounter.WAITING));
        assertEquals(1, relay.dropped(DropReason.NEIGHBOR_UNRESOLVED));
        answerFor(OTHER_TARGET);
        assertEquals(1, relay.pass(EDGE, INNER, fromClient(PORT, LISTEN_OTHER)).size());
    }

    /** A next hop in use is confirmed every 30 seconds, one that nobody used for weeks when it is used again. */
    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void aNextHopInUseIsConfirmedEveryHalfMinuteAtAnyAge(final long wrapMs) {
        open(30, NatBehavior.STRICT);
        relay.advanceMs(wrapMs - 31_500);
        relay.worker.doWork();
        relay.pass(EDGE, INNER, fromClient(PORT, LISTEN_OTHER));
        answerFor(OTHER_TARGET);
        int asked = 0;
        for (int ms = 0; ms < 65_000; ms++) {
            relay.workForMs(1);
            if (ms % 1_000 == 0) {
                relay.send(EDGE, fromClient(PORT, LISTEN_OTHER));
            }
            for (final byte[] frame : relay.received(INNER)) {
                if (Frames.isArp(frame)) {
                    asked++;
                    answerFor(OTHER_TARGET);
                }
            }
        }
        assertEquals(2, asked, "confirmations in 65 s");
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void aRateOfNewSessionsIsTheSameAtAnyAge(final long wrapMs) {
        open(7, NatBehavior.STRICT);
        relay.advanceMs(wrapMs - 5_000);
        int port = PORT;
        for (int second = 0; second < 10; second++) {
            int opened = 0;
            for (int i = 0; i < 20; i++) {
                opened += relay.pass(EDGE, INNER, fromClient(port++, LISTEN)).size();
            }
            assertEquals(7, opened, "in second " + second);
            relay.workForMs(1_000);
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void aRelayedEchoIsRememberedForItsTimeoutAtAnyAge(final long wrapMs) {
        relay = TestRelay.alone(scratch, 64, plan -> new RelayPlan(plan.links(), plan.rules(), plan.pools(),
                plan.limits(), 1, List.of(), new IcmpPolicy(true, 100, false, List.of(0), 5_000)));
        relay.advanceMs(wrapMs - 2_500);
        assertEquals(1, relay.pass(EDGE, INNER,
                Frames.echoRequest(MAC[EDGE], CLIENT_MAC, CLIENT, EDGE_ADDRESS)).size());
        relay.workForMs(4_900);
        assertEquals(1, relay.count(WorkerCounter.ICMP_ECHO_SESSIONS));
        relay.workForMs(2_200);
        assertEquals(0, relay.count(WorkerCounter.ICMP_ECHO_SESSIONS));
    }

    /** The budget is one second's: spent at once, it is back a second later. */
    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, (long) Ticks.MS << 32})
    void theBudgetOfErrorsIsBackAfterASecondAtAnyAge(final long wrapMs) {
        relay = TestRelay.alone(scratch, 64, plan -> new RelayPlan(plan.links(), plan.rules(), plan.pools(),
                plan.limits(), 1, List.of(), new IcmpPolicy(true, 100, false, List.of(), 5_000)));
        relay.advanceMs(wrapMs - 1_500);
        final byte[] dying = Frames.ttl(fromClient(PORT, LISTEN), 1);
        int firstSecond = 0;
        for (int second = 0; second < 4; second++) {
            int told = 0;
            for (int i = 0; i < 40; i++) {
                told += relay.pass(EDGE, EDGE, dying, dying, dying, dying, dying).size();
            }
            firstSecond = second == 0 ? told : firstSecond;
            assertTrue(told > 0 && told <= 100, "errors in second " + second + ": " + told);
            relay.workForMs(1_000);
        }
        assertTrue(firstSecond > 0);
    }

    private void answerFor(final int address) {
        relay.pass(INNER, INNER, Frames.arp(Arp.REPLY, TARGET_MAC, address, MAC[INNER], INNER_ADDRESS));
    }

    /** Not a step for each millisecond: one in which the sweep and the timers of all stages do their work. */
    private void silence(final int ms) {
        for (int passed = 0; passed < ms; passed += PAUSE_MS / 10) {
            relay.advanceMs(PAUSE_MS / 10);
            relay.worker.doWork();
        }
        relay.received(EDGE);
        relay.received(INNER);
    }

    private void open(final int newPerSecond, final NatBehavior behavior) {
        relay = TestRelay.alone(scratch, 1_000, plan -> new RelayPlan(plan.links(), TestRelay.plan(behavior).rules()
                .stream().map(rule -> TestRelay.with(rule, IDLE_MS, IDLE_MS, true)).toList(), plan.pools(),
                new Limits.Spec(newPerSecond, Limits.NONE, 32, 64, Limits.NONE, Limits.NONE), 1));
    }
}
