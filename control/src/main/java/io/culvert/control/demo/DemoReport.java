// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.view.Json;
import io.culvert.control.view.Output;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What the demo has to say at its end.
 *
 * @param refused the drivers that were tried before {@code driver}, and why they did not work
 */
public record DemoReport(DemoPlan plan, Driver driver, Map<Driver, String> refused, Outcome culvert,
                         Optional<Outcome> iptables) {
    private static final String ROW = "%-22s %24s %24s";
    private static final double DECIMALS = 10;

    /** Whether a packet came back changed. */
    public boolean isCorrupted() {
        return outcomes().anyMatch(outcome -> outcome.client().corrupted() > 0);
    }

    /** Whether the relay was to be killed, and a session did not outlive it. */
    public boolean hasLostSessions() {
        return plan.killAfter() > 0 && !culvert.restart().map(Restart::keptAll).orElse(false);
    }

    private Stream<Outcome> outcomes() {
        return Stream.concat(Stream.of(culvert), iptables.stream());
    }

    /** For people. */
    public String text() {
        final List<String> lines = new ArrayList<>();
        lines.add("A %s -> B %s:%d [%s] %s -> C %s:%d".formatted(Topology.CLIENT, Topology.LISTENER, Topology.PORT,
                driver.label(), plan.topology().source(), plan.topology().server(), Topology.PORT));
        lines.add("%s, %,d flows, %,d packets/s of %d bytes for %.1f s".formatted(plan.topology().label(),
                plan.flows(), plan.rate(), plan.payload(), culvert.client().seconds()));
        refused.forEach((other, why) -> lines.add("not " + other.label() + ": " + why));
        lines.add("");
        if (iptables.isPresent()) {
            lines.add(row("", outcome -> outcome == culvert ? "culvert" : "iptables"));
        }
        table(lines);
        lines.add("");
        if (culvert.client().lost() > 0 || !culvert.box().isBalanced()) {
            trouble(lines);
        }
        lines.add("the flow table, as `culvert flows --limit 3` prints it:");
        culvert.box().flows().forEach(line -> lines.add("  " + line));
        lines.add("");
        next(lines);
        return lines.stream().map(String::stripTrailing).collect(Collectors.joining("\n"));
    }

    private void table(final List<String> lines) {
        lines.add(row("sent", outcome -> count(outcome.client().sent())));
        lines.add(row("received back", outcome -> count(outcome.client().received())));
        lines.add(row("lost", outcome -> count(outcome.client().lost())));
        lines.add(row("reordered", outcome -> count(outcome.client().reordered())));
        lines.add(row("duplicated", outcome -> count(outcome.client().duplicated())));
        lines.add(row("corrupted", outcome -> count(outcome.client().corrupted())));
        lines.add(row("RTT p50", outcome -> micros(outcome.client().p50Micros())));
        lines.add(row("RTT p99", outcome -> micros(outcome.client().p99Micros())));
        lines.add(row("RTT p99.9", outcome -> micros(outcome.client().p999Micros())));
        lines.add(row("into B", outcome -> count(outcome.receivedPerSecond()) + " packets/s"));
        lines.add(row("out of B", outcome -> count(outcome.sentPerSecond()) + " packets/s"));
        lines.add(row("CPU of B", outcome -> Double.isNaN(outcome.cpuPercent()) ? "in the machine's"
                : percent(outcome.cpuPercent())));
        lines.add(row("CPU of the machine *", outcome -> percent(outcome.machinePercent())));
        lines.add(row("C saw", outcome -> outcome.echo().address()));
        lines.add(row("from ports", outcome -> outcome.echo().lowestPort() + "-" + outcome.echo().highestPort()));
        lines.add(row("distinct ports", outcome -> count(outcome.echo().ports())));
        lines.add(row("dropped in B", DemoReport::drops));
        culvert.restart().ifPresent(restart -> {
            lines.add(row("sessions at the kill", outcome -> outcome == culvert
                    ? count(restart.sessionsBefore()) : ""));
            lines.add(row("sessions kept", outcome -> outcome == culvert ? count(restart.sessionsKept()) : ""));
            lines.add(row("same external port", outcome -> outcome == culvert ? count(restart.ports().same()) : ""));
            lines.add(row("nothing relayed for", outcome -> outcome == culvert
                    ? count(restart.outageMillis()) + " ms" : ""));
        });
        lines.add("* of one core, of " + Runtime.getRuntime().availableProcessors()
                + "; client, server and whatever else runs here included");
        lines.add("Kernel sockets and virtual cables on shared cores: it shows that it works, not how fast a NIC is.");
    }

    private String row(final String name, final Function<Outcome, String> cell) {
        return ROW.formatted(name, cell.apply(culvert), iptables.map(cell).orElse("")).stripTrailing();
    }

    private static String drops(final Outcome outcome) {
        final List<String> drops = new ArrayList<>();
        outcome.box().drops().forEach((reason, packets) -> drops.add(reason + " " + count(packets)));
        if (outcome.box().missed() > 0) {
            drops.add("missed " + count(outcome.box().missed()));
        }
        if (outcome.box().forward() == BoxReport.UNKNOWN) {
            return "not counted";
        }
        return drops.isEmpty() ? "0" : String.join(", ", drops);
    }

    /** Where packets were last seen: loss that nobody can place is of no use to anybody. */
    private void trouble(final List<String> lines) {
        if (!culvert.box().isBalanced()) {
            lines.add("The relay's ledger does not balance: a packet ended without being counted. This is a bug.");
        }
        lines.add("Seen on the way, warm-up included: A sent %,d, B relayed %,d, C received %,d and answered %,d, "
                .formatted(culvert.warmUp().sent() + culvert.client().sent(), culvert.box().forward(),
                        culvert.echo().received(), culvert.echo().sent())
                + "B relayed %,d back, A received %,d."
                .formatted(culvert.box().reply(), culvert.warmUp().received() + culvert.client().received()));
        lines.add("The relay was away from its queues for %,.0f us at most; B missed %,d packets. "
                .formatted(culvert.box().longestPauseMicros(), culvert.box().missed())
                + "If it missed any, its core was busy with something else: try again, or a lower --rate.");
        lines.add("");
    }

    private void next(final List<String> lines) {
        lines.add("next:");
        if (!plan.oneArm()) {
            lines.add("  culvert demo --one-arm              B with a single port");
        }
        if (iptables.isEmpty()) {
            lines.add("  culvert demo --compare iptables     the same through the kernel, side by side");
        }
        if (plan.killAfter() == 0) {
            lines.add("  culvert demo --kill-after 5         the relay is killed meanwhile; its streams go on");
        }
        lines.add("  culvert demo --flows 50000          as many clients as one address has ports");
        lines.add("  culvert sizing --streams 50000 --bitrate 1M --packet-size 800");
        lines.add("  culvert config check deploy/examples/appliance.yaml, then culvert run -c FILE on real NICs");
    }

    /** One object. */
    public void json(final PrintWriter to) {
        try (Output out = new Output(to)) {
            final Json json = new Json(out);
            json.beginObject();
            fields(json, culvert, driver.label());
            culvert.restart().ifPresent(restart -> json
                    .name("sessionsBefore").value(restart.sessionsBefore())
                    .name("sessionsKept").value(restart.sessionsKept())
                    .name("outageMillis").value(restart.outageMillis())
                    .name("samePorts").value(restart.ports().same())
                    .name("changedPorts").value(restart.ports().changed())
                    .name("silentFlows").value(restart.ports().silent()));
            json.name("refusedDrivers").beginObject();
            refused.forEach((other, why) -> json.name(other.label()).value(why));
            json.endObject();
            iptables.ifPresent(outcome -> {
                json.name("iptables").beginObject();
                fields(json, outcome, outcome.relay());
                json.endObject();
            });
            json.endObject();
            out.endLine();
        }
    }

    private void fields(final Json json, final Outcome outcome, final String through) {
        final ClientResult client = outcome.client();
        json.name("driver").value(through).name("topology").value(plan.topology().label())
                .name("flows").value(plan.flows()).name("flowsAnswered").value(client.flowsAnswered())
                .name("seconds").value(client.seconds()).name("payload").value(plan.payload())
                .name("sent").value(client.sent()).name("received").value(client.received())
                .name("lost").value(client.lost()).name("reordered").value(client.reordered())
                .name("duplicated").value(client.duplicated()).name("corrupted").value(client.corrupted())
                .name("sendErrors").value(client.sendErrors());
        json.name("rttMicros").beginObject().name("p50").value(client.p50Micros()).name("p99")
                .value(client.p99Micros()).name("p999").value(client.p999Micros()).endObject();
        relay(json, outcome);
        json.name("machineCpuPercent").value(rounded(outcome.machinePercent()));
        json.name("observedSource").value(outcome.echo().address());
        json.name("observedPorts").beginObject().name("lowest").value(outcome.echo().lowestPort())
                .name("highest").value(outcome.echo().highestPort()).name("distinct").value(outcome.echo().ports())
                .endObject();
    }

    private static void relay(final Json json, final Outcome outcome) {
        final BoxReport box = outcome.box();
        json.name("relay").beginObject().name("rxPackets").value(box.traffic().received())
                .name("txPackets").value(box.traffic().sent())
                .name("rxPacketsPerSecond").value(outcome.receivedPerSecond())
                .name("txPacketsPerSecond").value(outcome.sentPerSecond())
                .name("drops").beginObject();
        box.drops().forEach((reason, packets) -> json.name(reason).value(packets));
        json.endObject().name("missed").value(box.missed()).name("ledgerBalanced").value(box.isBalanced())
                .name("longestPauseMicros").value(rounded(box.longestPauseMicros()))
                .name("cpuPercent").value(rounded(outcome.cpuPercent())).endObject();
    }

    private static String count(final long number) {
        return String.format(Locale.ROOT, "%,d", number);
    }

    private static String micros(final double number) {
        return String.format(Locale.ROOT, "%,.0f us", number);
    }

    private static String percent(final double number) {
        return Double.isNaN(number) ? "too short to tell" : String.format(Locale.ROOT, "%.0f %% of one core", number);
    }

    private static double rounded(final double number) {
        return Math.rint(number * DECIMALS) / DECIMALS;
    }
}
