// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.view.Output;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.LocalDate;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class StallReportTest {
    static final Machine MACHINE =
            new Machine("CPU <x>", 2, 1.0, "6.1", "25", "DPDK 22.11.0", LocalDate.of(2026, 11, 23));

    private final StallReport report = new StallReport(new StallPlan(4, 1_000, 500, 800, 64), MACHINE, false, true,
            List.of(side(1, 2_000, 90_000), side(0, 2_000, 30_000)),
            List.of(side(0, 2_000, 10_000), side(0, 2_000, 20_000)), new Disturbance.Count(20, 3, 4));

    private static StallReport.Side side(final long lost, final long... gaps) {
        final Gaps recorded = new Gaps();
        LongStream.of(gaps).forEach(recorded::record);
        return new StallReport.Side(recorded, 1_000, lost);
    }

    @Test
    void jsonHasTheWorstGapsTheirRatioAndWhatWasLost() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            report.json(out);
        }
        final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("BenchStall", json.get("kind"));
        assertEquals(90.0, json.get("worstGapMicros"));
        assertEquals(20.0, json.get("worstGapMicrosC"));
        assertEquals(4.5, json.get("worstGapRatio"));
        assertEquals(60.0, json.get("worstGapOfSliceMicros"));
        assertEquals(4.0, json.get("worstGapOfSliceRatio"));
        assertEquals(1L, json.get("lost"));
        assertEquals(0L, json.get("lostC"));
        assertEquals(2_000L, json.get("received"));
        assertEquals(4_096L, json.get("ring"));
        assertEquals(Map.of("10", 1.0, "100", 0.0, "1000", 0.0), json.get("longerPerSecondByMicros"));
        assertTrue(((Map<?, ?>) json.get("gapMicros")).keySet().containsAll(List.of("p50", "p99", "p999", "p9999")));
        assertEquals(4L, json.get("collections"));
        assertEquals("2026-11-23", json.get("date"));
    }

    @Test
    void theTextSaysBothRatios() {
        final String text = String.join("\n", report.text());
        assertTrue(text.contains("worst gap, Java / C: 4.50; of a second's worst, the median: 4.00"), text);
        assertTrue(text.contains("20 scrapes of /metrics, 3 dumps of all sessions, 4 collections"), text);
    }

    @Test
    void theChartNamesMachineAndDateAndHasItsOwnGround() {
        final String svg = report.svg();
        assertTrue(svg.contains("CPU &lt;x&gt;") && svg.contains("2026-11-23"), svg);
        assertTrue(svg.contains("class=\"ground\"") && svg.contains("prefers-color-scheme: dark"), svg);
        assertEquals(2, svg.split("<polyline").length - 1, "a curve for each");
        assertFalse(svg.contains("NaN") || svg.contains("Infinity"), svg);
    }
}
