// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.StopSignal;
import io.culvert.control.bench.StartBench;
import io.culvert.control.bench.StartPlan;
import io.culvert.control.bench.StartReport;
import io.culvert.control.demo.Unprivileged;
import io.culvert.control.view.Output;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert bench start}: from exec to ready, and the first seconds after it. */
@Command(
        name = "start",
        header = {
            "Measures how soon the relay is ready, and what it loses in the first five seconds after that.",
            "",
            "  culvert bench start",
            "  culvert bench start --rate 50000 --json",
            ""
        },
        description = {
            "Clients, relay and server in network namespaces of this host, as in culvert demo. The clients stand ready"
                    + " and send from the moment on at which the relay is; the server sends everything back.",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        usageHelpAutoWidth = true)
final class BenchStartCommand implements Callable<Integer> {
    private static final int USUAL_STARTS = 5;
    private static final int QUICK_STARTS = 2;
    private static final int MOST_STARTS = 100;
    private static final int MOST_FLOWS = 60_000;
    private static final int MOST_RATE = 1_000_000;
    private static final int LEAST_PAYLOAD = 32;
    private static final int MOST_PAYLOAD = 1_472;

    @Spec
    private CommandSpec spec;

    @Option(names = "--rate", paramLabel = "PPS", defaultValue = "20000",
            description = "Packets per second in each direction; default ${DEFAULT-VALUE}.")
    private int rate;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "1000",
            description = "Clients, each with its own source port; default ${DEFAULT-VALUE}.")
    private int flows;

    @Option(names = "--packet-size", paramLabel = "BYTES", defaultValue = "800",
            description = "UDP payload; default ${DEFAULT-VALUE}.")
    private int packetSize;

    @Option(names = "--starts", paramLabel = "N", description = "How often; default 5, with --quick 2.")
    private Integer starts;

    @Option(names = "--quick", description = "Fewer starts: done within 40 seconds.")
    private boolean quick;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        final int times = starts != null ? starts : quick ? QUICK_STARTS : USUAL_STARTS;
        LabOptions.check("--starts", times, 1, MOST_STARTS);
        LabOptions.check("--rate", rate, 1, MOST_RATE);
        LabOptions.check("--flows", flows, 1, MOST_FLOWS);
        LabOptions.check("--packet-size", packetSize, LEAST_PAYLOAD, MOST_PAYLOAD);
        try (StopSignal signal = new StopSignal()) {
            if (!Unprivileged.isPrivileged()) {
                return Unprivileged.run(spec.root().commandLine().getParseResult().originalArgs(), signal);
            }
            final StartReport report = StartBench.run(new StartPlan(times, flows, rate, packetSize), signal);
            if (json) {
                try (Output out = new Output(spec.commandLine().getOut())) {
                    report.json(out);
                }
            } else {
                report.text().forEach(spec.commandLine().getOut()::println);
            }
        }
        return CommandLine.ExitCode.OK;
    }
}
