// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.dataplane.stats.WorkerCounters;

/** Whoever walks the packets: the Java worker, or its C twin. */
interface Walker {
    /** So many cycles of a worker: a tick, then one burst of each link. */
    void run(long cycles);

    /** The same, with the clock read between the stages. @return TSC cycles of each stage */
    long[] runStaged(long cycles);

    /** Live sessions. */
    int sessions();

    /** After the clock jumped. */
    void clockOffset(long cycles);

    /** What this one counts. */
    WorkerCounters counters();
}
