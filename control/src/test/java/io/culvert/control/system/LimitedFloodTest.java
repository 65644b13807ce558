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
import io.culvert.control.lab.Echo;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** A million packets from made-up sources against a relay with limits, while clients talk; over AF_XDP. */
class LimitedFloodTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final InetSocketAddress OTHER_LISTENER = at(RelayLab.LISTENER, 7891);
    private static final int FLOWS = 500;
    private static final int SPOOFED = 1_000_000;
    private static final List<DropReason> LIMITS = List.of(DropReason.RATE_LIMITED, DropReason.RULE_RATE_LIMITED,
            DropReason.SOURCE_RATE_LIMITED, DropReason.RULE_LIMIT, DropReason.SOURCE_LIMIT,
            DropReason.UNANSWERED_LIMIT);
    /** What else could befall a client's packet or its answer. */
    private static final List<DropReason> FAILURES = List.of(DropReason.NO_RULE, DropReason.NO_SESSION,
            DropReason.FLOW_TABLE_FULL, DropReason.SNAT_EXHAUSTED, DropReason.TUPLE_IN_USE,
            DropReason.NEIGHBOR_TABLE_FULL, DropReason.NO_MBUF, DropReason.TX_RING_FULL);

    /** The clients all have one address, so a source may have their sessions and some more. */
    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            limits: { flows: 8000, unanswered: 1000, perSource: { maxSessions: 600, newPerSecond: 600 } }
            rules:
              - name: media
                listen: "198.51.100.1:7890/udp"
                target: "192.0.2.2:7890"
                snat: { address: 192.0.2.1 }
                unansweredTimeout: 1s
                newPerSecond: 600
                maxSessions: 1200
              - name: other
                listen: "198.51.100.1:7891/udp"
                target: "192.0.2.2:7890"
                snat: { address: 192.0.2.1 }
            """);

    @Test
    @Tag("RFC6888-REQ-11d")
    void clientsLoseNothingAndKeepTheirSessionsWhileAMillionSpoofedFlowsAreRefusedByName() throws Exception {
        final long endpoint = SocketAddress.of(at(RelayLab.SERVER, 7890));
        try (StopSignal stop = new StopSignal();
                Echo echo = LAB.server().call(() -> {
                    final Echo created = new Echo(endpoint, 1);
                    created.start();
                    return created;
                })) {
            final CompletableFuture<ClientReport> clients = CompletableFuture.supplyAsync(() -> talk(stop));
            Eventually.holds("all clients are answered", () -> LAB.counters().packets("media", "reply") > 4 * FLOWS);
            final Set<InetSocketAddress> before = talking();
            assertEquals(FLOWS, before.size());

            final long spoofed = Flood.send(LAB, LISTENER, SPOOFED, LimitedFloodTest::judged);

            assertEquals(before, talking(), "whoever had a session has it");
            try (UdpEnd newcomer = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
                newcomer.send("another rule has its own limits", OTHER_LISTENER);
                Eventually.holds("the other rule opens a session", () -> LAB.counters().created("other") == 1);
            }
            stop.wish();
            final ClientReport report = clients.join();
            assertEquals(FLOWS, report.flowsAnswered(), report.text());
            assertEquals(0, report.corrupted() + report.duplicated(), report.text());
            assertNothingRefusedButStrangers(report);
            assertTrue(echo.report().received() >= report.received(), report.text());
            // Which comes first depends on how fast this machine floods.
            assertTrue(LAB.counters().dropped("edge", DropReason.RULE_LIMIT)
                    + LAB.counters().dropped("edge", DropReason.RULE_RATE_LIMITED) > 0, "the rule's limits hold");
            assertEquals(spoofed, judged());
        }
    }

    /**
     * Whatever of the clients reached the relay left it again: nothing was dropped but strangers by a limit, and what
     * the server answered to strangers, who do not answer ARP. A busy machine's veth may lose some on the way there.
     */
    private static void assertNothingRefusedButStrangers(final ClientReport report) {
        final long strangers = LAB.counters().created("media") - FLOWS;
        final long unanswerable = LAB.counters().dropped("inner", DropReason.NEIGHBOR_UNRESOLVED);
        for (final DropReason reason : FAILURES) {
            assertEquals(0, LAB.counters().dropped("edge", reason), reason.label() + " on edge");
            assertEquals(0, LAB.counters().dropped("inner", reason), reason.label() + " on inner");
        }
        assertEquals(0, LAB.counters().dropped("edge", DropReason.NEIGHBOR_UNRESOLVED));
        assertTrue(unanswerable <= strangers, unanswerable + " answers to " + strangers + " strangers");
        Flood.assertLostByTheWireAlone(report);
    }

    /** The clients of the lab that have a session. */
    private static Set<InetSocketAddress> talking() {
        return LAB.relay().clients().stream()
                .filter(client -> client.getAddress().getHostAddress().equals(RelayLab.CLIENT))
                .collect(Collectors.toSet());
    }

    private static ClientReport talk(final StopSignal stop) {
        final ClientPlan plan = new ClientPlan(SocketAddress.of(LISTENER), FLOWS, 1_000, Duration.ofHours(1), 100,
                List.of(SocketAddress.of(at(RelayLab.CLIENT, 0))), 10_000, 20_000, 10_000, Duration.ofSeconds(10));
        return LAB.client().call(() -> ClientFleet.run(plan, stop, now -> { }));
    }

    /** Spoofed packets that opened a session or were refused one by a limit. */
    private static long judged() {
        return LAB.counters().created("media") - FLOWS
                + LIMITS.stream().mapToLong(reason -> LAB.counters().dropped("edge", reason)).sum();
    }
}
