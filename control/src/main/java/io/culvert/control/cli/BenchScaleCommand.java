// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.ScaleBench;
import io.culvert.control.bench.ScalePlan;
import io.culvert.control.bench.ScaleReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert bench scale}: many sessions, new sessions, two workers. */
@Command(
        name = "scale",
        header = {
            "Measures the walk with 1,000 to 4 million sessions, the opening of sessions, and a second worker.",
            "",
            "  culvert bench scale",
            "  culvert bench scale --json --svg scale.svg",
            ""
        },
        description = {
            "Each figure is taken as culvert bench walk takes it. The bytes per session are those of the flow table,"
                    + " index and both directions included. Four million sessions need 2.5 GB of memory.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchScaleCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchOptions options;

    @Mixin
    private BenchOutput output;

    @Override
    public void run() {
        options.check();
        final ScaleReport report =
                ScaleBench.run(new ScalePlan(options.packetSize(), options.burst(), output.isQuick()));
        output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
    }
}
