// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.OpenFiles;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Runs a client plan in this process or, where one process may not hold that many sockets open, in several, whose
 * reports add up to one.
 */
public final class ClientFleet implements AutoCloseable {
    /** Descriptors that the JVM, its libraries and the lab itself hold. */
    private static final int OTHER_FILES = 512;
    private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(1);
    private static final Duration WATCH_INTERVAL = Duration.ofMillis(20);

    private final List<ClientProcess> processes = new ArrayList<>();

    private ClientFleet(final ClientPlan plan, final int parts) {
        for (int part = 0; part < parts; part++) {
            processes.add(ClientProcess.start(plan.part(part, parts)));
        }
    }

    /** @param progress gets a report per second */
    public static ClientReport run(
            final ClientPlan plan, final StopSignal stop, final Consumer<ClientReport> progress) {
        return run(plan, stop, () -> { }, progress);
    }

    /** @param start sending begins when it returns; this process is warm then, others that it needs start later */
    public static ClientReport run(final ClientPlan plan, final StopSignal stop, final Runnable start,
                                   final Consumer<ClientReport> progress) {
        final long share = OpenFiles.allow((long) plan.flows() + OTHER_FILES) - OTHER_FILES;
        if (share >= plan.flows()) {
            WarmUp.run(stop);
            start.run();
            return new Client(plan, stop, progress).run();
        }
        if (share < 1) {
            throw new Failure(Failure.FAILED, "no flow can be opened: this process may hold only "
                    + (share + OTHER_FILES) + " files open. Fix: raise the hard limit (ulimit -Hn)");
        }
        start.run();
        return runInProcesses(plan, Math.ceilDiv(plan.flows(), (int) share), stop, progress);
    }

    static ClientReport runInProcesses(
            final ClientPlan plan, final int parts, final StopSignal stop, final Consumer<ClientReport> progress) {
        try (ClientFleet fleet = new ClientFleet(plan, parts)) {
            fleet.watch(stop, progress);
            return fleet.processes.stream().map(ClientProcess::result).reduce(ClientReport::plus).orElseThrow();
        }
    }

    @Override
    public void close() {
        processes.forEach(ClientProcess::close);
    }

    private void watch(final StopSignal stop, final Consumer<ClientReport> progress) {
        long nextNs = System.nanoTime() + PROGRESS_INTERVAL.toNanos();
        while (!processes.stream().allMatch(ClientProcess::hasEnded)) {
            if (stop.await(WATCH_INTERVAL) || processes.stream().anyMatch(ClientProcess::hasFailed)) {
                processes.forEach(ClientProcess::stop);
                return;
            }
            if (System.nanoTime() >= nextNs) {
                nextNs += PROGRESS_INTERVAL.toNanos();
                processes.stream().map(ClientProcess::latest).reduce(ClientReport::plus).ifPresent(progress);
            }
        }
    }
}
