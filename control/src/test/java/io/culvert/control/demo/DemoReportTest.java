// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.lab.ClientReport;
import io.culvert.control.lab.EchoReport;
import io.culvert.control.view.StrictJson;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import org.HdrHistogram.Histogram;
import org.junit.jupiter.api.Test;

class DemoReportTest {
    private static final ClientResult WARM_UP = new ClientResult(5, 10, 10, 0, 0, 0, 0, 0, 2, 1, 2, 3);
    private static final ClientResult CLIENT = new ClientResult(5, 100, 97, 3, 2, 1, 0, 0, 10, 50.5, 99.5, 999.5);
    private static final EchoResult ECHO = new EchoResult(107, 107, "10.9.1.1", 65531, 65535, 5);
    private static final BoxReport BOX = new BoxReport(new Box.Traffic(200, 198), Map.of("tx_ring_full", 2L), 1, 107,
            107, 1_500, true, List.of("ID", "3 of 5 shown"));
    private static final Outcome CULVERT = new Outcome("net_tap", WARM_UP, CLIENT, ECHO, BOX, 12.34, 56.78,
            Optional.empty());
    private static final Outcome KERNEL = new Outcome("iptables v1", WARM_UP, CLIENT, ECHO, BOX, Double.NaN, 56.78,
            Optional.empty());
    private static final DemoPlan PLAN =
            new DemoPlan(10, 5, 10, 758, false, List.of(Driver.AF_XDP, Driver.TAP), 0, true);

    @Test
    void jsonIsOneObjectWithEverythingInIt() {
        final StringWriter text = new StringWriter();
        new DemoReport(PLAN, Driver.TAP, Map.of(Driver.AF_XDP, "not \"here\""), CULVERT, Optional.of(KERNEL))
                .json(new PrintWriter(text));
        final Map<?, ?> report = (Map<?, ?>) StrictJson.parse(text.toString());
        assertEquals("net_tap", report.get("driver"));
        assertEquals("two-arm", report.get("topology"));
        assertEquals(100L, report.get("sent"));
        assertEquals(97L, report.get("received"));
        assertEquals(3L, report.get("lost"));
        assertEquals(Map.of("p50", 50.5, "p99", 99.5, "p999", 999.5), report.get("rttMicros"));
        assertEquals("10.9.1.1", report.get("observedSource"));
        assertEquals(Map.of("lowest", 65531L, "highest", 65535L, "distinct", 5L), report.get("observedPorts"));
        assertEquals(Map.of("net_af_xdp", "not \"here\""), report.get("refusedDrivers"));
        final Map<?, ?> relay = (Map<?, ?>) report.get("relay");
        assertEquals(200L, relay.get("rxPackets"));
        assertEquals(198L, relay.get("txPackets"));
        assertEquals(Map.of("tx_ring_full", 2L), relay.get("drops"));
        assertEquals(12.3, relay.get("cpuPercent"));
        final Map<?, ?> kernel = (Map<?, ?>) report.get("iptables");
        assertEquals("iptables v1", kernel.get("driver"));
        assertNull(((Map<?, ?>) kernel.get("relay")).get("cpuPercent"));
    }

    @Test
    void lossIsPlacedForThePeopleWhoLookForIt() {
        final String text = new DemoReport(PLAN, Driver.TAP, Map.of(), CULVERT, Optional.empty()).text();
        assertTrue(text.contains("A sent 110, B relayed 107, C received 107 and answered 107, B relayed 107 back, "
                + "A received 107."), text);
        assertTrue(text.contains("tx_ring_full 2, missed 1"), text);
        assertFalse(text.contains("iptables v1"), text);
    }

    @Test
    void flowsAreToldApartByWhereTheServerSawThemAfterTheKill() {
        final List<String> lines = List.of(
                "1 0 10.9.1.1:5 100 200",       // of the warm-up client, which ended before
                "2 0 10.9.1.1:5 300 900",       // same port throughout
                "2 1 10.9.1.1:6 300 390", "2 1 10.9.1.1:66 800 900",
                "2 2 10.9.1.1:7 300 390",       // not seen again
                "2 3 10.9.1.1:8 800 900");      // new
        final long millis = 1_000_000;
        final List<String> inMillis = lines.stream().map(line -> {
            final String[] fields = line.split(" ");
            return String.join(" ", fields[0], fields[1], fields[2], Long.parseLong(fields[3]) * millis + "",
                    Long.parseLong(fields[4]) * millis + "");
        }).toList();
        assertEquals(new Restart.Ports(1, 1, 1), Restart.Ports.of(inMillis, 400 * millis, 700 * millis));
    }

    @Test
    void aLostSessionIsNotKeptFromTheReader() {
        final DemoPlan plan = new DemoPlan(10, 5, 10, 758, false, List.of(Driver.TAP), 3, false);
        for (final long kept : new long[] {4, 5}) {
            final Outcome outcome = new Outcome("net_tap", WARM_UP, CLIENT, ECHO, BOX, 12.34, 56.78, Optional.of(
                    new Restart(5, kept, 1_000_000, 9_000_000, new Restart.Ports(kept, 0, 5 - kept))));
            final DemoReport report = new DemoReport(plan, Driver.TAP, Map.of(), outcome, Optional.empty());
            final StringWriter text = new StringWriter();
            report.json(new PrintWriter(text));
            final Map<?, ?> json = (Map<?, ?>) StrictJson.parse(text.toString());
            assertEquals(List.of(5L, kept, 8L, kept, 0L), List.of(json.get("sessionsBefore"),
                    json.get("sessionsKept"), json.get("outageMillis"), json.get("samePorts"),
                    json.get("changedPorts")));
            assertEquals(kept < 5, report.hasLostSessions());
        }
        assertTrue(new DemoReport(plan, Driver.TAP, Map.of(), CULVERT, Optional.empty()).hasLostSessions(),
                "the relay was to be killed and was not");
    }

    @Test
    void whatTheClientAndTheServerPrintIsUnderstood() {
        final Histogram rtt = new Histogram(3);
        rtt.recordValue(5_000);
        final ClientReport client = new ClientReport(7, 6, 100, 98, 4, 3, 2, 1, 5, 11, 2.5, rtt);
        assertEquals(new ClientResult(6, 100, 98, 2, 4, 3, 2, 5, 2.5, 5, 5, 5), ClientResult.parse(client.json()));
        final Matcher progress = Experiment.PROGRESS.matcher(client.progress());
        assertTrue(progress.matches(), client.progress());
        assertEquals(List.of("2.5", "100", "98"),
                List.of(progress.group(1), progress.group(2), progress.group(3)));

        final EchoReport echo = new EchoReport(9, 8, List.of(new EchoReport.Source("10.0.0.1", 1, 5, 5),
                new EchoReport.Source("10.0.0.2", 3, 6, 9)));
        assertEquals(new EchoResult(9, 8, "10.0.0.2", 6, 9, 3), EchoResult.parse(echo.json()));
        assertEquals(new EchoResult(0, 0, "", 0, 0, 0), EchoResult.parse(new EchoReport(0, 0, List.of()).json()));
    }
}
