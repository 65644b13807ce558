// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import io.culvert.control.bench.ScaleReport.Point;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.dataplane.flow.FlowFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;

/**
 * What does the walk cost when there are many sessions, how fast do sessions open, how much memory does one take, and
 * what does a second worker add?
 */
public final class ScaleBench {
    private static final List<Integer> SESSIONS = List.of(1_000, 50_000, 1_000_000, 4_000_000);
    private static final int USUAL_SESSIONS = 50_000;
    /** Beside its part of the table a session takes the headers of its two packets. */
    private static final int BYTES_BESIDE_TABLE = 192;
    private static final long SPARE_BYTES = 1L << 30;

    private final MemoryPlan memory;
    private final ScalePlan plan;

    private ScaleBench(final MemoryPlan memory, final ScalePlan plan) {
        this.memory = memory;
        this.plan = plan;
    }

    /** @throws io.culvert.control.Failure when Java and C do not do the same */
    public static ScaleReport run(final ScalePlan plan) {
        final MemoryPlan memory = Bed.initEal();
        try {
            return new ScaleBench(memory, plan).measure();
        } finally {
            Eal.cleanup();
        }
    }

    private ScaleReport measure() {
        final Machine machine = Machine.here();
        final List<Point> points = new ArrayList<>();
        final List<Integer> leftOut = new ArrayList<>();
        for (final int sessions : SESSIONS) {
            if (FlowFile.bytesFor(sessions) + (long) sessions * BYTES_BESIDE_TABLE + SPARE_BYTES > availableBytes()) {
                leftOut.add(sessions);
            } else {
                points.add(point(sessions, Mix.ESTABLISHED, Effort.ofScale(plan.quick(), points.isEmpty())));
            }
        }
        final Point opening = point(USUAL_SESSIONS, Mix.NEW, Effort.ofScale(plan.quick(), true));
        final OptionalDouble twoToOne = Lcore.allowedCpus().length < Bed.WORKERS_LIMIT ? OptionalDouble.empty()
                : OptionalDouble.of(TwoWorkers.run(memory, USUAL_SESSIONS, plan));
        return new ScaleReport(plan, machine, memory.huge(), points, leftOut, opening, twoToOne);
    }

    private Point point(final int sessions, final Mix mix, final Effort effort) {
        final WalkBench.Measured measured = WalkBench.measure(
                memory, new WalkPlan(sessions, plan.packetSize(), plan.burst(), mix, effort), false);
        return new Point(sessions, Median.of(measured.rounds(), WalkReport.Round::javaNs).value(),
                Median.of(measured.rounds(), WalkReport.Round::cNs).value(),
                (double) FlowFile.bytesFor(sessions) / sessions, measured.flowsOnHugePages());
    }

    private static long availableBytes() {
        try {
            return Files.readAllLines(Path.of("/proc/meminfo")).stream()
                    .filter(line -> line.startsWith("MemAvailable:"))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")) << 10).findFirst()
                    .orElse(Long.MAX_VALUE);
        } catch (final IOException e) {
            return Long.MAX_VALUE;
        }
    }
}
