// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Tsc;
import io.culvert.control.Failure;
import io.culvert.control.bench.StallReport.Side;
import io.culvert.control.boot.ControlThreads;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.dataplane.worker.Worker;
import io.culvert.dataplane.worker.WorkerLoop;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;

/**
 * How long does a worker stay away from its queues, and are packets lost meanwhile, while the rest of the process and
 * its operators are busy? The production loop and a polling loop in C take turns on one core, second by second, under
 * the same disturbances: what the machine does to both is no pause of Java's.
 */
public final class StallBench {
    static final int RING = 4_096;

    static final int SLICE_MS = 1_000;
    /** In which the slice's thread starts, among all others, and arrives at its core. */
    private static final int SETTLE_MS = 150;
    private static final long PATIENCE_NS = TimeUnit.SECONDS.toNanos(8);

    private final StallPlan plan;
    private final Bed bed;
    private final Twin twin;
    private final Cores cores;

    private StallBench(final StallPlan plan, final Bed bed, final Twin twin, final Cores cores) {
        this.plan = plan;
        this.bed = bed;
        this.twin = twin;
        this.cores = cores;
    }

    /** @throws Failure when Java and C do not do the same, or what shall disturb them does not */
    public static StallReport run(final StallPlan plan) {
        final MemoryPlan memory = Bed.initEal();
        try {
            final Machine machine = Machine.here();
            final Cores cores = Cores.divide();
            try (Bed bed = new Bed(memory, plan.flows(), plan.packetSize(), plan.burst(), Mix.ESTABLISHED, 1, true)) {
                try (Twin twin = Pinned.run(cores.worker(), () -> prepare(bed, plan))) {
                    return new StallBench(plan, bed, twin, cores).measure(machine);
                }
            }
        } finally {
            Eal.cleanup();
        }
    }

    private static Twin prepare(final Bed bed, final StallPlan plan) {
        bed.prepare(0);
        final Course course = new Course(bed, 0, plan.burst());
        final Twin twin = bed.twin(0);
        final JavaWalker java = new JavaWalker(bed.relay().workers().getFirst());
        new Comparison(bed, course, plan.burst()).run(java, twin);
        WarmUp.run(course, java, PATIENCE_NS);
        return twin;
    }

    private StallReport measure(final Machine machine) {
        final List<Side> java = new ArrayList<>();
        final List<Side> c = new ArrayList<>();
        try (Disturbance disturbance = new Disturbance(bed)) {
            ControlThreads.goFirst();
            javaSlice(); // the loop itself has to be compiled first
            cSlice();
            for (int slice = 0; slice < plan.seconds() * 1_000 / SLICE_MS; slice += 2) {
                java.add(javaSlice());
                c.add(cSlice());
            }
            final Disturbance.Count count = disturbance.count();
            if (count.scrapes() == 0 || count.dumps() == 0 || count.collections() == 0) {
                throw new Failure(Failure.FAILED, "no figures, because nothing disturbed the worker: " + count
                        + ". Fix: start it by the launcher, ./culvert bench stall, on a machine less busy");
            }
            return new StallReport(plan, machine, cores.isShared(), bed.flowsOnHugePages(), java, c, count);
        }
    }

    private Side javaSlice() {
        final Worker worker = bed.relay().workers().getFirst();
        final AtomicReference<Throwable> failure = new AtomicReference<>();
        final Gaps gaps = new Gaps();
        final long from = from();
        final WorkerLoop loop = new WorkerLoop(
                "worker-0", worker, new GapClock(bed.clock(), from, gaps), cores.worker(), false, failure::set);
        loop.start();
        sleep(SETTLE_MS + SLICE_MS);
        loop.stop();
        loop.join();
        if (failure.get() != null) {
            throw new IllegalStateException("the worker failed", failure.get());
        }
        return side(gaps);
    }

    private Side cSlice() {
        final Gaps gaps = new Gaps();
        final long from = from();
        Pinned.run(cores.worker(), () -> {
            twin.poll(from, from + Tsc.hz() / 1_000 * SLICE_MS, gaps);
            return null;
        });
        return side(gaps);
    }

    /** Starts both streams. @return the TSC at which the slice begins to count */
    private long from() {
        final long from = Tsc.cycles() + Tsc.hz() / 1_000 * SETTLE_MS;
        bed.streams(0).forEach(stream -> stream.pace((double) plan.rate() / Tsc.hz(), RING, from));
        return from;
    }

    private Side side(final Gaps gaps) {
        return new Side(gaps, bed.streams(0).stream().mapToLong(Stream::received).sum(),
                bed.streams(0).stream().mapToLong(Stream::lost).sum());
    }

    private static void sleep(final int ms) {
        try {
            Thread.sleep(ms);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
