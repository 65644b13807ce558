// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.dataplane.worker.WorkerLoop;
import java.util.List;

/**
 * The running workers of a relay. Closed before anything that they use, on every way out: no port, table or counter may
 * go while a worker polls.
 */
final class Crew implements AutoCloseable {
    private final Relay relay;
    private final List<WorkerLoop> loops;
    private boolean hasEnded;

    Crew(final Relay relay, final List<WorkerLoop> loops) {
        this.relay = relay;
        this.loops = loops;
    }

    void start() {
        loops.forEach(WorkerLoop::start);
    }

    /** Waits for all workers to end after their present cycle; then each gives back the packets that it holds. */
    void end() {
        if (!hasEnded) {
            hasEnded = true;
            loops.forEach(WorkerLoop::stop);
            loops.forEach(WorkerLoop::join);
            relay.stopWorkers();
        }
    }

    @Override
    public void close() {
        end();
    }
}
