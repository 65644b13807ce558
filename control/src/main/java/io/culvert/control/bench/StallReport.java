// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/**
 * The figures of {@code culvert bench stall}: gaps of the loop, slice by slice, in Java and in C.
 *
 * @param isCoreShared whether there was no second core for everything else
 */
public record StallReport(StallPlan plan, Machine machine, boolean isCoreShared, boolean flowsOnHugePages,
                          List<Side> java, List<Side> c, Disturbance.Count disturbances) {
    private static final double US_PER_GHZ_CYCLE = 1_000;

    /** One slice of one of the two. Packets of both directions. */
    record Side(Gaps gaps, long received, long lost) { }

    /** A point of the distribution, and its name for programs. */
    private record Point(String name, String label, ToDoubleFunction<Gaps> cycles) { }

    private static final List<Point> POINTS = List.of(
            new Point("p50", "50 % of the gaps below", gaps -> gaps.percentile(50)),
            new Point("p99", "99 %", gaps -> gaps.percentile(99)),
            new Point("p999", "99.9 %", gaps -> gaps.percentile(99.9)),
            new Point("p9999", "99.99 %", gaps -> gaps.percentile(99.99)));

    /** So long, a gap shows in how many there are of it. */
    private static final List<Integer> LIMITS_US = List.of(10, 100, 1_000);

    private double micros(final double cycles) {
        return cycles / machine.tscGhz() / US_PER_GHZ_CYCLE;
    }

    private static Gaps all(final List<Side> slices) {
        final Gaps all = new Gaps();
        slices.forEach(slice -> all.add(slice.gaps()));
        return all;
    }

    double worst(final List<Side> slices) {
        return micros(all(slices).longest());
    }

    /** The median of the slices' worst gaps: what the worst single moment of the machine does not decide. */
    double worstOfSlice(final List<Side> slices) {
        return Median.of(slices, slice -> micros(slice.gaps().longest())).value();
    }

    private static long lost(final List<Side> slices) {
        return slices.stream().mapToLong(Side::lost).sum();
    }

    private static long received(final List<Side> slices) {
        return slices.stream().mapToLong(Side::received).sum();
    }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("gaps of the polling loop: %,d sessions, %,d packets/s in each direction, %d bytes of payload",
                plan.flows(), plan.rate(), plan.packetSize()));
        lines.add(machine.text());
        lines.add(line("flow table on %s; %s", flowsOnHugePages ? "huge pages" : "4 KiB pages", isCoreShared
                ? "one core only: worker and everything else share it" : "the worker has its core to itself"));
        lines.add(line("meanwhile: %,d scrapes of /metrics, %,d dumps of all sessions, %,d collections of the heap",
                disturbances.scrapes(), disturbances.dumps(), disturbances.collections()));
        lines.add("");
        lines.add(line("%-34s%12s%12s", "us", "Java", "C loop"));
        for (final Point point : POINTS) {
            lines.add(line("%-34s%12.2f%12.2f", point.label(), micros(point.cycles().applyAsDouble(all(java))),
                    micros(point.cycles().applyAsDouble(all(c)))));
        }
        lines.add(line("%-34s%12.1f%12.1f", "worst of a second, median", worstOfSlice(java), worstOfSlice(c)));
        lines.add(line("%-34s%12.1f%12.1f", "worst", worst(java), worst(c)));
        for (final int limit : LIMITS_US) {
            lines.add(line("%-34s%12.1f%12.1f", line("longer than %,d us, per second", limit),
                    perSecond(java, limit), perSecond(c, limit)));
        }
        lines.add("");
        lines.add("packets");
        lines.add(line("%-34s%,12d%,12d", "received", received(java), received(c)));
        lines.add(line("%-34s%,12d%,12d", "lost on a ring of " + StallBench.RING, lost(java), lost(c)));
        lines.add("");
        lines.add(line("worst gap, Java / C: %.2f; of a second's worst, the median: %.2f",
                worst(java) / worst(c), worstOfSlice(java) / worstOfSlice(c)));
        return lines;
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchStall");
        json.name("flows").value(plan.flows()).name("packetsPerSecondPerDirection").value(plan.rate())
                .name("packetSize").value(plan.packetSize()).name("seconds").value(plan.seconds())
                .name("ring").value(StallBench.RING);
        json.name("worstGapMicros").value(worst(java)).name("worstGapMicrosC").value(worst(c))
                .name("worstGapRatio").value(worst(java) / worst(c));
        json.name("worstGapOfSliceMicros").value(worstOfSlice(java))
                .name("worstGapOfSliceMicrosC").value(worstOfSlice(c))
                .name("worstGapOfSliceRatio").value(worstOfSlice(java) / worstOfSlice(c));
        percentiles(json.name("gapMicros"), java);
        percentiles(json.name("gapMicrosC"), c);
        json.name("longerPerSecondByMicros").beginObject();
        LIMITS_US.forEach(limit -> json.name(Integer.toString(limit)).value(perSecond(java, limit)));
        json.endObject().name("longerPerSecondByMicrosC").beginObject();
        LIMITS_US.forEach(limit -> json.name(Integer.toString(limit)).value(perSecond(c, limit)));
        json.endObject();
        json.name("received").value(received(java)).name("receivedC").value(received(c))
                .name("lost").value(lost(java)).name("lostC").value(lost(c));
        json.name("scrapes").value(disturbances.scrapes()).name("dumps").value(disturbances.dumps())
                .name("collections").value(disturbances.collections());
        json.name("coreShared").value(isCoreShared)
                .name("hugePages").beginObject().name("flows").value(flowsOnHugePages).endObject();
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    private void percentiles(final Json json, final List<Side> slices) {
        final Gaps all = all(slices);
        json.beginObject();
        POINTS.forEach(point -> json.name(point.name()).value(micros(point.cycles().applyAsDouble(all))));
        json.endObject();
    }

    private double perSecond(final List<Side> slices, final double us) {
        final long longer = all(slices).longerThan((long) (us * US_PER_GHZ_CYCLE * machine.tscGhz()));
        return (double) longer / slices.size() * 1_000 / StallBench.SLICE_MS;
    }

    /** How often a gap is longer than so much, for any length. */
    public String svg() {
        return SvgCurves.draw("Gaps of the polling loop while everything else is busy",
                line("%,d sessions, %,d packets/s in each direction; heap collections, scrapes and dumps all the time",
                        plan.flows(), plan.rate()), machine.text(),
                "gap in us", "longer ones per second",
                List.of(new SvgCurves.Curve("Java", us -> perSecond(java, us)),
                        new SvgCurves.Curve("C loop", us -> perSecond(c, us))));
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
