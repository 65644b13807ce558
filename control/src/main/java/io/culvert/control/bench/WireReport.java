// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The figures of {@code culvert bench wire}. @param figures by frame size, then by device */
public record WireReport(Machine machine, boolean onHugePages, List<Figure> figures) {
    private static final double MEGA = 1e6;
    /** A generator that is refused less than this is itself what limits. */
    private static final double REFUSED_LEAST = 0.01;

    /**
     * One device at one frame size. Packets per second are those that came back to the generator, both directions.
     *
     * @param saturated by round
     * @param refusedShare of what the generator had, the part that found the wire full
     * @param lostShare of what went on the wire, the part that did not come back, at saturation
     * @param lossFree the highest rate at which a trial lost nothing
     * @param sourceLimits whether the paced source could not offer more than {@code lossFree}
     */
    record Figure(int frameSize, WireDevice device, List<Double> saturated, double refusedShare, double lostShare,
                  double lossFree, boolean sourceLimits) {
        double rate() {
            return rates().value();
        }

        Median rates() {
            return Median.of(saturated, rate -> rate);
        }

        boolean generatorLimits() {
            return refusedShare < REFUSED_LEAST;
        }
    }

    private Figure figure(final int frameSize, final WireDevice device) {
        return figures.stream().filter(figure -> figure.frameSize() == frameSize && figure.device() == device)
                .findFirst().orElseThrow();
    }

    /** The relay's saturated rate in another's, round by round. */
    Median ratioTo(final int frameSize, final WireDevice device) {
        final List<Double> relay = figure(frameSize, WireDevice.CULVERT).saturated();
        final List<Double> other = figure(frameSize, device).saturated();
        final double[] ratios = new double[relay.size()];
        for (int round = 0; round < ratios.length; round++) {
            ratios[round] = relay.get(round) / other.get(round);
        }
        return Median.of(ratios);
    }

    /** At the size where the relay does worst. */
    private double worstRatioTo(final WireDevice device) {
        return WirePlan.FRAME_SIZES.stream().mapToDouble(size -> ratioTo(size, device).value()).min().orElseThrow();
    }

    private double lossFreeRatio(final int frameSize) {
        return figure(frameSize, WireDevice.CULVERT).lossFree()
                / figure(frameSize, WireDevice.FIVE_TUPLE_SWAP).lossFree();
    }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("packets over a memif wire, %d sessions in both directions, generator on one core, device on"
                + " another", WireTraffic.FLOWS / 2));
        lines.add(machine.text());
        lines.add("packet buffers on " + (onHugePages ? "huge pages" : "4 KiB pages"));
        for (final int size : WirePlan.FRAME_SIZES) {
            lines.add("");
            lines.add(line("%-22s%12s%20s%14s%14s", size + " B, Mpps", "saturated", "min to max", "lost at it",
                    "loss-free"));
            for (final WireDevice device : WireDevice.values()) {
                final Figure figure = figure(size, device);
                lines.add(line("%-22s%12.2f%20s%13.4f%%%14s%s", device.label(), figure.rate() / MEGA,
                        line("%.2f to %.2f", figure.rates().min() / MEGA, figure.rates().max() / MEGA),
                        figure.lostShare() * 100,
                        line("%s%.2f", figure.sourceLimits() ? ">= " : "", figure.lossFree() / MEGA),
                        figure.generatorLimits() ? "   as fast as the generator: more is possible" : ""));
            }
            for (final WireDevice device : List.of(WireDevice.FIVE_TUPLE_SWAP, WireDevice.MACSWAP, WireDevice.IO)) {
                final Median ratio = ratioTo(size, device);
                lines.add(line("Culvert / %s: %.3f (%.3f to %.3f over %d rounds)", device.label(), ratio.value(),
                        ratio.min(), ratio.max(), figure(size, device).saturated().size()));
            }
        }
        return lines;
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchWire");
        json.name("sessions").value(WireTraffic.FLOWS / 2)
                .name("rounds").value(figures.getFirst().saturated().size());
        json.name("ratioTo5tswap").value(worstRatioTo(WireDevice.FIVE_TUPLE_SWAP))
                .name("ratioToMacswap").value(worstRatioTo(WireDevice.MACSWAP))
                .name("ratioToIo").value(worstRatioTo(WireDevice.IO));
        json.name("sizes").beginArray();
        for (final int size : WirePlan.FRAME_SIZES) {
            json.beginObject().name("frameSize").value(size)
                    .name("ratioTo5tswap").value(ratioTo(size, WireDevice.FIVE_TUPLE_SWAP).value())
                    .name("ratioToMacswap").value(ratioTo(size, WireDevice.MACSWAP).value())
                    .name("ratioToIo").value(ratioTo(size, WireDevice.IO).value())
                    .name("lossFreeRatioTo5tswap").value(lossFreeRatio(size))
                    .name("devices").beginArray();
            for (final WireDevice device : WireDevice.values()) {
                json(json, figure(size, device));
            }
            json.endArray().endObject();
        }
        json.endArray().name("hugePages").value(onHugePages);
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    private static void json(final Json json, final Figure figure) {
        json.beginObject().name("device").value(figure.device().mode())
                .name("saturatedMpps").value(figure.rate() / MEGA)
                .name("saturatedMppsRange").beginObject().name("min").value(figure.rates().min() / MEGA)
                .name("max").value(figure.rates().max() / MEGA).endObject()
                .name("refusedShare").value(figure.refusedShare()).name("lostShare").value(figure.lostShare())
                .name("generatorLimits").value(figure.generatorLimits())
                .name("lossFreeMpps").value(figure.lossFree() / MEGA)
                .name("sourceLimits").value(figure.sourceLimits()).endObject();
    }

    /** A bar for each device and size. */
    public String svg() {
        final List<String> rows = new ArrayList<>();
        final List<double[]> values = new ArrayList<>();
        for (final Figure figure : figures) {
            rows.add(line("%s, %d B", figure.device().mode(), figure.frameSize()));
            values.add(new double[] {figure.rate() / MEGA});
        }
        return SvgChart.stackedBars("Culvert and testpmd at the end of a memif wire",
                line("saturated Mpps that came back to the generator, %d sessions", WireTraffic.FLOWS / 2),
                machine.text(), rows, List.of("Mpps"), values.toArray(double[][]::new));
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
