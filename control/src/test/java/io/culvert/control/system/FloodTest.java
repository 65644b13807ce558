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
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Packets from made-up sources fill the flow table while clients talk; over AF_XDP. */
class FloodTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final int FLOWS = 500;
    /** Sessions: half of limits.flows below. */
    private static final int TABLE = 1_000;
    private static final int SPOOFED = 20_000;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            limits: { flows: 2000 }
            rules:
              - name: media
                listen: "198.51.100.1:7890/udp"
                target: "192.0.2.2:7890"
                snat: { address: 192.0.2.1 }
            """);

    @Test
    @Tag("RFC6888-REQ-11d")
    void clientsLoseNothingWhileSpoofedSourcesFillTheTable() throws Exception {
        final long endpoint = SocketAddress.of(at(RelayLab.SERVER, 7890));
        try (StopSignal stop = new StopSignal();
                Echo echo = LAB.server().call(() -> {
                    final Echo created = new Echo(endpoint, 1);
                    created.start();
                    return created;
                })) {
            final CompletableFuture<ClientReport> clients = CompletableFuture.supplyAsync(() -> talk(stop));
            Eventually.holds("all clients are answered", () -> LAB.counters().packets("media", "reply") > 4 * FLOWS);
            assertEquals(FLOWS, LAB.counters().created("media"));
            final long spoofed = Flood.send(LAB, LISTENER, SPOOFED, FloodTest::judged);
            stop.wish();
            final ClientReport report = clients.join();

            assertEquals(0, report.corrupted() + report.duplicated(), report.text());
            assertEquals(FLOWS, report.flowsAnswered(), report.text());
            Flood.assertLostByTheWireAlone(report);
            assertTrue(echo.report().received() >= report.received(), report.text());
            assertEquals(TABLE, LAB.counters().created("media"));
            assertEquals(spoofed - (TABLE - FLOWS), LAB.counters().dropped("edge", DropReason.FLOW_TABLE_FULL));
        }
    }

    private static ClientReport talk(final StopSignal stop) {
        final ClientPlan plan = new ClientPlan(SocketAddress.of(LISTENER), FLOWS, 2_000, Duration.ofHours(1), 100,
                List.of(SocketAddress.of(at(RelayLab.CLIENT, 0))), 10_000, 20_000, 10_000, Duration.ofSeconds(10));
        return LAB.client().call(() -> ClientFleet.run(plan, stop, now -> { }));
    }

    /** Spoofed packets that opened a session or were refused one. */
    private static long judged() {
        return LAB.counters().created("media") - FLOWS
                + LAB.counters().dropped("edge", DropReason.FLOW_TABLE_FULL);
    }
}
