// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.util.concurrent.TimeUnit;

/** Walks until the JIT has nothing left to do: the compiler was idle and the pace did not change for a while. */
final class WarmUp {
    private static final CompilationMXBean COMPILER = ManagementFactory.getCompilationMXBean();

    private static final int LAPS = 15;
    private static final int STEADY_WINDOWS = 4;
    private static final double STEADY = 0.03;
    private static final long WINDOW_NS = TimeUnit.MILLISECONDS.toNanos(250);

    /** @return whether it became steady within the time */
    static boolean run(final Course course, final Walker walker, final long limitNs) {
        final long start = System.nanoTime();
        int steady = 0;
        double before = 0;
        while (steady < STEADY_WINDOWS) {
            if (System.nanoTime() - start > limitNs) {
                return false;
            }
            final long compiled = COMPILER.getTotalCompilationTime();
            final double now = window(course, walker);
            final boolean isSteady = COMPILER.getTotalCompilationTime() == compiled
                    && Math.abs(now - before) <= STEADY * now;
            steady = isSteady ? steady + 1 : 0;
            before = now;
        }
        return true;
    }

    private static double window(final Course course, final Walker walker) {
        final long start = System.nanoTime();
        final double[] laps = new double[LAPS];
        int done = 0;
        while (done < LAPS || System.nanoTime() - start < WINDOW_NS) {
            laps[done++ % LAPS] = course.lap(walker);
        }
        return Median.of(laps).value();
    }

    private WarmUp() { }
}
