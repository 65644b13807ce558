// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.worker.StageProbe;
import io.culvert.dataplane.worker.Worker;

/** The production worker. */
final class JavaWalker implements Walker {
    private final Worker worker;
    private final StageProbe probe;

    JavaWalker(final Worker worker) {
        this.worker = worker;
        this.probe = new StageProbe(worker);
    }

    @Override
    public void run(final long cycles) {
        for (long cycle = 0; cycle < cycles; cycle++) {
            worker.doWork();
        }
    }

    @Override
    public long[] runStaged(final long cycles) {
        for (long cycle = 0; cycle < cycles; cycle++) {
            probe.doWork();
        }
        return probe.take();
    }

    @Override
    public int sessions() {
        return (int) counters().get(counters().catalog().of(WorkerCounter.SESSIONS));
    }

    @Override
    public void clockOffset(final long cycles) {
        // The worker reads the clock that jumped.
    }

    @Override
    public WorkerCounters counters() {
        return worker.counters();
    }
}
