// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.StallBench;
import io.culvert.control.bench.StallPlan;
import io.culvert.control.bench.StallReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert bench stall}: what collections, scrapes and dumps do to the polling loop. */
@Command(
        name = "stall",
        header = {
            "Measures how long the worker's loop stays away from its queues while everything else is busy.",
            "",
            "  culvert bench stall",
            "  culvert bench stall --rate 7812500 --json --svg stall.svg",
            ""
        },
        description = {
            "While packets arrive at a steady rate, /metrics is scraped five times a second, culvert flows -o json"
                    + " dumps all sessions in a loop and the heap is collected every second. The production loop and a"
                    + " loop in C take turns on the last core, second by second; everything else has the other cores.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchStallCommand implements Runnable {
    private static final int FEWEST_FLOWS = 64;
    private static final int MOST_FLOWS = 4_000_000;
    private static final int MOST_RATE = 100_000_000;
    private static final int MOST_SECONDS = 3_600;
    private static final int USUAL_SECONDS = 60;
    private static final int QUICK_SECONDS = 20;

    @Spec
    private CommandSpec spec;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "50000",
            description = "Sessions; default ${DEFAULT-VALUE}.")
    private int flows;

    @Option(names = "--rate", paramLabel = "PPS", defaultValue = "2000000",
            description = "Packets per second in each direction; default ${DEFAULT-VALUE}.")
    private int rate;

    @Option(names = "--seconds", paramLabel = "N",
            description = "Half of them are Java's, half are C's; default 60, with --quick 20.")
    private Integer seconds;

    @Mixin
    private BenchOptions options;

    @Mixin
    private BenchOutput output;

    @Override
    public void run() {
        final int lasting = seconds != null ? seconds : output.isQuick() ? QUICK_SECONDS : USUAL_SECONDS;
        LabOptions.check("--flows", flows, FEWEST_FLOWS, MOST_FLOWS);
        LabOptions.check("--rate", rate, 1, MOST_RATE);
        LabOptions.check("--seconds", lasting, 2, MOST_SECONDS);
        options.check();
        final StallReport report = StallBench.run(
                new StallPlan(lasting, flows, rate, options.packetSize(), options.burst()));
        output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
    }
}
