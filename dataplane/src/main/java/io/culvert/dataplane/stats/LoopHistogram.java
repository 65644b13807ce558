// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

/**
 * How long a worker stayed away from its queues, one bucket per power of two of TSC cycles. This is the honest answer
 * to "but the garbage collector?": every pause of the process, whatever its cause, lands here.
 */
public final class LoopHistogram {
    /** The lowest bucket ends at 2^10 cycles, the highest is open: 2^36 cycles are some 20 s. */
    public static final int BUCKETS = 27;

    private static final int LOWEST_BITS = 10;

    private final WorkerCounters counters;
    private final int first;
    private final int sum;

    public LoopHistogram(final WorkerCounters counters) {
        this.counters = counters;
        this.first = counters.catalog().loops();
        this.sum = counters.catalog().of(CounterCatalog.WorkerCounter.LOOP_CYCLES);
    }

    public void record(final long cycles) {
        counters.increment(first + bucket(cycles));
        counters.add(sum, cycles);
    }

    static int bucket(final long cycles) {
        final int bits = Long.SIZE - Long.numberOfLeadingZeros(cycles);
        return Math.min(Math.max(bits - LOWEST_BITS, 0), BUCKETS - 1);
    }

    /** Every value in the bucket is below this many cycles; the last bucket has no bound. */
    public static String below(final int bucket) {
        return bucket == BUCKETS - 1 ? "+Inf" : Long.toString(1L << LOWEST_BITS + bucket);
    }
}
