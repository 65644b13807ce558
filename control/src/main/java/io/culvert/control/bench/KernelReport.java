// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.demo.OneWay.Measured;
import io.culvert.control.demo.OneWay.Way;
import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The figures of {@code culvert bench kernel}.
 *
 * @param paced by round, at a rate that all ways carry
 * @param full by round, as fast as the source sends
 */
public record KernelReport(KernelPlan plan, Machine machine, Map<Way, List<Measured>> paced,
                           Map<Way, List<Measured>> full) {
    private static final double SECOND_NS = 1e9;
    /** Of what was sent; more is not the rate that both carry. */
    private static final double LOSS_LIMIT = 0.01;

    /** CPU time of a packet that arrived, everything included. */
    private static double totalNanos(final Measured measured) {
        return measured.busySeconds() * SECOND_NS / Math.max(1, measured.arrived());
    }

    /** CPU time that the box in B adds to a packet. */
    double cpuPerPacketNanos(final Way way) {
        return Median.of(IntStream.range(0, paced.get(way).size())
                .mapToDouble(round -> totalNanos(paced.get(way).get(round))
                        - totalNanos(paced.get(Way.STRAIGHT).get(round))).toArray()).value();
    }

    private double sourceNanos() {
        return Median.of(paced.get(Way.STRAIGHT), KernelReport::totalNanos).value();
    }

    /** CPU time of the relay's own process a packet. */
    private double processNanos() {
        return Median.of(paced.get(Way.CULVERT), measured ->
                measured.relaySeconds() * SECOND_NS / Math.max(1, measured.arrived())).value();
    }

    double packetsPerSecond(final Way way) {
        return Median.of(full.get(way), measured -> measured.arrived() / measured.seconds()).value();
    }

    private double pacedRate(final Way way) {
        return Median.of(paced.get(way), measured -> measured.arrived() / measured.seconds()).value();
    }

    private double lostShare(final Way way) {
        return Median.of(paced.get(way), measured -> Math.max(0, 1 - (double) measured.arrived()
                / Math.max(1, measured.sent()))).value();
    }

    /** What iptables needs for a packet in what Culvert needs. */
    double ratio() {
        return cpuPerPacketNanos(Way.IPTABLES) / cpuPerPacketNanos(Way.CULVERT);
    }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("one way through DNAT and SNAT on veth pairs: %,d flows, %d bytes of payload",
                plan.flows(), plan.payload()));
        lines.add(machine.text());
        lines.add("");
        lines.add(line("%-46s%12s%12s", "", "Culvert", "iptables"));
        lines.add(line("%-46s%12.0f%12.0f", line("CPU ns a relayed packet, at %,d packets/s", plan.rate()),
                cpuPerPacketNanos(Way.CULVERT), cpuPerPacketNanos(Way.IPTABLES)));
        lines.add(line("%-46s%12.0f%12s", "  of it in the relay's process", processNanos(), "-"));
        lines.add(line("%-46s%12.0f%12.0f", "packets/s that arrived then",
                pacedRate(Way.CULVERT), pacedRate(Way.IPTABLES)));
        lines.add(line("%-46s%12.0f%12.0f", "packets/s that arrive at full speed",
                packetsPerSecond(Way.CULVERT), packetsPerSecond(Way.IPTABLES)));
        lines.add(line("iptables / Culvert, CPU a packet: %.2f", ratio()));
        lines.add(line("The source's own %.0f ns a packet, measured over a straight cable, are subtracted.",
                sourceNanos()));
        for (final Way way : List.of(Way.CULVERT, Way.IPTABLES)) {
            if (lostShare(way) > LOSS_LIMIT) {
                lines.add(line("%s lost %.1f %% at that rate: choose a lower --rate.",
                        way.name().toLowerCase(Locale.ROOT), lostShare(way) * 100));
            }
        }
        return lines;
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchKernel");
        json.name("flows").value(plan.flows()).name("rate").value(plan.rate()).name("payload").value(plan.payload())
                .name("rounds").value(paced.get(Way.STRAIGHT).size());
        for (final Way way : List.of(Way.CULVERT, Way.IPTABLES)) {
            json.name(way.name().toLowerCase(Locale.ROOT)).beginObject()
                    .name("cpuPerPacketNanos").value(cpuPerPacketNanos(way))
                    .name("packetsPerSecond").value(packetsPerSecond(way))
                    .name("pacedPacketsPerSecond").value(pacedRate(way))
                    .name("lostShare").value(lostShare(way));
            if (way == Way.CULVERT) {
                json.name("processNanosPerPacket").value(processNanos());
            }
            json.endObject();
        }
        json.name("sourceNanosPerPacket").value(sourceNanos()).name("ratio").value(ratio());
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    /** A bar each. */
    public String svg() {
        return SvgChart.stackedBars("A relayed packet on veth pairs",
                line("CPU ns a packet at %,d packets/s, without the source", plan.rate()), machine.text(),
                List.of("Culvert", "iptables"), List.of("CPU ns"), new double[][] {
                    {cpuPerPacketNanos(Way.CULVERT)}, {cpuPerPacketNanos(Way.IPTABLES)}});
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
