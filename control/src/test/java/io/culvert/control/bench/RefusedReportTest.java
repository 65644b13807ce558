// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.bench.RefusedReport.Cost;
import io.culvert.control.view.Output;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class RefusedReportTest {
    private static final double RELAYED_NS = 40;

    private static RefusedReport report(final double dearestNs) {
        return report(dearestNs, true);
    }

    private static RefusedReport report(final double dearestNs, final boolean isSteady) {
        final WalkPlan plan = new WalkPlan(50_000, 800, 64, Mix.REFUSED, Effort.ofWalk(3, true));
        return new RefusedReport(plan, StallReportTest.MACHINE,
                List.of(new Cost(Refusal.ACL, Median.of(100), 0, true),
                        new Cost(Refusal.PAIRS, Median.of(dearestNs - 4, dearestNs, dearestNs + 4), 0, isSteady)),
                Median.of(RELAYED_NS), true);
    }

    @Test
    void aRefusedPacketMayCostElevenRelayedOnes() {
        final String text = String.join("\n", report(440).text());
        assertTrue(text.contains("The dearest costs as much as 11.0 relayed packets"), text);
        assertTrue(text.contains("none may cost more than 11: kept"), text);
    }

    @Test
    void oneThatCostsMoreIsNamed() {
        final String text = String.join("\n", report(444).text());
        assertTrue(text.contains("none may cost more than 11: BROKEN"), text);
    }

    @Test
    void oneThatTheJitWasStillCompilingIsNotJudged() {
        final String text = String.join("\n", report(444, false).text());
        assertTrue(text.contains("none may cost more than 11: not judged, because the JIT was not at rest"), text);
    }

    @Test
    void jsonHasTheRatioWithinTheRun() {
        final StringWriter text = new StringWriter();
        try (Output out = new Output(new PrintWriter(text))) {
            report(320).json(out);
        }
        final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("BenchWalkRefused", json.get("kind"));
        assertEquals(40.0, json.get("relayedNs"));
        assertEquals(8.0, json.get("dearestInRelayed"));
        assertEquals(11.0, json.get("limitInRelayed"));
    }
}
