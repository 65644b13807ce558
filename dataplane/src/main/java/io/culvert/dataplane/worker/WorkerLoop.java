// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.eal.Lcore;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.LoopHistogram;
import io.culvert.dataplane.stats.WorkerCounters;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * A worker's thread: pinned to its core, registered with DPDK, polling until it is told to stop. Measures itself: busy
 * and idle cycles, the histogram of its loop gaps, a heartbeat. An exception is a bug; it stops the worker and is
 * handed to the owner, who decides about the process.
 */
public final class WorkerLoop {
    /** Silent polls before an adaptive worker starts to sleep: some 10 us. */
    private static final int SPINS = 256;
    /** From here on sleeps are as long as they get. */
    private static final int SILENT_LIMIT = 2 * SPINS;
    /** Sleeps start here and double up to the limit: the ring must not fill meanwhile. */
    private static final long SLEEP_MIN_NS = 1_000;
    private static final long SLEEP_MAX_NS = 50_000;
    /** The heartbeat and the cycle counters are published each time this many loops have passed, and when idle. */
    private static final int PUBLISH_MASK = 1_023;

    private final Worker worker;
    private final Clock clock;
    private final int cpu;
    private final boolean sleepsWhenIdle;
    private final WorkerCounters counters;
    private final LoopHistogram gaps;
    private final Thread thread;
    private final Consumer<Throwable> onFailure;
    private volatile boolean running = true;

    public WorkerLoop(final String name, final Worker worker, final Clock clock, final int cpu,
                      final boolean sleepsWhenIdle, final Consumer<Throwable> onFailure) {
        this.worker = worker;
        this.clock = clock;
        this.cpu = cpu;
        this.sleepsWhenIdle = sleepsWhenIdle;
        this.counters = worker.counters();
        this.gaps = new LoopHistogram(counters);
        this.onFailure = onFailure;
        this.thread = Thread.ofPlatform().name(name).unstarted(this::run);
    }

    public void start() {
        thread.start();
    }

    /** Asks the worker to end after its current cycle. */
    public void stop() {
        running = false;
        LockSupport.unpark(thread);
    }

    /** Waits until the worker's thread has ended. */
    public void join() {
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (final InterruptedException e) {
                interrupted = true; // the ports cannot be closed under a running worker
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void run() {
        try {
            final Lcore lcore = Lcore.enter(cpu);
            try {
                poll();
            } finally {
                lcore.close();
            }
        } catch (final Throwable t) {
            onFailure.accept(t);
        }
    }

    private void poll() {
        long last = clock.cycles();
        long busy = 0;
        long idle = 0;
        int silent = 0;
        for (int loops = 0; running; loops++) {
            final int work = worker.doWork();
            final long now = clock.cycles();
            gaps.record(now - last);
            if (work == 0) {
                silent = Math.min(silent + 1, SILENT_LIMIT);
                idle += now - last;
            } else {
                silent = 0;
                busy += now - last;
            }
            last = now;
            if ((loops & PUBLISH_MASK) == 0 || silent > SPINS) {
                publish(busy, idle);
                busy = 0;
                idle = 0;
            }
            if (silent > SPINS && sleepsWhenIdle) {
                LockSupport.parkNanos(Math.min(SLEEP_MIN_NS << Math.min(silent - SPINS >>> 4, 16), SLEEP_MAX_NS));
                // Chosen sleep is idle time, not a gap.
                final long woken = clock.cycles();
                idle += woken - last;
                last = woken;
            } else if (silent > 0) {
                Thread.onSpinWait();
            }
        }
        publish(busy, idle);
    }

    private void publish(final long busy, final long idle) {
        counters.add(counters.catalog().of(WorkerCounter.BUSY_CYCLES), busy);
        counters.add(counters.catalog().of(WorkerCounter.IDLE_CYCLES), idle);
        counters.set(counters.catalog().of(WorkerCounter.HEARTBEAT_MS), System.currentTimeMillis());
    }
}
