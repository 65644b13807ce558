// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.deploy.Patience;
import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class LabTest {
    private static final int LOOPBACK = 0x7F000001;
    private static final long ANY_PORT = SocketAddress.of(LOOPBACK, 0);
    private static final Duration BRIEF = Duration.ofMillis(500);
    /** Long, for a slow machine: a client that has all its answers does not wait. */
    private static final Duration LINGER = Duration.ofSeconds(10);
    /** It is waited out where answers never come; beside a busy neighbour the slowest took half a second. */
    private static final Duration LOSSY_LINGER = Duration.ofSeconds(3);

    @ParameterizedTest
    @ValueSource(ints = {32, 758, 1_472, 1_473, 65_507})
    void everyPacketComesBackIntact(final int payload) {
        try (Echo echo = echo()) {
            final ClientReport report = undisturbed(
                    () -> run(plan(echo.endpoint(), 20, 1_000, payload, LINGER)), ClientReport::sent, 500, 500);
            assertNothingWrong(report);
            assertEquals(500, report.received());
            assertEquals(20, report.flowsAnswered());
            assertTrue(report.rttMicros(50) > 0 && report.rttMicros(50) <= report.rttMicros(100));
        }
    }

    @Test
    void theServerTellsWhoCame() {
        final EchoReport report = undisturbed(LabTest::echoOfTwoSources, EchoReport::received, 500, 500);
        assertEquals(500, report.sent());
        assertEquals(List.of("127.0.0.1", "127.0.0.2"), report.sources().stream().map(s -> s.address()).toList());
        for (final EchoReport.Source source : report.sources()) {
            assertEquals(50, source.ports());
            assertTrue(source.lowestPort() >= 41_000 && source.highestPort() <= 41_999);
        }
    }

    private static EchoReport echoOfTwoSources() {
        try (Echo echo = echo()) {
            assertNothingWrong(run(new ClientPlan(echo.endpoint(), 100, 1_000, BRIEF, 100,
                    List.of(SocketAddress.of(LOOPBACK, 0), SocketAddress.of(LOOPBACK + 1, 0)),
                    41_000, 41_999, 100_000, LINGER)));
            return echo.report();
        }
    }

    @Test
    void oneFastFlowSendsInBatches() {
        try (Echo echo = echo()) {
            final ClientReport report = run(plan(echo.endpoint(), 1, 10_000, 64, LINGER));
            assertNothingWrong(report);
            assertTrue(report.sent() > 1_000, "sent " + report.sent());
        }
    }

    @ParameterizedTest
    @EnumSource(TamperingServer.Fault.class)
    void theClientNoticesWhatTheNetworkDoesToItsPackets(final TamperingServer.Fault fault) throws Exception {
        try (TamperingServer server = new TamperingServer(fault, 10)) {
            final long target = SocketAddress.of(server.address());
            final ClientReport report = run(plan(target, 2, 1_000, 200, LOSSY_LINGER));
            final int faults = server.faults();
            assertTrue(faults >= 10, faults + " faults");
            final boolean returns = fault == TamperingServer.Fault.DUPLICATE || fault == TamperingServer.Fault.SWAP;
            assertEquals(returns ? 0 : faults, report.lost(), returns ? 1 : 0, report.text());
            switch (fault) {
                case CORRUPT, TRUNCATE -> assertEquals(faults, report.corrupted());
                case DUPLICATE -> assertEquals(faults, report.duplicated(), 1);
                case SWAP -> assertEquals(faults, report.reordered(), 1);
                case DROP -> assertEquals(0, report.corrupted() + report.duplicated() + report.unexpected());
                case ANSWER_FROM_ELSEWHERE, MISDELIVER -> assertEquals(faults, report.unexpected());
                default -> throw new AssertionError(fault);
            }
        }
    }

    @Test
    void aTargetWhereNobodyListensLosesEverythingAndEndsWell() throws IOException {
        final long unused;
        try (DatagramSocket socket = loopbackSocket()) {
            unused = SocketAddress.of((InetSocketAddress) socket.getLocalSocketAddress());
        }
        final ClientReport report = undisturbed(() -> run(plan(unused, 10, 500, 100, Duration.ZERO)),
                client -> client.sent() + client.sendErrors(), 250, 250);
        assertEquals(0, report.received());
        assertEquals(0, report.flowsAnswered());
        assertEquals(0, report.rttMicros(99));
    }

    @Test
    void partsInProcessesOfTheirOwnAddUpToOneReport() {
        final ClientReport report = undisturbed(LabTest::inTwoProcesses, ClientReport::sent, 500 - 31, 500 + 31);
        assertNothingWrong(report);
        assertEquals(31, report.flows());
        assertEquals(31, report.flowsAnswered());
        assertTrue(report.rttMicros(50) > 0);
    }

    private static ClientReport inTwoProcesses() {
        try (Echo echo = echo(); StopSignal stop = new StopSignal()) {
            final ClientReport report = ClientFleet.runInProcesses(
                    plan(echo.endpoint(), 31, 1_000, 100, LINGER), 2, stop, now -> { });
            assertEquals(echo.report().received(), report.sent());
            return report;
        }
    }

    @Test
    void aFailureInAPartIsTheFailureOfTheRun() {
        try (Echo echo = echo(); StopSignal stop = new StopSignal()) {
            final ClientPlan plan = new ClientPlan(echo.endpoint(), 10, 100, BRIEF, 100,
                    List.of(SocketAddress.of(0xC0000207, 0)), 41_000, 41_999, 100, LINGER);
            final Failure failure = assertThrows(
                    Failure.class, () -> ClientFleet.runInProcesses(plan, 2, stop, now -> { }));
            assertTrue(failure.getMessage().contains("cannot send from 192.0.2.7"), failure.getMessage());
        }
    }

    @Test
    void aForeignClientGetsEachOfItsDatagramsBack() throws IOException {
        final SplittableRandom random = new SplittableRandom(7890);
        try (Echo echo = echo(); DatagramSocket foreign = loopbackSocket()) {
            final InetSocketAddress server = new InetSocketAddress(
                    InetAddress.getLoopbackAddress(), SocketAddress.portHost(echo.endpoint()));
            for (final int length : new int[] {0, 1, 31, 1_472, 1_473, 9_000, 65_507, 0, 5}) {
                final byte[] bytes = new byte[length];
                random.nextBytes(bytes);
                foreign.send(new DatagramPacket(bytes, length, server));
                final DatagramPacket answer = new DatagramPacket(new byte[65_536], 65_536);
                foreign.receive(answer);
                assertArrayEquals(bytes, Arrays.copyOf(answer.getData(), answer.getLength()));
                assertEquals(server, answer.getSocketAddress());
            }
        }
    }

    @Test
    void aTakenPortIsAFailureThatNamesItAndTheMend() {
        try (Echo first = echo()) {
            final Failure failure = assertThrows(Failure.class, () -> new Echo(first.endpoint(), 1));
            assertEquals(Failure.FAILED, failure.exitCode());
            assertTrue(failure.getMessage().startsWith("cannot listen on " + SocketAddress.text(first.endpoint())
                    + ": bind: Address already in use (errno 98). Fix: "), failure.getMessage());
        }
    }

    @Test
    void tooFewSourcePortsAreAFailureThatSaysSo() {
        try (Echo echo = echo()) {
            final ClientPlan plan = new ClientPlan(
                    echo.endpoint(), 11, 100, BRIEF, 100, List.of(ANY_PORT), 41_000, 41_009, 100, LINGER);
            final Failure failure = assertThrows(Failure.class, () -> run(plan));
            assertTrue(failure.getMessage().contains("41000-41009 of 127.0.0.1"), failure.getMessage());
        }
    }

    @Test
    void aWishToStopEndsTheRunWithItsReport() {
        try (Echo echo = echo(); StopSignal stop = new StopSignal()) {
            final ClientPlan plan = new ClientPlan(echo.endpoint(), 10, 1_000, Duration.ofHours(1), 100,
                    List.of(ANY_PORT), 40_000, 60_000, 1_000, LINGER);
            final List<ClientReport> progress = new ArrayList<>();
            final ClientReport report = new Client(plan, stop, now -> {
                progress.add(now);
                stop.wish();
            }).run();
            assertEquals(1, progress.size());
            assertTrue(report.sent() >= progress.getFirst().sent());
            assertNothingWrong(report);
        }
    }

    private static Echo echo() {
        final Echo echo = new Echo(ANY_PORT, 2);
        echo.start();
        return echo;
    }

    private static ClientPlan plan(final long target, final int flows, final double rate, final int payload,
            final Duration linger) {
        return new ClientPlan(target, flows, rate, BRIEF, payload, List.of(ANY_PORT), 40_000, 60_000, 100_000, linger);
    }

    private static ClientReport run(final ClientPlan plan) {
        try (StopSignal stop = new StopSignal()) {
            return new Client(plan, stop, now -> { }).run();
        }
    }

    /** A client that loses its core for 100 ms puts off for good what it owed: it is run again until none was. */
    private static <T> T undisturbed(final Supplier<T> run, final ToLongFunction<T> sent, final long least,
                                     final long most) {
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        T report = run.get();
        while (sent.applyAsLong(report) < least && System.nanoTime() < deadline) {
            report = run.get();
        }
        final long packets = sent.applyAsLong(report);
        assertTrue(packets >= least && packets <= most, "sent " + packets + ", not " + least + " to " + most);
        return report;
    }

    private static void assertNothingWrong(final ClientReport report) {
        assertEquals(0, report.lost() + report.reordered() + report.duplicated() + report.corrupted()
                + report.unexpected() + report.sendErrors(), report.text());
    }

    private static DatagramSocket loopbackSocket() throws SocketException {
        final DatagramSocket socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
        socket.setSoTimeout(10_000);
        return socket;
    }
}
