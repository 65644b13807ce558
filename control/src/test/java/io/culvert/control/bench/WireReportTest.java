// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.bench.WireReport.Figure;
import io.culvert.control.view.Output;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.LocalDate;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class WireReportTest {
    private static final double EXACT = 1e-9;
    private static final Machine MACHINE = new Machine("a CPU", 2, 2.5, "6.1", "25", "DPDK 22.11",
            LocalDate.of(2026, 1, 2));

    /** testpmd 20 Mpps everywhere; the relay 16, 18 and 10 in three rounds, half of it at 800 bytes. */
    private static WireReport report() {
        final List<Figure> figures = new ArrayList<>();
        for (final int size : WirePlan.FRAME_SIZES) {
            for (final WireDevice device : WireDevice.values()) {
                final boolean relay = device == WireDevice.CULVERT;
                final double unit = relay && size == 800 ? 5e5 : 1e6;
                figures.add(new Figure(size, device,
                        relay ? List.of(16 * unit, 18 * unit, 10 * unit) : List.of(20e6, 20e6, 20e6),
                        relay ? 0.5 : 0.001, 0.0001, relay ? 8e6 : 16e6, !relay));
            }
        }
        return new WireReport(MACHINE, true, figures);
    }

    @Test
    void jsonSaysTheWorseOfBothSizesAndEachSizeOfItsOwn() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            report().json(out);
        }
        final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("BenchWire", json.get("kind"));
        assertEquals(0.4, (double) json.get("ratioTo5tswap"), EXACT);
        assertEquals(0.4, (double) json.get("ratioToIo"), EXACT);
        final Map<?, ?> small = (Map<?, ?>) ((List<?>) json.get("sizes")).getFirst();
        assertEquals(64L, small.get("frameSize"));
        assertEquals(0.8, (double) small.get("ratioTo5tswap"), EXACT);
        assertEquals(0.5, (double) small.get("lossFreeRatioTo5tswap"), EXACT);
        final List<?> devices = (List<?>) small.get("devices");
        assertEquals(List.of("culvert", "io", "macswap", "5tswap"),
                devices.stream().map(device -> ((Map<?, ?>) device).get("device")).toList());
        final Map<?, ?> relay = (Map<?, ?>) devices.getFirst();
        assertEquals(16.0, ((Number) relay.get("saturatedMpps")).doubleValue(), EXACT);
        assertEquals(8.0, ((Number) relay.get("lossFreeMpps")).doubleValue(), EXACT);
        assertEquals(false, relay.get("generatorLimits"));
        assertEquals("a CPU", json.get("cpu"));
    }

    @Test
    void textSaysWhereTheGeneratorIsTheLimit() {
        final List<String> lines = report().text();
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("testpmd io") && line.contains("generator")));
        assertTrue(lines.stream().noneMatch(line -> line.startsWith("Culvert  ") && line.contains("generator")));
        assertTrue(lines.contains("Culvert / testpmd 5tswap: 0.800 (0.500 to 0.900 over 3 rounds)"), lines.toString());
    }

    @Test
    void theChartHasABarForEachDeviceAndSize() {
        assertEquals(8, report().svg().split("<title>").length - 1);
    }
}
