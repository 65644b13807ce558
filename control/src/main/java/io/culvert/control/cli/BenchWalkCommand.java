// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.Effort;
import io.culvert.control.bench.Mix;
import io.culvert.control.bench.RefusedBench;
import io.culvert.control.bench.RefusedReport;
import io.culvert.control.bench.WalkBench;
import io.culvert.control.bench.WalkPlan;
import io.culvert.control.bench.WalkReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert bench walk}: the packet's walk alone, Java against C, on one core. */
@Command(
        name = "walk",
        header = {
            "Measures the walk of a packet alone, on one core: the production worker next to the same walk in C.",
            "",
            "  culvert bench walk",
            "  culvert bench walk --flows 1000000 --mix drop --svg walk.svg",
            ""
        },
        description = {
            "A packet source in place of the NIC hands out fresh packets of random sessions, in both directions; its"
                    + " own cost is subtracted. Java and C walk the same packets through the same flow table in turn,"
                    + " after it is proved that both send the same bytes and count the same.",
            "",
            "Mixes:",
            "  established   open sessions only, as many packets forward as back",
            "  fragmentable  the same without DF, so that each packet gets an IP id",
            "  new           every packet opens a session; between laps all end",
            "  drop          to another MAC, or to a port where nobody listens",
            "  icmp          echo requests to the relay, which it answers",
            "  refused       first packets of sessions that cannot be opened, by reason; Java alone",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchWalkCommand implements Runnable {
    private static final int FEWEST_FLOWS = 64;
    private static final int MOST_FLOWS = 8_000_000;
    private static final int MOST_ROUNDS = 1_000;

    @Spec
    private CommandSpec spec;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "50000",
            description = "Sessions; default ${DEFAULT-VALUE}.")
    private int flows;

    @Option(names = "--mix", paramLabel = "MIX", defaultValue = "established",
            description = "What the packets are: established, fragmentable, new,"
                    + " drop, icmp or refused; default ${DEFAULT-VALUE}.")
    private Mix mix;

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "7",
            description = "The figures are medians over so many rounds; default ${DEFAULT-VALUE}.")
    private int rounds;

    @Mixin
    private BenchOptions options;

    @Mixin
    private BenchOutput output;

    @Override
    public void run() {
        LabOptions.check("--flows", flows, FEWEST_FLOWS, MOST_FLOWS);
        LabOptions.check("--rounds", rounds, 1, MOST_ROUNDS);
        options.check();
        final WalkPlan plan = new WalkPlan(
                flows, options.packetSize(), options.burst(), mix, Effort.ofWalk(rounds, output.isQuick()));
        if (mix == Mix.REFUSED) {
            final RefusedReport report = RefusedBench.run(plan);
            output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
            return;
        }
        final WalkReport report = WalkBench.run(plan);
        output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
    }
}
