// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import io.culvert.dataplane.worker.StageProbe.Stage;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The figures of {@code culvert bench walk}.
 *
 * @param isSteady whether the JIT had come to rest before they were taken
 * @param allocated heap bytes a packet that Java allocates
 * @param javaStages and {@code cStages}: TSC cycles a packet by {@link Stage}, the source's share included
 */
public record WalkReport(WalkPlan plan, Machine machine, boolean buffersOnHugePages, boolean flowsOnHugePages,
                         boolean isSteady, double allocated, List<Round> rounds, double[] javaStages,
                         double[] cStages) {
    private static final double NS_PER_US = 1_000;

    /** One round: ns a packet, the packet source's share subtracted from both. */
    record Round(double javaNs, double cNs, double sourceNs) {
        double ratio() {
            return cNs / javaNs;
        }
    }

    double javaNs() {
        return Median.of(rounds, Round::javaNs).value();
    }

    double cNs() {
        return Median.of(rounds, Round::cNs).value();
    }

    double sourceNs() {
        return Median.of(rounds, Round::sourceNs).value();
    }

    Median ratio() {
        return Median.of(rounds, Round::ratio);
    }

    private double cycles(final double ns) {
        return ns * machine.tscGhz();
    }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("walk of %s packets: %,d sessions, %d bytes of payload, bursts of %d; one core",
                plan.mix().label(), plan.flows(), plan.packetSize(), plan.burst()));
        lines.add(machine.text());
        lines.add(line("packet buffers on %s, flow table on %s", pages(buffersOnHugePages), pages(flowsOnHugePages)));
        lines.add("");
        lines.add(line("%-34s%10s%10s", "", "Java", "C twin"));
        lines.add(line("%-34s%10.2f%10.2f", "ns per packet", javaNs(), cNs()));
        lines.add(line("%-34s%10.1f%10.1f", "TSC cycles per packet", cycles(javaNs()), cycles(cNs())));
        lines.add(line("%-34s%10.2f%10.2f", "Mpps per core", NS_PER_US / javaNs(), NS_PER_US / cNs()));
        lines.add(line("C / Java: %.3f (%.3f to %.3f over %d rounds; 1 is as fast as C)",
                ratio().value(), ratio().min(), ratio().max(), rounds.size()));
        lines.add(line("Java allocates %.2f bytes of heap per packet.", allocated));
        lines.add(line("The packet source's own %.2f ns are subtracted above, and included below.", sourceNs()));
        lines.add("");
        lines.add(line("%-34s%10s%10s", "ns per packet of each stage", "Java", "C twin"));
        for (final Stage stage : Stage.values()) {
            lines.add(line("%-34s%10.2f%10.2f", name(stage), javaStages[stage.ordinal()] / machine.tscGhz(),
                    cStages[stage.ordinal()] / machine.tscGhz()));
        }
        if (!isSteady) {
            lines.add("");
            lines.add("The JIT had not come to rest when this was measured: Java may be faster than it says.");
        }
        if (!buffersOnHugePages || !flowsOnHugePages) {
            lines.add("");
            lines.add("On huge pages it would be faster: echo 1024 > /proc/sys/vm/nr_hugepages,"
                    + " mount -t hugetlbfs none /dev/hugepages");
        }
        return lines;
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchWalk");
        json.name("mix").value(plan.mix().label()).name("flows").value(plan.flows())
                .name("packetSize").value(plan.packetSize()).name("burst").value(plan.burst())
                .name("rounds").value(rounds.size());
        json.name("javaNsPerPacket").value(javaNs()).name("cNsPerPacket").value(cNs())
                .name("sourceNsPerPacket").value(sourceNs());
        json.name("ratioToC").value(ratio().value()).name("ratioToCRange").beginObject()
                .name("min").value(ratio().min()).name("median").value(ratio().value()).name("max").value(ratio().max())
                .endObject();
        json.name("mppsPerCore").value(NS_PER_US / javaNs())
                .name("javaCyclesPerPacket").value(cycles(javaNs()))
                .name("cCyclesPerPacket").value(cycles(cNs()));
        json.name("javaBytesAllocatedPerPacket").value(allocated);
        json.name("stages").beginArray();
        for (final Stage stage : Stage.values()) {
            json.beginObject().name("stage").value(stage.name().toLowerCase(Locale.ROOT))
                    .name("javaNs").value(javaStages[stage.ordinal()] / machine.tscGhz())
                    .name("cNs").value(cStages[stage.ordinal()] / machine.tscGhz()).endObject();
        }
        json.endArray().name("steady").value(isSteady)
                .name("hugePages").beginObject().name("buffers").value(buffersOnHugePages)
                .name("flows").value(flowsOnHugePages).endObject();
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    /** The stages of both, one bar each. */
    public String svg() {
        final List<String> names = new ArrayList<>();
        final double[][] values = new double[2][Stage.values().length];
        for (final Stage stage : Stage.values()) {
            names.add(stage.name().toLowerCase(Locale.ROOT));
            values[0][stage.ordinal()] = javaStages[stage.ordinal()] / machine.tscGhz();
            values[1][stage.ordinal()] = cStages[stage.ordinal()] / machine.tscGhz();
        }
        // The source works in the receive stage.
        values[0][0] = Math.max(0, values[0][0] - sourceNs());
        values[1][0] = Math.max(0, values[1][0] - sourceNs());
        return SvgChart.stackedBars(
                line("The walk of a packet, %s mix, %,d sessions", plan.mix().label(), plan.flows()),
                line("ns per packet by stage, %d bytes of payload, without the packet source", plan.packetSize()),
                machine.text(),
                List.of("Java", "C twin"), names, values);
    }

    private static String name(final Stage stage) {
        return switch (stage) {
            case RECEIVE -> "receive (with the packet source)";
            case PARSE -> "parse";
            case LOOKUP -> "lookup (with admission)";
            case REWRITE -> "rewrite";
            case TRANSMIT -> "transmit";
        };
    }

    private static String pages(final boolean huge) {
        return huge ? "huge pages" : "4 KiB pages";
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
