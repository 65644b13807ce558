// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

/** Spans of time for people: two units at most. */
final class Durations {
    private static final long SECOND = 1000;
    private static final long MINUTE = 60 * SECOND;
    private static final long HOUR = 60 * MINUTE;
    private static final long DAY = 24 * HOUR;

    static String brief(final long millis) {
        if (millis < MINUTE) {
            return millis / SECOND + "." + millis % SECOND / 100 + "s";
        }
        if (millis < HOUR) {
            return two(millis, MINUTE, "m", SECOND, "s");
        }
        return millis < DAY ? two(millis, HOUR, "h", MINUTE, "m") : two(millis, DAY, "d", HOUR, "h");
    }

    private static String two(final long millis, final long large, final String largeUnit, final long small,
                              final String smallUnit) {
        final long rest = millis % large / small;
        return millis / large + largeUnit + (rest < 10 ? "0" : "") + rest + smallUnit;
    }

    private Durations() { }
}
