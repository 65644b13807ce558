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
        wished.countDown();
        try {
            Runtime.getRuntime().halt(ended.await(PATIENCE.toNanos(), TimeUnit.NANOSECONDS) ? 0 : Failure.FAILED);
        } catch (final InterruptedException e) {
            Runtime.getRuntime().halt(Failure.FAILED);
        }
    }
}
