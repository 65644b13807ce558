// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.concurrent.TimeUnit;

/**
 * How much time a measurement may take.
 *
 * @param laps of a round
 * @param patienceNs until the JIT must have come to rest
 */
public record Effort(int rounds, int laps, long patienceNs) {
    private static final int LAPS = 60;
    private static final int QUICK_LAPS = 25;

    /** For {@code culvert bench walk}. */
    public static Effort ofWalk(final int rounds, final boolean quick) {
        return quick ? new Effort(rounds, QUICK_LAPS, TimeUnit.SECONDS.toNanos(12))
                : new Effort(rounds, LAPS, TimeUnit.SECONDS.toNanos(40));
    }

    /** For one of the many figures of {@code culvert bench scale}. @param first whether the JIT is still cold */
    static Effort ofScale(final boolean quick, final boolean first) {
        if (quick) {
            return new Effort(3, 12, TimeUnit.SECONDS.toNanos(first ? 6 : 2));
        }
        return new Effort(5, QUICK_LAPS, TimeUnit.SECONDS.toNanos(first ? 15 : 6));
    }
}
