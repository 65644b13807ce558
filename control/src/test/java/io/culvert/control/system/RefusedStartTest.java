// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What cannot start says so in a few lines and ends, and does no harm to the relay that runs beside it. */
class RefusedStartTest {
    private static final Path MEMINFO = Path.of("/proc/meminfo");
    /** The message, and what DPDK and libxdp have to say. */
    private static final int LINES_LIMIT = 12;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.oneArm(RelayLab.Driver.AF_XDP, """
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "198.51.100.3:7890", snat: none }
            """);

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', value = {
        "net_af_xdp5,iface=nosuch0           | the interface it names exists",
        "net_af_xdp5                         | the interface it names exists",
        "net_af_xdp5,iface=lo,nonsense=1     | its arguments",
        "net_nosuch5,iface=lo                | the driver's name",
        "net_tap5,iface=name_that_is_far_too_long | its arguments",
        "0000:ff:1f.7                        | culvert-host-prepare",
    })
    void aDeviceThatCannotBeOpenedIsNamedWithTheMend(final String device, final String mend) throws Exception {
        final String output = refused(configuration(device, "{ huge: false }"), 1);
        assertTrue(output.contains("error: "), output);
        assertTrue(output.contains(device.split(",")[0]), output);
        assertTrue(output.matches("(?s).*\\(errno \\d+\\).*|(?s).*: [A-Z][a-z ]+.*"), "DPDK's reason: " + output);
        assertTrue(output.contains("Fix: ") && output.contains(mend), output);
    }

    @Test
    void anInterfaceThatAnotherRelayUsesIsRefused() throws Exception {
        final String output = refused(configuration("net_af_xdp5,iface=edge0", "{ huge: false }"), 1);
        assertTrue(output.contains("net_af_xdp5"), output);
        assertTrue(output.contains("Fix: "), output);
    }

    @Test
    void hugePagesThatAreNotThereAreNamedWithTheMend() throws Exception {
        assumeTrue(Files.readString(MEMINFO).matches("(?s).*HugePages_Free: +0\n.*"), "this host has huge pages");
        final String output = refused(configuration("net_null5", "{ huge: true }"), 1);
        assertTrue(output.startsWith("error: memory: { huge: true } needs "), output);
        assertTrue(output.contains("Fix: run deploy/host/culvert-host-prepare, or set memory: { huge: false }"), output);
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
