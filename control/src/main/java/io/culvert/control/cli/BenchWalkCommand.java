// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.bench.WalkBench;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code culvert bench walk}: the packet's walk alone, Java against C, on one core. */
@Command(
        name = "walk",
        description = "Measures the packet's walk alone on one core, next to the same walk in C.",
        mixinStandardHelpOptions = true)
final class BenchWalkCommand implements Runnable {
    @Option(names = "--flows", paramLabel = "N", defaultValue = "50000", description = "Sessions.")
    private int flows;

    @Option(names = "--packet-size", paramLabel = "BYTES", defaultValue = "800", description = "UDP payload.")
    private int packetSize;

    @Option(names = "--burst", paramLabel = "N", defaultValue = "64", description = "Packets per burst.")
    private int burst;

    @Option(names = "--rounds", paramLabel = "N", defaultValue = "7", description = "Rounds.")
    private int rounds;

    @Override
    public void run() {
        WalkBench.run(flows, packetSize, burst, rounds);
    }
}
