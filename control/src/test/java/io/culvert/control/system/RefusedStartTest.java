// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cannot start says so in a few lines and ends, and does no harm to the relay that runs beside it. */
class RefusedStartTest {
    /** The message, and what DPDK and libxdp have to say. */
    private static final int LINES_LIMIT = 12;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.oneArm(RelayLab.Driver.AF_XDP, """
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "198.51.100.3:7890", snat: none }
            """);

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', value = {
        "net_af_xdp5,iface=nosuch0                | without a reason | the interface it names exists",
        "net_af_xdp5,iface=lo,nonsense=1          | errno 22         | its arguments",
        "net_nosuch5,iface=lo                     | errno 14         | the driver's name",
        "net_tap5,iface=name_that_is_far_too_long | without a reason | its arguments",
        "0000:ff:1f.7                             | errno 19         | lspci -D",
    })
    void aDeviceThatCannotBeOpenedIsNamedWithTheReasonAndTheMend(
            final String device, final String reason, final String mend) throws Exception {
        final String output = refused(configuration(device, "{ huge: false }"), 1);
        final String error = output.lines().filter(line -> line.startsWith("error: ")).findFirst().orElseThrow();
        assertTrue(error.contains("(" + device + ")"), error);
        assertTrue(error.contains(reason), error);
        assertTrue(error.contains("Fix: ") && error.contains(mend), error);
    }

    @Test
    void anInterfaceThatAnotherRelayUsesIsRefused() throws Exception {
        final String output = refused(configuration("net_af_xdp5,iface=edge0", "{ huge: false }"), 1);
        assertTrue(output.startsWith(
                "error: net_af_xdp5,iface=edge0: another relay drives the interface edge0 ("), output);
        assertTrue(output.contains("Fix: "), output);
    }

    @Test
    void hugePagesThatAreNotThereAreNamedWithTheMend() throws Exception {
        final String output = refused(
                configuration("net_tap5,iface=refused0", "{ huge: true, megabytes: 1048576 }"), 1);
        assertTrue(output.startsWith("error: memory: { huge: true } needs 1048576 MiB of huge pages and "), output);
        assertTrue(output.endsWith("Fix: run culvert-host-prepare, or set memory: { huge: false }\n"),
                output);
    }

    @Test
    void aMetricsPortInUseIsNamedWithTheMend() throws Exception {
        final ServerSocket taken = LAB.host().call(() -> new ServerSocket(9470, 1, InetAddress.getByName("127.0.0.1")));
        try (taken) {
            final String output = refused(configuration("net_tap5,iface=refused0", "{ huge: false }")
                    .replace("metrics: none", "metrics: { listen: 127.0.0.1:9470 }"), 1);
            assertTrue(output.contains("127.0.0.1:9470"), output);
            assertTrue(output.contains("Fix: "), output);
        }
    }

    @Test
    void anInvalidConfigurationStartsNothing() throws Exception {
        final String yaml = configuration("net_tap5,iface=refused0", "{ huge: false }").replace("target:", "tarpit:");
        final String output = refused(yaml, 5);
        assertTrue(output.matches("(?s)error: .*\\.yaml:\\d+:\\d+: .*\"tarpit\".*Fix: .*"), output);
        assertFalse(LAB.host().ip("link").contains("refused0"), "the device was opened");
    }

    private static String configuration(final String device, final String memory) {
        return """
                instance: %s
                ports:
                  lan: { device: "%s", address: 203.0.113.1/24 }
                memory: %s
                metrics: none
                rules:
                  - { name: own, listen: "203.0.113.1:7890/udp", target: "203.0.113.9:7890", snat: none }
                """.formatted(RelayLab.instance("refused"), device, memory);
    }

    /** @return what it printed */
    private static String refused(final String yaml, final int exitCode) throws IOException, InterruptedException {
        final RelayProcess started = LAB.launch(yaml);
        assertEquals(exitCode, started.awaitExit(), started.output());
        final String output = started.output();
        assertFalse(output.contains("\tat "), output);
        assertFalse(output.contains("is ready"), output);
        assertTrue(output.lines().count() <= LINES_LIMIT, output);
        assertTrue(LAB.relay().isAlive());
        LAB.client().exec("ping", "-c", "1", "-W", "10", RelayLab.LISTENER);
        return output;
    }
}
