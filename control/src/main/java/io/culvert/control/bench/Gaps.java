// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.ffi.Bench;

/**
 * How long a loop stayed away from its queues, in TSC cycles: the longest exactly, the others to one part in 32. Its
 * buckets are those of {@code culvert_bench_gaps}. Recording allocates nothing.
 */
final class Gaps {
    private static final int EXACT = Bench.CULVERT_BENCH_GAPS_EXACT();
    private static final int EXACT_BITS = Integer.numberOfTrailingZeros(EXACT);

    private final long[] counts = new long[Bench.CULVERT_BENCH_GAPS_BUCKETS()];
    private long longest;

    void record(final long cycles) {
        counts[bucket(cycles)]++;
        longest = Math.max(longest, cycles);
    }

    void add(final long[] otherCounts, final long otherLongest) {
        for (int bucket = 0; bucket < counts.length; bucket++) {
            counts[bucket] += otherCounts[bucket];
        }
        longest = Math.max(longest, otherLongest);
    }

    void add(final Gaps other) {
        add(other.counts, other.longest);
    }

    long longest() {
        return longest;
    }

    long count() {
        return longerThan(-1);
    }

    /** How many gaps lie in higher buckets than this many cycles. */
    long longerThan(final long cycles) {
        long count = 0;
        for (int bucket = cycles < 0 ? 0 : bucket(cycles) + 1; bucket < counts.length; bucket++) {
            count += counts[bucket];
        }
        return count;
    }

    /** The lowest value of the bucket that so many percent of all gaps do not exceed; 0 if there are none. */
    long percentile(final double percent) {
        final long wanted = (long) Math.ceil(count() * percent / 100);
        long seen = 0;
        for (int bucket = 0; bucket < counts.length; bucket++) {
            seen += counts[bucket];
            if (seen >= wanted && seen > 0) {
                return lowest(bucket);
            }
        }
        return 0;
    }

    static int bucket(final long cycles) {
        final int shift = Math.max(0, Long.SIZE - 1 - Long.numberOfLeadingZeros(cycles | 1) - EXACT_BITS);
        return (shift << EXACT_BITS) + (int) (cycles >>> shift);
    }

    static long lowest(final int bucket) {
        final int shift = Math.max(0, (bucket >> EXACT_BITS) - 1);
        return (long) (bucket - (shift << EXACT_BITS)) << shift;
    }
}
