// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * The figures of {@code culvert bench scale}.
 *
 * @param points by rising number of sessions
 * @param leftOut numbers of sessions for which there is no memory here
 * @param opening the mix of new sessions
 * @param twoWorkersToOne absent where there is one CPU
 */
public record ScaleReport(ScalePlan plan, Machine machine, boolean buffersOnHugePages, List<Point> points,
                          List<Integer> leftOut, Point opening, OptionalDouble twoWorkersToOne) {
    private static final double SECOND_NS = 1e9;
    private static final int USUAL_SESSIONS = 50_000;

    /** One number of sessions: ns a packet without the packet source, bytes of flow table a session. */
    record Point(int sessions, double javaNs, double cNs, double bytesPerSession, boolean onHugePages) { }

    /** Of the tables that are large enough for it to matter, the one that wastes most. */
    private double bytesPerSession() {
        return points.stream().filter(point -> point.sessions() >= USUAL_SESSIONS)
                .mapToDouble(Point::bytesPerSession).max().orElse(Double.NaN);
    }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("walk of established packets by number of sessions: %d bytes of payload, bursts of %d; one core",
                plan.packetSize(), plan.burst()));
        lines.add(machine.text());
        lines.add("packet buffers on " + pages(buffersOnHugePages));
        lines.add("");
        lines.add(line("%12s  %14s  %14s  %8s  %18s  %s", "sessions", "Java ns/packet", "C ns/packet", "C / Java",
                "bytes per session", "flow table on"));
        for (final Point point : points) {
            lines.add(line("%,12d  %14.2f  %14.2f  %8.3f  %18.1f  %s", point.sessions(), point.javaNs(), point.cNs(),
                    point.cNs() / point.javaNs(), point.bytesPerSession(), pages(point.onHugePages())));
        }
        leftOut.forEach(sessions -> lines.add(line("%,12d  left out: not enough memory", sessions)));
        lines.add("");
        lines.add(line("new sessions per second and core: %,.0f (C twin: %,.0f)",
                SECOND_NS / opening.javaNs(), SECOND_NS / opening.cNs()));
        lines.add(twoWorkersToOne.isPresent()
                ? line("two workers walk %.3f times the packets of one", twoWorkersToOne.getAsDouble())
                : "two workers: not measured, this process may use one CPU only");
        return lines;
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchScale");
        json.name("packetSize").value(plan.packetSize()).name("burst").value(plan.burst());
        json.name("nsPerPacketBySessions").beginObject();
        points.forEach(point -> json.name(Integer.toString(point.sessions())).value(point.javaNs()));
        json.endObject().name("cNsPerPacketBySessions").beginObject();
        points.forEach(point -> json.name(Integer.toString(point.sessions())).value(point.cNs()));
        json.endObject().name("bytesPerSessionBySessions").beginObject();
        points.forEach(point -> json.name(Integer.toString(point.sessions())).value(point.bytesPerSession()));
        json.endObject().name("leftOut").beginArray();
        leftOut.forEach(json::value);
        json.endArray();
        json.name("bytesPerSession").value(bytesPerSession())
                .name("newSessionsPerSecond").value(SECOND_NS / opening.javaNs())
                .name("cNewSessionsPerSecond").value(SECOND_NS / opening.cNs())
                .name("twoWorkersToOne").value(twoWorkersToOne.orElse(Double.NaN));
        json.name("hugePages").beginObject().name("buffers").value(buffersOnHugePages)
                .name("flows").value(points.stream().allMatch(Point::onHugePages)).endObject();
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    /** A bar for each number of sessions. */
    public String svg() {
        return SvgChart.stackedBars("The walk of a packet by number of sessions",
                line("ns per packet in Java, %d bytes of payload, without the packet source", plan.packetSize()),
                machine.text(),
                points.stream().map(point -> line("%,d", point.sessions())).toList(), List.of("ns per packet"),
                points.stream().map(point -> new double[] {point.javaNs()}).toArray(double[][]::new));
    }

    private static String pages(final boolean huge) {
        return huge ? "huge pages" : "4 KiB pages";
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
