// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import java.math.BigDecimal;
import java.time.Duration;

/** What the lab's verbs ask of their numbers. */
final class LabOptions {
    static final int MOST_SECONDS = 10_000_000;

    private static final double SECOND_NS = 1e9;

    private LabOptions() {
    }

    static void check(final String option, final double value, final double least, final double most) {
        if (!(value >= least && value <= most)) {
            throw new Failure(Failure.USAGE, option + " " + plain(value) + " is out of range. Fix: "
                    + plain(least) + " to " + plain(most));
        }
    }

    static Duration duration(final double seconds) {
        return Duration.ofNanos((long) (seconds * SECOND_NS));
    }

    private static String plain(final double value) {
        return Double.isFinite(value)
                ? BigDecimal.valueOf(value).stripTrailingZeros().toPlainString() : String.valueOf(value);
    }
}
