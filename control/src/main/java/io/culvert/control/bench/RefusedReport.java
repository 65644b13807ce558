// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The figures of {@code culvert bench walk --mix refused}: ns a packet by reason, without the packet source.
 *
 * @param relayedNs what a packet of an open session costs there and then, ns: median of the rounds
 * @param isRelayedSteady whether the JIT had come to rest before that was measured
 */
public record RefusedReport(WalkPlan plan, Machine machine, List<Cost> costs, Median relayedNs,
                            boolean isRelayedSteady) {
    /** No refused packet may cost more than so many relayed ones: 300 ns where a relayed packet costs 27. */
    private static final double LIMIT = 11;

    /**
     * What a refused packet costs.
     *
     * @param ns median of the rounds, the lowest and the highest of them
     * @param allocated heap bytes a packet
     * @param isSteady whether the JIT had come to rest before
     */
    record Cost(Refusal refusal, Median ns, double allocated, boolean isSteady) { }

    /** For people. */
    public List<String> text() {
        final List<String> lines = new ArrayList<>();
        lines.add(line("walk of refused packets: room for %,d sessions, %d bytes of payload, bursts of %d; one core",
                plan.flows(), plan.packetSize(), plan.burst()));
        lines.add(machine.text());
        lines.add("");
        lines.add(line("%-36s%-20s%10s%18s%11s%12s", "refused because", "counted as", "ns/packet", "of rounds",
                "relayed", "heap bytes"));
        for (final Cost cost : costs) {
            lines.add(line("%-36s%-20s%10.1f%8.1f to %6.1f%10.1fx%12.2f%s", cost.refusal().meaning(),
                    cost.refusal().reason().label(), cost.ns().value(), cost.ns().min(), cost.ns().max(),
                    inRelayed(cost), cost.allocated(), rest(cost.isSteady())));
        }
        lines.add(line("%-56s%10.1f%8.1f to %6.1f%10.1fx%12s%s", "relayed, of an open session", relayedNs.value(),
                relayedNs.min(), relayedNs.max(), 1.0, "", rest(isRelayedSteady)));
        lines.add("");
        lines.add(line("The dearest costs as much as %.1f relayed packets; none may cost more than %.0f: %s", dearest(),
                LIMIT, verdict()));
        if (costs.stream().noneMatch(cost -> cost.refusal() == Refusal.AIMED_POOL)) {
            lines.add("The driver does not say how it spreads packets, so an aimed pool was not measured.");
        }
        return lines;
    }

    private static String rest(final boolean isSteady) {
        return isSteady ? "" : "  (JIT not at rest)";
    }

    private double dearest() {
        return costs.stream().mapToDouble(this::inRelayed).max().orElse(0);
    }

    private String verdict() {
        if (dearest() <= LIMIT) {
            return "kept";
        }
        return isRelayedSteady && costs.stream().filter(cost -> inRelayed(cost) > LIMIT).anyMatch(Cost::isSteady)
                ? "BROKEN"
                : "not judged, because the JIT was not at rest. Fix: measure without --quick, on a quiet machine";
    }

    private double inRelayed(final Cost cost) {
        return cost.ns().value() / relayedNs.value();
    }

    /** For programs: one object. */
    public void json(final Output out) {
        final Json json = new Json(out);
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("BenchWalkRefused");
        json.name("flows").value(plan.flows()).name("packetSize").value(plan.packetSize())
                .name("burst").value(plan.burst()).name("rounds").value(plan.effort().rounds())
                .name("relayedNs").value(relayedNs.value()).name("relayedSteady").value(isRelayedSteady)
                .name("dearestInRelayed").value(dearest())
                .name("limitInRelayed").value(LIMIT);
        json.name("refusals").beginArray();
        for (final Cost cost : costs) {
            json.beginObject().name("refusal").value(cost.refusal().name().toLowerCase(Locale.ROOT))
                    .name("reason").value(cost.refusal().reason().label())
                    .name("javaNs").value(cost.ns().value()).name("javaNsRange").beginObject()
                    .name("min").value(cost.ns().min()).name("max").value(cost.ns().max()).endObject()
                    .name("javaBytesAllocated").value(cost.allocated()).name("steady").value(cost.isSteady())
                    .endObject();
        }
        json.endArray();
        machine.json(json);
        json.endObject();
        out.endLine();
    }

    /** A bar for each reason. */
    public String svg() {
        return SvgChart.stackedBars("The walk of a refused packet", line("ns per packet by reason, room for %,d"
                        + " sessions, without the packet source", plan.flows()), machine.text(),
                costs.stream().map(cost -> cost.refusal().name().toLowerCase(Locale.ROOT)).toList(), List.of("Java"),
                costs.stream().map(cost -> new double[] {cost.ns().value()}).toArray(double[][]::new));
    }

    private static String line(final String format, final Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
