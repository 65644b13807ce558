// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.FlowFile;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SizingCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void theSizingCaseOfTheDesignComesOut() {
        final Sizing sizing = new Sizing(50_000, 1_000_000, 800, 60);
        assertEquals(7_812_500, sizing.packetsPerSecondPerDirection());
        assertEquals(50, sizing.payloadGigabitsPerSecondPerDirection());
        assertEquals(866, sizing.wireBytesPerPacket());
        assertEquals(54.125, sizing.wireGigabitsPerSecondPerDirection());
        assertEquals(2, sizing.cores());
        assertEquals(100_000, sizing.flows());
        assertEquals(FlowFile.bytesFor(50_000), sizing.flowTableBytes());
        assertEquals(1, sizing.snatAddresses());
        assertEquals(1_048.576, sizing.rxRingMicros(), 0.001);
    }

    @Test
    void theShortestFramesArePadded() {
        assertEquals(84, new Sizing(1, 1_000, 1, 60).wireBytesPerPacket());
        assertEquals(84, new Sizing(1, 1_000, 18, 60).wireBytesPerPacket());
        assertEquals(85, new Sizing(1, 1_000, 19, 60).wireBytesPerPacket());
    }

    @ParameterizedTest
    @CsvSource({"1, 1", "64512, 1", "64513, 2", "129024, 2", "129025, 3"})
    void anAddressLendsItsPortsAndNoMore(final long streams, final long addresses) {
        assertEquals(addresses, new Sizing(streams, 1_000, 100, 60).snatAddresses());
    }

    @Test
    void jsonCarriesRawIntegersWithUnitsInTheirNames() {
        assertEquals(0, sizing("--streams", "50000", "--bitrate", "1M", "--packet-size", "800", "-o", "json"));
        assertTrue(out.toString().contains("\"packetsPerSecondPerDirection\": 7812500,"), out.toString());
        assertTrue(out.toString().contains("\"wireBitsPerSecondPerDirection\": 54125000000,"), out.toString());
        assertTrue(out.toString().contains("\"kind\": \"Sizing\""), out.toString());
    }

    @Test
    void theTableReadsWithUnits() {
        assertEquals(0, sizing("--streams", "50000", "--bitrate", "1M", "--packet-size", "800"));
        assertTrue(out.toString().startsWith(
                "packets      7,812,500/s per direction, 15,625,000/s in both"), out.toString());
    }

    @ParameterizedTest
    @CsvSource({"0, 1M, 800, 60", "10, 1X, 800, 60", "10, -1, 800, 60", "10, 0, 800, 60", "10, 1M, 0, 60",
        "10, 1M, 9573, 60", "10, 1M, 800, 0", "10, 1M, 800, NaN", "10, 9999999G, 800, 60"})
    void nonsenseIsAUsageError(
            final String streams, final String bitrate, final String packetSize, final String cost) {
        assertEquals(2, sizing(
                "--streams", streams, "--bitrate", bitrate, "--packet-size", packetSize, "--cost", cost));
        assertEquals("", out.toString());
        assertTrue(err.toString().contains("Fix: "), err.toString());
    }

    private int sizing(final String... options) {
        final String[] arguments = new String[options.length + 1];
        arguments[0] = "sizing";
        System.arraycopy(options, 0, arguments, 1, options.length);
        return Culvert.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(arguments);
    }
}
