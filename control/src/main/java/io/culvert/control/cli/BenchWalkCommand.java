// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.bench.Mix;
import io.culvert.control.bench.WalkBench;
import io.culvert.control.bench.WalkPlan;
import io.culvert.control.bench.WalkReport;
import io.culvert.control.view.Output;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.Command;
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
            "A packet source in place of the NIC hands out fresh packets of random sessions, in both directions; its own"
                    + " cost is subtracted. Java and C walk the same packets through the same flow table in turn, after"
                    + " it is proved that both send the same bytes and count the same.",
            "",
            "Mixes:",
            "  established  every packet belongs to an open session; as many go forward as back",
            "  new          every packet is the first of a new session; between the measured laps all sessions end",
            "  drop         half the packets are addressed to another MAC, half to a port where nobody listens",
            "  icmp         echo requests to the relay's own addresses, which it answers",
            ""
        },
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class BenchWalkCommand implements Runnable {
    private static final int FEWEST_FLOWS = 64;
    private static final int MOST_FLOWS = 8_000_000;
    /** Shorter, and Ethernet pads the frame. */
    private static final int SHORTEST_PACKET = 18;
    /** An MTU of 1,500 without the IP and UDP headers. */
    private static final int LONGEST_PACKET = 1_472;
    private static final int LONGEST_BURST = 64;
    private static final int MOST_ROUNDS = 1_000;

    @Spec
    private CommandSpec spec;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "50000",
            description = "Sessions; default ${DEFAULT-VALUE}.")
    private int flows;

    @Option(names = "--packet-size", paramLabel = "BYTES", defaultValue = "800",
            description = "UDP payload; default ${DEFAULT-VALUE}.")
    private int packetSize;

    @Option(names = "--burst", paramLabel = "N", defaultValue = "64",
            description = "Packets that the source hands out at once; default and most ${DEFAULT-VALUE}.")
    private int burst;

    @Option(names = "--mix", paramLabel = "MIX", defaultValue = "established",
            description = "What the packets are: established, new, drop or icmp; default ${DEFAULT-VALUE}.")
    private Mix mix;

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "7",
            description = "The figures are medians over so many rounds; default ${DEFAULT-VALUE}.")
    private int rounds;

    @Option(names = "--quick", description = "Shorter rounds: done within 40 seconds.")
    private boolean quick;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = "--svg", paramLabel = "FILE", description = "Also draw the stages into this file.")
    private Path svg;

    @Override
    public void run() {
        LabOptions.check("--flows", flows, FEWEST_FLOWS, MOST_FLOWS);
        LabOptions.check("--packet-size", packetSize, SHORTEST_PACKET, LONGEST_PACKET);
        LabOptions.check("--burst", burst, 1, LONGEST_BURST);
        LabOptions.check("--rounds", rounds, 1, MOST_ROUNDS);
        final WalkReport report = WalkBench.run(new WalkPlan(flows, packetSize, burst, mix, rounds, quick));
        if (json) {
            try (Output out = new Output(spec.commandLine().getOut())) {
                report.json(out);
            }
        } else {
            report.text().forEach(spec.commandLine().getOut()::println);
        }
        if (svg != null) {
            draw(report.svg());
        }
    }

    private void draw(final String chart) {
        try {
            Files.writeString(svg, chart);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot write " + svg + ": " + e.getMessage()
                    + ". Fix: name a file that you may write", e);
        }
    }
}
