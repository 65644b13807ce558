// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import java.util.Arrays;

/**
 * A worker's cycle with the clock read between the stages: which of them costs how much. For the benchmark, which has
 * no hand-overs and no packet that waits; what {@link Worker#doWork} does beside the walk of its bursts is left out.
 */
public final class StageProbe {
    /** In the order of the walk. LOOKUP includes admission. */
    public enum Stage { RECEIVE, PARSE, LOOKUP, REWRITE, TRANSMIT }

    private final Worker worker;
    private final long[] cycles = new long[Stage.values().length];

    public StageProbe(final Worker worker) {
        this.worker = worker;
    }

    /** One burst of each link. Called by the worker's thread in the place of {@link Worker#doWork}. */
    public void doWork() {
        worker.tick(worker.clock.cycles() / worker.cyclesPerMs);
        for (int link = 0; link < worker.queues.length; link++) {
            final long start = worker.clock.cycles();
            final int received = worker.queues[link].receive(worker.burst.received, Burst.CAPACITY);
            if (received > 0) {
                walk(link, received, start);
            }
        }
    }

    private void walk(final int link, final int received, final long start) {
        final Clock clock = worker.clock;
        final Burst burst = worker.burst;
        final long parse = clock.cycles();
        burst.begin(link, received);
        final long bytes = worker.parser.parse(burst);
        final long lookup = clock.cycles();
        if (worker.lookup.find(burst) > 0) {
            worker.admit();
        }
        final long rewrite = clock.cycles();
        worker.rewriter.rewrite(burst, worker.nowMs);
        if (burst.mayBeCut) {
            worker.ids.stamp(burst);
        }
        worker.walkSlowly();
        final long transmit = clock.cycles();
        worker.egress.collect(burst);
        worker.egress.transmit(burst.ingress);
        burst.end();
        final WorkerCounters counters = worker.counters();
        final CounterCatalog catalog = counters.catalog();
        counters.add(catalog.received(link), received);
        counters.add(catalog.received(link) + 1, bytes);
        counters.add(catalog.of(WorkerCounter.PACKETS), received);
        counters.increment(catalog.of(WorkerCounter.BURSTS));
        final long end = clock.cycles();
        cycles[Stage.RECEIVE.ordinal()] += parse - start;
        cycles[Stage.PARSE.ordinal()] += lookup - parse;
        cycles[Stage.LOOKUP.ordinal()] += rewrite - lookup;
        cycles[Stage.REWRITE.ordinal()] += transmit - rewrite;
        cycles[Stage.TRANSMIT.ordinal()] += end - transmit;
    }

    /** @return the cycles of each stage since the last call */
    public long[] take() {
        final long[] taken = cycles.clone();
        Arrays.fill(cycles, 0);
        return taken;
    }
}
