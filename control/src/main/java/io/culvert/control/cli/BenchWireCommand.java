// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.WireBench;
import io.culvert.control.bench.WirePlan;
import io.culvert.control.bench.WireReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code culvert bench wire}: the whole relay over a wire to a foreign generator. */
@Command(
        name = "wire",
        header = {
            "Measures the relay over a memif wire to dpdk-testpmd, in turn with testpmd's own forwarding modes.",
            "",
            "  culvert bench wire",
            "  culvert bench wire --json --svg wire.svg",
            ""
        },
        description = {
            "testpmd's flowgen sends 64-byte and 800-byte frames of 512 sessions, requests and replies in turn, from"
                    + " one core; the relay (culvert run) or testpmd io, macswap or 5tswap sends them back from"
                    + " another. Two figures for each: the rate at full speed, and the highest rate without loss.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchWireCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Mixin
    private BenchOutput output;

    @Override
    public void run() {
        final WireReport report = BenchOutput.untilStopped(
                signal -> WireBench.run(new WirePlan(output.isQuick()), signal, spec.commandLine().getErr()::println));
        output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
    }
}
