// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.demo.Scene;
import io.culvert.control.view.Output;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import picocli.CommandLine.Option;

/** What all benchmarks have in common: how long they may take, and what becomes of the report. */
final class BenchOutput {
    @Option(names = "--quick", description = "Shorter rounds: done within 40 seconds.")
    private boolean quick;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = "--svg", paramLabel = "FILE", description = "Also draw the figures into this file.")
    private Path svg;

    boolean isQuick() {
        return quick;
    }

    /** For benchmarks that start processes. @throws Failure when the user stopped it */
    static <T> T untilStopped(final Function<StopSignal, T> benchmark) {
        try (StopSignal signal = new StopSignal()) {
            return benchmark.apply(signal);
        } catch (final Scene.Stopped e) {
            throw new Failure(Failure.FAILED, "stopped; everything is removed again. Fix: let it end", e);
        }
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
