// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.demo.StartExperiment.Result;
import io.culvert.control.view.Output;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class StartReportTest {
    private final StartReport report = new StartReport(new StartPlan(3, 1_000, 20_000, 800), StallReportTest.MACHINE,
            List.of(new Result(Duration.ofMillis(3_100), 100, 0), new Result(Duration.ofMillis(2_900), 100, 2),
                    new Result(Duration.ofMillis(4_000), 100, 0)));

    @Test
    void jsonHasTheMedianStartAndAllLosses() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            report.json(out);
        }
        final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("BenchStart", json.get("kind"));
        assertEquals(3_100.0, json.get("readyMillis"));
        assertEquals(Map.of("min", 2_900.0, "median", 3_100.0, "max", 4_000.0), json.get("readyMillisRange"));
        assertEquals(300L, json.get("sent"));
        assertEquals(2L, json.get("lost"));
        assertEquals(List.of(0L, 2L, 0L), json.get("lostByStart"));
        assertEquals(5L, json.get("seconds"));
    }

    @Test
    void theTextSaysBoth() {
        final String text = String.join("\n", report.text());
        assertTrue(text.contains("3,100 ms (2,900 to 4,000)"), text);
        assertTrue(text.contains("2 of 300 packets, 20,000/s in each direction"), text);
    }
}
