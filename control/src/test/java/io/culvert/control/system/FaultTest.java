// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.view.Counters;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a relay holds on to fails under it: DPDK calls, and its mapped files. */
class FaultTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final String FAILURES = "culvert_port_statistics_failures_total{port=\"edge\"}";

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890", snat: { address: 192.0.2.1 } }
            """).withFaults();

    /** Drivers fail these while they are reset; the relay asks once a second. */
    @ParameterizedTest
    @ValueSource(strings = {"rte_eth_stats_get", "rte_eth_dev_info_get"})
    void aDeviceThatDoesNotSayWhatItCountedEndsNothing(final String function) throws IOException {
        final RelayProcess relay = LAB.relay();
        final Counters counters = new Counters(relay.counters().file());
        final int said = relay.output().split("stand still", -1).length;
        LAB.fail(function, "");
        try {
            final long before = counters.process(FAILURES);
            Eventually.holds(() -> "three rounds of housekeeping fail: " + relay.output(),
                    () -> !relay.isAlive() || counters.process(FAILURES) >= before + 3);
            assertTrue(relay.isAlive(), relay::output);
            assertEquals(said + 2, relay.output().split("stand still", -1).length,
                    () -> "a line for each port, not one a second: " + relay.output());
            assertTrue(relay.output().contains("port \"edge\": " + function + "("), relay::output);
            assertRelays();
            final long heartbeat = counters.file().heartbeatMs();
            Eventually.holds("housekeeping goes on", () -> counters.file().heartbeatMs() > heartbeat);
        } finally {
            LAB.mend(function);
        }
        Eventually.holds(() -> "the devices answer again: " + relay.output(),
                () -> relay.output().stripTrailing().endsWith("the device's own counters go on"));
        assertRelays();
    }

    /** What was opened before is closed again, or the next start would find the interface in use. */
    @Test
    void aPortThatDoesNotStartIsNamedAndNothingOfItStays() throws Exception {
        LAB.fail("rte_eth_dev_start", "net_tap9");
        final RelayProcess refused;
        try {
            refused = LAB.launch(beside());
            assertEquals(1, refused.awaitExit(), refused::output);
        } finally {
            LAB.mend("rte_eth_dev_start");
        }
        assertTrue(refused.output().contains("error: rte_eth_dev_start(net_tap9,iface=faulty0): "), refused::output);
        assertFalse(refused.output().contains("\tat "), refused::output);
        final RelayProcess second = LAB.start(beside());
        second.signal("TERM");
        assertEquals(0, second.awaitExit(), second::output);
        assertRelays();
    }

    private static String beside() {
        return """
                instance: %s
                ports:
                  lan: { device: "net_tap9,iface=faulty0", address: 203.0.113.1/24, mac: "02:00:5e:00:53:09" }
                memory: { huge: false }
                metrics: none
                rules:
                  - { name: own, listen: "203.0.113.1:7890/udp", target: "203.0.113.9:7890", snat: none }
                """.formatted(RelayLab.instance("faulty"));
    }

    /** A running relay has them mapped; the next one starts with nothing. */
    @Test
    void filesThatAreRemovedUnderItEndNothing() throws Exception {
        final RelayProcess first = LAB.relay();
        assertRelays();
        for (final Path file : List.of(first.instance().flowsFile(0), first.instance().countersFile(),
                first.instance().neighborsFile())) {
            Files.delete(file);
        }
        assertRelays();
        first.signal("TERM");
        assertEquals(0, first.awaitExit(), first::output);
        final RelayProcess next = LAB.startRelay();
        assertFalse(next.output().contains("predecessor"), next::output);
        assertRelays();
    }

    /** Only the relay's user and root can. Its stores have no memory any more, so it ends; the next one recovers. */
    @Test
    void aFlowTableThatIsCutOffEndsTheRelayAndTheNextStartsWithoutIt() throws Exception {
        final RelayProcess first = LAB.relay();
        assertRelays();
        cut(first.instance().flowsFile(0));
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
            Eventually.holds("the relay ends", () -> {
                client.send("touch the table", LISTENER);
                return !first.isAlive();
            });
        }
        assertNotEquals(0, first.awaitExit(), first::output);
        assertTrue(LAB.startRelay().output().contains("starts without the sessions of its predecessor"));
        assertRelays();
    }

    private static void cut(final Path file) throws IOException {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(0);
        }
    }

    private static void assertRelays() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(LISTENER, server);
        }
    }
}
