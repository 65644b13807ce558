// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.StopSignal;
import io.culvert.control.lab.ClientFleet;
import io.culvert.control.lab.ClientPlan;
import io.culvert.control.lab.ClientReport;
import io.culvert.dataplane.stats.CounterFile.State;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The daemon meets signals, and daemons beside it; over AF_XDP. */
class LifecycleTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final String RULES = """
            rules:
              - name: echo
                listen: "198.51.100.1:7890/udp"
                target: "192.0.2.2:7890"
                snat: { address: 192.0.2.1 }
            """;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, RULES);

    @Test
    void sigtermUnderTrafficEndsItWell() throws Exception {
        try (StopSignal stop = new StopSignal()) {
            final CompletableFuture<ClientReport> traffic = CompletableFuture.supplyAsync(() -> send(stop));
            final RelayProcess first = LAB.relay();
            Eventually.holds("a thousand packets pass", () -> first.counters().packets("echo", "forward") > 1_000);
            first.signal("TERM");
            assertEquals(0, first.awaitExit(), first.output());
            assertEquals(State.STOPPED, first.counters().file().state());
            assertEquals(0, first.counters().imbalance(), "unaccounted for after the end");
            stop.wish();
            traffic.get(60, TimeUnit.SECONDS);
        }
        LAB.startRelay();
        assertRelays();
    }

    private static ClientReport send(final StopSignal stop) {
        final ClientPlan plan = new ClientPlan(SocketAddress.of(LISTENER), 50, 5_000, Duration.ofHours(1), 100,
                List.of(SocketAddress.of(at(RelayLab.CLIENT, 0))), 10_000, 20_000, 10_000, Duration.ZERO);
        return LAB.client().call(() -> ClientFleet.run(plan, stop, now -> { }));
    }

    @Test
    void sigtermDuringTheStartEndsItBeforeAPortOpens() throws Exception {
        final String name = RelayLab.instance("early");
        final RelayProcess starting = LAB.launch(spare(name, ""));
        // Taken first of all; what follows until the ports, EAL and the warm-up, takes a second at least.
        Eventually.holds("the start has begun", () -> Files.exists(starting.instance().lockFile()));
        starting.signal("TERM");
        assertEquals(0, starting.awaitExit(), starting.output());
        assertFalse(starting.output().contains("is ready"), starting.output());
        assertFalse(Files.exists(starting.instance().countersFile()), "it went on to its ports and tables");
    }

    @Test
    void isNotReadyBeforeEveryWorkerPolls() throws Exception {
        final RelayProcess broken = LAB.launch(spare(RelayLab.instance("coreless"), "workers: { cores: [1000] }"));
        assertEquals(1, broken.awaitExit(), broken.output());
        assertFalse(broken.output().contains("is ready"), broken.output());
    }

    /** A relay beside the lab's own, on a device that nobody else has. */
    private static String spare(final String name, final String more) {
        return """
                instance: %s
                ports:
                  lan: { device: "net_tap8,iface=spare0", address: 203.0.113.1/24, mac: "02:00:5e:00:53:08" }
                memory: { huge: false }
                metrics: none
                %s
                rules:
                  - { name: own, listen: "203.0.113.1:7890/udp", target: "203.0.113.9:7890", snat: none }
                """.formatted(name, more);
    }

    @Test
    void countersAndFlowsAreReadableWhileItIsStopped() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(LISTENER, server);
            Eventually.holds("the ledger balances", () -> LAB.counters().imbalance() == 0);
            LAB.relay().signal("STOP");
            try {
                assertTrue(LAB.relay().clients().contains(client.local()));
                assertEquals(State.READY, LAB.counters().file().state());
                assertTrue(LAB.counters().packets("echo", "reply") > 0);
                client.send("while it is stopped", LISTENER);
            } finally {
                LAB.relay().signal("CONT");
            }
            assertEquals("while it is stopped", server.receive().text());
            client.talk(LISTENER, server);
        }
    }

    @Test
    void afterAKillTheNextOneWorksAtOnce() throws Exception {
        final RelayProcess killed = LAB.relay();
        assertRelays();
        killed.signal("KILL");
        assertEquals(128 + 9, killed.awaitExit());
        LAB.startRelay();
        assertRelays();
    }

    @Test
    void aSecondDaemonOfTheSameNameIsRefusedAndTheFirstGoesOn() throws Exception {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final InetSocketAddress external = client.talk(LISTENER, server).from();
            final RelayProcess second = LAB.launch(LAB.configuration());
            assertEquals(1, second.awaitExit());
            assertTrue(second.output().startsWith("error: instance \"" + RelayLab.instance("lab")
                    + "\" is already running ("), second.output());
            assertTrue(second.output().contains("Fix: "), second.output());
            assertFalse(second.output().contains("\tat "), second.output());
            assertEquals(external, client.talk(LISTENER, server).from());
        }
    }

    @Test
    void aDaemonOfAnotherNameWorksBesideTheFirst() throws IOException, InterruptedException {
        final RelayProcess second = LAB.start("""
                instance: %s
                ports:
                  lan: { device: "net_tap9,iface=second0", address: 203.0.113.1/24, mac: "02:00:5e:00:53:09" }
                memory: { huge: false }
                metrics: none
                rules:
                  - { name: own, listen: "203.0.113.1:7890/udp", target: "203.0.113.9:7890", snat: none }
                """.formatted(RelayLab.instance("second")));
        LAB.host().ip("link set second0 netns " + LAB.client().name());
        LAB.client().ip("link set second0 up");
        LAB.client().ip("addr add 203.0.113.2/24 dev second0");
        LAB.client().exec("ping", "-c", "1", "-W", "10", "203.0.113.1");
        assertRelays();
        second.signal("TERM");
        assertEquals(0, second.awaitExit(), second.output());
        assertRelays();
    }

    private static void assertRelays() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(LISTENER, server);
        }
    }
}
