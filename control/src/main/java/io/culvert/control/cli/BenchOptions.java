// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import picocli.CommandLine.Option;

/** What the benchmarks of the walk have in common: the packets. */
final class BenchOptions {
    /** Shorter, and Ethernet pads the frame. */
    private static final int SHORTEST_PACKET = 18;
    /** An MTU of 1,500 without the IP and UDP headers. */
    private static final int LONGEST_PACKET = 1_472;
    private static final int LONGEST_BURST = 64;

    @Option(names = "--packet-size", paramLabel = "BYTES", defaultValue = "800",
            description = "UDP payload; default ${DEFAULT-VALUE}.")
    private int packetSize;

    @Option(names = "--burst", paramLabel = "N", defaultValue = "64",
            description = "Packets that the source hands out at once; default and most ${DEFAULT-VALUE}.")
    private int burst;

    void check() {
        LabOptions.check("--packet-size", packetSize, SHORTEST_PACKET, LONGEST_PACKET);
        LabOptions.check("--burst", burst, 1, LONGEST_BURST);
    }

    int packetSize() {
        return packetSize;
    }

    int burst() {
        return burst;
    }
}
