// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.KernelBench;
import io.culvert.control.bench.KernelPlan;
import io.culvert.control.bench.KernelReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert bench kernel}: Culvert next to the iptables rules that it replaces. */
@Command(
        name = "kernel",
        header = {
            "Measures the CPU time of a relayed packet through Culvert and through iptables, on the same veth pairs.",
            "",
            "  culvert bench kernel",
            "  culvert bench kernel --rate 50000 --json",
            ""
        },
        description = {
            "Packets go one way through DNAT and SNAT, in network namespaces of this host and nowhere else. Needs root."
                    + " What the packets cost over a straight cable is subtracted.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchKernelCommand implements Runnable {
    private static final int MOST_FLOWS = 10_000;
    private static final int MOST_PAYLOAD = 1_472;
    private static final int LEAST_PAYLOAD = 32;

    @Spec
    private CommandSpec spec;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "500",
            description = "Clients, each with its own source port; default ${DEFAULT-VALUE}.")
    private int flows;

    @Option(names = "--rate", paramLabel = "PPS", defaultValue = "100000",
            description = "Packets per second at which the CPU time is compared; default ${DEFAULT-VALUE}.")
    private int rate;

    @Option(names = "--payload", paramLabel = "BYTES", defaultValue = "758",
            description = "UDP payload, 32 to 1472; default ${DEFAULT-VALUE}, an Ethernet frame of 800 bytes.")
    private int payload;

    @Mixin
    private BenchOutput output;

    @Override
    public void run() {
        LabOptions.check("--flows", flows, 1, MOST_FLOWS);
        LabOptions.check("--rate", rate, 1_000, 1_000_000);
        LabOptions.check("--payload", payload, LEAST_PAYLOAD, MOST_PAYLOAD);
        final KernelPlan plan = new KernelPlan(flows, rate, payload, output.isQuick());
        final KernelReport report = BenchOutput.untilStopped(
                signal -> KernelBench.run(plan, signal, spec.commandLine().getErr()::println));
        output.print(spec.commandLine().getOut(), report::json, report::text, report::svg);
    }
}
