// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.boot.MemoryPlan;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/**
 * Do two workers walk twice as many packets as one? Each has its core, its queues and its table; what they share is
 * the last-level cache, the memory and the next hops. First each walks alone, then both at once.
 */
final class TwoWorkers {
    private static final int WORKERS = 2;
    private static final int LAPS_LIMIT = 4_096;
    private static final long STRETCH_NS = TimeUnit.MILLISECONDS.toNanos(300);

    private final Bed bed;
    private final int burst;
    private final Effort effort;
    private final CyclicBarrier turn = new CyclicBarrier(WORKERS);

    /** Packets per ns of one worker, by round. */
    private record Pace(double[] alone, double[] together) { }

    private TwoWorkers(final Bed bed, final int burst, final Effort effort) {
        this.bed = bed;
        this.burst = burst;
        this.effort = effort;
    }

    /** @return packets per second of both at once over those of one alone; the packet source's work is part of it */
    static double run(final MemoryPlan memory, final int sessions, final ScalePlan plan) {
        try (Bed bed = new Bed(memory, sessions, plan.packetSize(), plan.burst(), Mix.ESTABLISHED, WORKERS)) {
            Pinned.run(() -> {
                IntStream.range(0, WORKERS).forEach(bed::prepare);
                return null;
            });
            final TwoWorkers pair = new TwoWorkers(bed, plan.burst(), Effort.ofScale(plan.quick(), false));
            final List<Pace> paces = Pinned.run(IntStream.range(0, WORKERS)
                    .<Callable<Pace>>mapToObj(number -> () -> pair.walk(number)).toList());
            final double[] ratios = new double[pair.effort.rounds()];
            for (int round = 0; round < ratios.length; round++) {
                final int index = round;
                ratios[round] = WORKERS * paces.stream().mapToDouble(pace -> pace.together()[index]).sum()
                        / paces.stream().mapToDouble(pace -> pace.alone()[index]).sum();
            }
            return Median.of(ratios).value();
        }
    }

    private Pace walk(final int number) {
        final JavaWalker walker = new JavaWalker(bed.relay().workers().get(number));
        final Course course = new Course(bed, number, burst);
        WarmUp.run(course, walker, effort.patienceNs());
        final Pace pace = new Pace(new double[effort.rounds()], new double[effort.rounds()]);
        for (int round = 0; round < effort.rounds(); round++) {
            for (int whose = 0; whose < WORKERS; whose++) {
                await();
                if (whose == number) {
                    pace.alone()[round] = stretch(course, walker);
                }
            }
            await();
            pace.together()[round] = stretch(course, walker);
        }
        return pace;
    }

    /** @return packets per ns */
    private static double stretch(final Course course, final Walker walker) {
        final double[] laps = new double[LAPS_LIMIT];
        final long end = System.nanoTime() + STRETCH_NS;
        int done = 0;
        while (done == 0 || done < LAPS_LIMIT && System.nanoTime() < end) {
            laps[done++] = course.lap(walker);
        }
        return 1 / Median.of(Arrays.copyOf(laps, done)).value();
    }

    private void await() {
        try {
            turn.await();
        } catch (final InterruptedException | BrokenBarrierException e) {
            throw new IllegalStateException("the other worker has failed", e);
        }
    }
}
