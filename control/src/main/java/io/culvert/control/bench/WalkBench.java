// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.control.bench.WalkReport.Round;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.dataplane.worker.StageProbe.Stage;
import java.util.ArrayList;
import java.util.List;

/**
 * How long does a packet's walk take, in Java and in C? Both walk the same packets through the same table, in turn, on
 * one core. Before anything is measured the two must send the same bytes and count the same.
 */
public final class WalkBench {
    private final WalkPlan plan;
    private final Course course;
    private final JavaWalker java;
    private final Twin c;
    private final int laps;

    private WalkBench(final WalkPlan plan, final Course course, final JavaWalker java, final Twin c) {
        this.plan = plan;
        this.course = course;
        this.java = java;
        this.c = c;
        this.laps = plan.effort().laps();
    }

    /** @throws io.culvert.control.Failure when Java and C do not do the same */
    public static WalkReport run(final WalkPlan plan) {
        final MemoryPlan memory = Bed.initEal();
        try {
            final Machine machine = Machine.here();
            final Measured measured = measure(memory, plan, true);
            return new WalkReport(plan, machine, memory.huge(), measured.flowsOnHugePages(), measured.isSteady(),
                    measured.allocated(), measured.rounds(), measured.javaStages(), measured.cStages());
        } finally {
            Eal.cleanup();
        }
    }

    /** What one bed gives. Stages in TSC cycles a packet, or null; {@code allocated} in heap bytes a packet. */
    record Measured(List<Round> rounds, double[] javaStages, double[] cStages, boolean isSteady, double allocated,
                    boolean flowsOnHugePages) { }

    /** One bed from its building to its figures. EAL must be there. @param staged whether to measure the stages, too */
    static Measured measure(final MemoryPlan memory, final WalkPlan plan, final boolean staged) {
        try (Bed bed = new Bed(memory, plan.flows(), plan.packetSize(), plan.burst(), plan.mix(), 1)) {
            return Pinned.run(() -> {
                bed.prepare(0);
                final Course course = new Course(bed, 0, plan.burst());
                try (Twin twin = bed.twin(0)) {
                    final JavaWalker java = new JavaWalker(bed.relay().workers().getFirst());
                    new Comparison(bed, course, plan.burst()).run(java, twin);
                    return new WalkBench(plan, course, java, twin)
                            .measure(bed.flowsOnHugePages(), staged);
                }
            });
        }
    }

    private Measured measure(final boolean flowsOnHugePages, final boolean staged) {
        final boolean isSteady = WarmUp.run(course, java, plan.effort().patienceNs());
        final List<Round> rounds = new ArrayList<>();
        for (int round = 0; round < plan.effort().rounds(); round++) {
            rounds.add(round());
        }
        final double allocated = course.allocated(java);
        return new Measured(rounds, staged ? stages(java) : null, staged ? stages(c) : null, isSteady, allocated,
                flowsOnHugePages);
    }

    /** Java, C and the source alone in turn, lap by lap; the medians of the laps. */
    private Round round() {
        final double[] javaNs = new double[laps];
        final double[] cNs = new double[laps];
        final double[] sourceNs = new double[laps];
        for (int lap = 0; lap < laps; lap++) {
            javaNs[lap] = course.lap(java);
            cNs[lap] = course.lap(c);
            sourceNs[lap] = course.sourceLap();
        }
        final double source = Median.of(sourceNs).value();
        return new Round(Median.of(javaNs).value() - source, Median.of(cNs).value() - source, source);
    }

    private double[] stages(final Walker walker) {
        final List<double[]> done = new ArrayList<>();
        course.stagedLap(walker); // its own code has to be compiled first
        for (int lap = 0; lap < 2 * laps; lap++) {
            done.add(course.stagedLap(walker));
        }
        final double[] stages = new double[Stage.values().length];
        for (int stage = 0; stage < stages.length; stage++) {
            final int index = stage;
            stages[stage] = Median.of(done, lap -> lap[index]).value();
        }
        return stages;
    }
}
