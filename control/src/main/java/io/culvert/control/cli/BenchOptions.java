// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.view.Output;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** What the benchmarks of the walk have in common: the packets, and what becomes of the report. */
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

    @Option(names = "--quick", description = "Shorter rounds: done within 40 seconds.")
    private boolean quick;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = "--svg", paramLabel = "FILE", description = "Also draw the figures into this file.")
    private Path svg;

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

    boolean isQuick() {
        return quick;
    }

    void print(final PrintWriter to, final Consumer<Output> object, final Supplier<List<String>> text,
               final Supplier<String> chart) {
        if (json) {
            try (Output out = new Output(to)) {
                object.accept(out);
            }
        } else {
            text.get().forEach(to::println);
        }
        if (svg != null) {
            draw(chart.get());
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
