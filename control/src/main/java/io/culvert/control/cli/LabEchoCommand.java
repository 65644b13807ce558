// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.lab.Echo;
import io.culvert.control.lab.EchoReport;
import io.culvert.control.lab.WarmUp;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert lab echo}: sends every datagram back to where it came from, and reports who came. */
@Command(
        name = "echo",
        header = {
            "Sends every UDP datagram back to where it came from.",
            "",
            "  culvert lab echo --listen 0.0.0.0:7890",
            ""
        },
        description = "Ctrl-C or SIGTERM ends it with a report of who came.",
        mixinStandardHelpOptions = true)
final class LabEchoCommand implements Runnable {
    private static final Duration REFRESH = Duration.ofSeconds(1);
    private static final int MOST_WORKERS = 1024;

    @Spec
    private CommandSpec spec;

    @Option(names = "--listen", paramLabel = "ADDRESS:PORT", defaultValue = "0.0.0.0:7890",
            converter = EndpointConverter.class,
            description = "Where to listen; default ${DEFAULT-VALUE}, every address of this host.")
    private InetSocketAddress listen;

    @Option(names = "--workers", paramLabel = "N", defaultValue = "2",
            description = "Threads, each with its own socket; default ${DEFAULT-VALUE}.")
    private int workers;

    @Option(names = "--seconds", paramLabel = "S", description = "End by itself after so long.")
    private Double seconds;

    @Option(names = "--report", paramLabel = "FILE",
            description = "Also keep the report as JSON in this file, replaced every second.")
    private Path reportFile;

    @Option(names = "--flows", paramLabel = "FILE",
            description = "At the end, write here where each flow of lab client came from: run, flow, endpoint, and"
                    + " the monotonic ns it was first and last seen there.")
    private Path flowsFile;

    @Option(names = "--json", description = "Print the report as one JSON object.")
    private boolean json;

    @Override
    public void run() {
        LabOptions.check("--workers", workers, 1, MOST_WORKERS);
        if (seconds != null) {
            LabOptions.check("--seconds", seconds, 0, LabOptions.MOST_SECONDS);
        }
        try (StopSignal stop = new StopSignal()) {
            WarmUp.run(stop);
            final Echo echo = new Echo(SocketAddress.of(listen), workers);
            try (echo) {
                write(echo.report());
                if (flowsFile != null) {
                    echo.logFlows();
                }
                echo.start();
                spec.commandLine().getErr().println("listening on " + SocketAddress.text(echo.endpoint()));
                serve(echo, stop);
            }
            final EchoReport report = echo.report();
            write(report);
            writeFlows(echo);
            spec.commandLine().getOut().println(json ? report.json() : report.text());
        }
    }

    private void writeFlows(final Echo echo) {
        if (flowsFile == null) {
            return;
        }
        try {
            Files.write(flowsFile, echo.flowLines());
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot write the flows to " + flowsFile + ": " + e
                    + ". Fix: --flows in a directory that exists and may be written", e);
        }
    }

    private void serve(final Echo echo, final StopSignal stop) {
        final long limitNs = seconds == null ? Long.MAX_VALUE : LabOptions.duration(seconds).toNanos();
        final long startNs = System.nanoTime();
        while (!echo.hasFailed()) {
            final long leftNs = limitNs - (System.nanoTime() - startNs);
            if (leftNs <= 0 || stop.await(Duration.ofNanos(Math.min(leftNs, REFRESH.toNanos())))) {
                return;
            }
            write(echo.report());
        }
    }

    /** By rename, so that a reader finds the old report or the new one, never half of one. */
    private void write(final EchoReport report) {
        if (reportFile == null) {
            return;
        }
        final Path fresh = reportFile.resolveSibling(reportFile.getFileName() + ".new");
        try {
            Files.writeString(fresh, report.json() + "\n");
            Files.move(fresh, reportFile, StandardCopyOption.ATOMIC_MOVE);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot write the report to " + reportFile + ": " + e
                    + ". Fix: --report in a directory that exists and may be written", e);
        }
    }
}
