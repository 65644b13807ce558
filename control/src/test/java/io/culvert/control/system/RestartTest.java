// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.StopSignal;
import io.culvert.control.lab.ClientFleet;
import io.culvert.control.lab.ClientPlan;
import io.culvert.control.lab.ClientReport;
import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A relay ends, well or not, and another goes on with its streams; over AF_XDP. */
class RestartTest {
    private static final InetSocketAddress FIRST = at(RelayLab.LISTENER, 7890);
    private static final InetSocketAddress SECOND = at(RelayLab.LISTENER, 7891);
    private static final InetSocketAddress NOISE = at(RelayLab.LISTENER, 7892);
    private static final int FLOWS = 100;
    private static final String RULES = """
            defaults: { snat: { address: 192.0.2.1 } }
            rules:
              - { name: first, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
              - { name: second, listen: "198.51.100.1:7891/udp", target: "192.0.2.2:7891" }
              - { name: noise, listen: "198.51.100.1:7892/udp", target: "192.0.2.2:7892" }
            """;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, RULES);

    private final List<UdpEnd> clients = new ArrayList<>();
    /** The external port of each client, as the server saw it. */
    private final Map<UdpEnd, InetSocketAddress> externals = new HashMap<>();
    private UdpEnd firstServer;
    private UdpEnd secondServer;

    @BeforeEach
    void openSockets() {
        firstServer = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890);
        secondServer = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7891);
        for (int i = 0; i < FLOWS; i++) {
            // All from the same port, so that the external one is not given by it.
            LAB.client().ip("addr replace 198.51.100." + (100 + i) + "/24 dev " + RelayLab.CLIENT_LINK);
            final UdpEnd client = UdpEnd.open(LAB.client(), "198.51.100." + (100 + i), 45_000);
            clients.add(client);
            externals.put(client, i % 2 == 0 ? client.talk(FIRST, firstServer).from()
                    : client.talk(SECOND, secondServer).from());
        }
    }

    @AfterEach
    void closeSockets() {
        clients.forEach(UdpEnd::close);
        firstServer.close();
        secondServer.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"KILL", "TERM"})
    @Tag("RFC4787-REQ-11")
    void everyFlowGoesOnWithItsExternalPortAndEveryCounterFromItsCount(final String signal) throws Exception {
        final RelayProcess before = LAB.relay();
        final long sessions = before.counters().sessions();
        try (StopSignal stop = new StopSignal()) {
            final CompletableFuture<ClientReport> traffic = CompletableFuture.supplyAsync(() -> send(stop));
            final long packets = before.counters().packets("noise", "forward");
            Eventually.holds("a thousand packets pass",
                    () -> before.counters().packets("noise", "forward") > packets + 1_000);
            before.signal(signal);
            before.awaitExit();
            stop.wish();
            traffic.join();
        }
        final List<Long> counts = totals(before.counters());
        final RelayProcess after = LAB.startRelay();
        final long noise = before.counters().sessions() - sessions;
        assertTrue(after.output().contains("goes on with its predecessor's sessions (process "), after.output());
        assertTrue(after.output().contains(": " + (sessions + noise) + " kept, 0 ended\n"), after.output());
        assertEquals(sessions + noise, after.counters().sessions());
        final List<Long> continued = totals(after.counters());
        for (int series = 0; series < counts.size(); series++) {
            final String name = after.counters().file().workerSeries().get(series);
            assertTrue(!name.contains("_total") || continued.get(series) >= counts.get(series),
                    name + " fell from " + counts.get(series) + " to " + continued.get(series));
        }
        for (int i = 0; i < FLOWS; i++) {
            assertGoesOn(clients.get(i), i % 2 == 0 ? FIRST : SECOND, i % 2 == 0 ? firstServer : secondServer);
        }
        assertEquals(sessions + noise, after.counters().sessions(), "no flow needed a new session");
    }

    /** The target of the second rule moves: what it relayed ends, and the packets that follow go to the new target. */
    @Test
    void onlyTheSessionsOfAChangedRuleEnd() throws Exception {
        final RelayProcess before = LAB.relay();
        before.signal("KILL");
        before.awaitExit();
        final long created = before.counters().created("first");
        final String changed = LAB.configuration().replace("target: \"192.0.2.2:7891\"", "target: \"192.0.2.2:7893\"");
        final RelayProcess after = LAB.startRelay(changed);
        try (UdpEnd moved = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7893)) {
            assertTrue(after.output().contains(FLOWS / 2 + " rule changed)"), after.output());
            assertEquals(FLOWS / 2, after.counters().endedByRestart("second"));
            for (int i = 0; i < FLOWS; i += 2) {
                assertGoesOn(clients.get(i), FIRST, firstServer);
                clients.get(i + 1).talk(SECOND, moved);
            }
            assertEquals(created, after.counters().created("first"), "no flow of the first rule needed a new session");
        } finally {
            after.signal("TERM");
            assertEquals(0, after.awaitExit(), after.output());
            LAB.startRelay();
        }
    }

    /** As many as the rule may have now, so that one more is refused; nobody ends for it. */
    @Test
    void whatIsKeptCountsForTheRulesNewLimit() throws Exception {
        final RelayProcess before = LAB.relay();
        before.signal("KILL");
        before.awaitExit();
        final RelayProcess after = LAB.startRelay(LAB.configuration().replace(
                "target: \"192.0.2.2:7890\" }", "target: \"192.0.2.2:7890\", maxSessions: " + FLOWS / 2 + " }"));
        final long refused = after.counters().dropped("edge", DropReason.RULE_LIMIT);
        try (UdpEnd newcomer = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
            newcomer.send("one too many", FIRST);
            Eventually.holds("the newcomer is counted as rule_limit",
                    () -> after.counters().dropped("edge", DropReason.RULE_LIMIT) == refused + 1);
            for (int i = 0; i < FLOWS; i += 2) {
                assertGoesOn(clients.get(i), FIRST, firstServer);
            }
        } finally {
            after.signal("TERM");
            assertEquals(0, after.awaitExit(), after.output());
            LAB.startRelay();
        }
    }

    @Test
    void coldStartsWithNothing() throws Exception {
        final RelayProcess before = LAB.relay();
        before.signal("TERM");
        before.awaitExit();
        final RelayProcess after = LAB.startRelay(LAB.configuration(), "--cold");
        assertEquals(0, after.counters().sessions());
        assertEquals(0, after.counters().created("first"));
        clients.getFirst().talk(FIRST, firstServer);
        assertEquals(1, after.counters().sessions());
    }

    private void assertGoesOn(final UdpEnd client, final InetSocketAddress listener, final UdpEnd server) {
        // The target speaks first: only a session that is still there lets it through.
        server.send("still there?", externals.get(client));
        final Datagram answer = client.receive();
        assertEquals("still there?", answer.text());
        assertEquals(listener, answer.from());
        assertEquals(externals.get(client), client.talk(listener, server).from());
    }

    private static ClientReport send(final StopSignal stop) {
        final ClientPlan plan = new ClientPlan(SocketAddress.of(NOISE), 50, 20_000, Duration.ofHours(1), 100,
                List.of(SocketAddress.of(at(RelayLab.CLIENT, 0))), 10_000, 20_000, 10_000, Duration.ZERO);
        return LAB.client().call(() -> ClientFleet.run(plan, stop, now -> { }));
    }

    private static List<Long> totals(final RelayCounters counters) {
        final List<Long> totals = new ArrayList<>();
        for (int series = 0; series < counters.file().workerSeries().size(); series++) {
            totals.add(counters.file().total(series));
        }
        return totals;
    }
}
