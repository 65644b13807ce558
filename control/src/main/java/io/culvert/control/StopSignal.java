// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Turns SIGINT and SIGTERM into a wish to stop that a verb waits for. The verb then ends in its own time, prints what
 * it has to say and closes this; only then the process exits, with 0.
 */
public final class StopSignal implements AutoCloseable {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final CountDownLatch wished = new CountDownLatch(1);
    private final CountDownLatch ended = new CountDownLatch(1);
    /** Whether a signal may end the process where it stands; guarded by this object. */
    private boolean expendable;
    private final Thread hook = new Thread(this::stop, "stop-signal");

    public StopSignal() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** The same wish from within the process, which does not end it. */
    public void wish() {
        wished.countDown();
    }

    /** @return true once the process was asked to stop; false when the time passed first. */
    public boolean await(final Duration patience) {
        try {
            return wished.await(patience.toNanos(), TimeUnit.NANOSECONDS);
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            return true;
        }
    }

    /**
     * Runs a part of a start that leaves nothing behind wherever it is cut off: a signal meanwhile ends the process at
     * once, with 0, and does not wait for the part's end.
     *
     * @return false when the wish came first: nothing was run
     */
    public boolean runUntilWished(final Runnable part) {
        if (!expendable(true)) {
            return false;
        }
        try {
            part.run();
        } finally {
            expendable(false);
        }
        return !await(Duration.ZERO);
    }

    private synchronized boolean expendable(final boolean value) {
        expendable = value && wished.getCount() > 0;
        return expendable;
    }

    @Override
    public void close() {
        ended.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (final IllegalStateException e) {
            // The signal came: the hook runs and ends the process.
        }
    }

    /** A shutdown by signal would end with 128 + its number; halting is the hook's way to say that all went well. */
    private void stop() {
        synchronized (this) {
            wished.countDown();
            if (expendable) {
                Runtime.getRuntime().halt(0);
            }
        }
        try {
            Runtime.getRuntime().halt(ended.await(PATIENCE.toNanos(), TimeUnit.NANOSECONDS) ? 0 : Failure.FAILED);
        } catch (final InterruptedException e) {
            Runtime.getRuntime().halt(Failure.FAILED);
        }
    }
}
