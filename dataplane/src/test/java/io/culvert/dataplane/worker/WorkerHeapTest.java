// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.culvert.dataplane.nat.NatBehavior;
import java.lang.foreign.Arena;
import java.lang.management.ManagementFactory;
import org.junit.jupiter.api.Test;

/** The most workers that a configuration may ask for fit the heap that the launcher's flags give: 256 MiB. */
class WorkerHeapTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int MOST_WORKERS = 128;
    /** The rest is for rules, metrics, the JVM's own, and the collector's room to move. */
    private static final long LIMIT = 160L << 20;

    @Test
    void theMostWorkersFitTheHeap() {
        allocatedByWorkers(2); // what is loaded and made once is no worker's
        final long worker = allocatedByWorkers(3) - allocatedByWorkers(2);
        final long handoff;
        try (Arena arena = Arena.ofConfined()) {
            final long before = THREADS.getCurrentThreadAllocatedBytes();
            new Handoff(MOST_WORKERS, MOST_WORKERS, arena);
            handoff = THREADS.getCurrentThreadAllocatedBytes() - before;
        }
        assertTrue(MOST_WORKERS * worker + handoff <= LIMIT,
                "a worker takes " + worker + " bytes of heap and the handoff of all " + handoff);
    }

    private static long allocatedByWorkers(final int count) {
        final long before = THREADS.getCurrentThreadAllocatedBytes();
        try (SeveralWorkers relay = new SeveralWorkers(count, 16, NatBehavior.STRICT, true)) {
            final long allocated = THREADS.getCurrentThreadAllocatedBytes() - before;
            assertEquals(count, relay.workers.size());
            return allocated;
        }
    }
}
