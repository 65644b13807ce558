// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.demo.OneWay.Measured;
import io.culvert.control.demo.OneWay.Way;
import io.culvert.control.view.Output;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class KernelReportTest {
    private static final double EXACT = 1e-6;
    private static final Machine MACHINE = new Machine("a CPU", 2, 2.5, "6.1", "25", "DPDK 22.11",
            LocalDate.of(2026, 1, 2));
    private static final Map<Way, List<Measured>> FULL = Map.of(
            Way.IPTABLES, List.of(new Measured(2, 400_000, 400_000, 2, 0)),
            Way.CULVERT, List.of(new Measured(2, 900_000, 500_000, 4, 2)));

    /** 100,000 packets: 0.2 s of CPU over the cable, 0.5 s through iptables, 0.3 s through Culvert. */
    private static KernelReport report(final long arrivedThroughCulvert) {
        return new KernelReport(new KernelPlan(500, 100_000, 758, true), MACHINE, Map.of(
                Way.STRAIGHT, List.of(new Measured(1, 100_000, 100_000, 0.2, 0)),
                Way.IPTABLES, List.of(new Measured(1, 100_000, 100_000, 0.5, 0)),
                Way.CULVERT, List.of(new Measured(1, 100_000, arrivedThroughCulvert, 0.3, 0.08))), FULL);
    }

    @Test
    void aPacketCostsWhatItCostsMoreThanOverTheCable() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            report(100_000).json(out);
        }
        final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("BenchKernel", json.get("kind"));
        final Map<?, ?> culvert = (Map<?, ?>) json.get("culvert");
        final Map<?, ?> iptables = (Map<?, ?>) json.get("iptables");
        assertEquals(1_000, number(culvert.get("cpuPerPacketNanos")), EXACT);
        assertEquals(800, number(culvert.get("processNanosPerPacket")), EXACT);
        assertEquals(3_000, number(iptables.get("cpuPerPacketNanos")), EXACT);
        assertEquals(2_000, number(json.get("sourceNanosPerPacket")), EXACT);
        assertEquals(3, number(json.get("ratio")), EXACT);
        assertEquals(250_000, number(culvert.get("packetsPerSecond")), EXACT);
        assertEquals(200_000, number(iptables.get("packetsPerSecond")), EXACT);
    }

    @Test
    void lossAtThePacedRateIsSaidBecauseItSpoilsTheComparison() {
        assertTrue(report(100_000).text().stream().noneMatch(line -> line.contains("lost")));
        assertTrue(report(90_000).text().contains("culvert lost 10.0 % at that rate: choose a lower --rate."));
    }

    @Test
    void theChartHasABarForEach() {
        assertEquals(2, report(100_000).svg().split("<title>").length - 1);
    }

    private static double number(final Object value) {
        return ((Number) value).doubleValue();
    }
}
