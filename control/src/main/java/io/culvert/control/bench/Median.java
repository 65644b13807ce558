// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.util.Arrays;
import java.util.Collection;
import java.util.function.ToDoubleFunction;

/** The middle of several measurements, and how far they lie apart. */
record Median(double value, double min, double max) {

    static Median of(final double... values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        final int middle = sorted.length / 2;
        final double median = sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
        return new Median(median, sorted[0], sorted[sorted.length - 1]);
    }

    static <T> Median of(final Collection<T> rounds, final ToDoubleFunction<T> figure) {
        return of(rounds.stream().mapToDouble(figure).toArray());
    }
}
