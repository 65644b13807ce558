// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import io.culvert.control.deploy.Patience;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Waits for what another process or the kernel is about to do: polls, and fails only after a deadline. */
final class Eventually {
    private static final long PAUSE_NS = 5_000_000;

    private Eventually() { }

    static void holds(final String what, final BooleanSupplier condition) {
        holds(() -> what, condition);
    }

    /** @param what says what did not come true, with the values seen last */
    static void holds(final Supplier<String> what, final BooleanSupplier condition) {
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("not within " + Patience.SECONDS + " s: " + what.get());
            }
            LockSupport.parkNanos(PAUSE_NS);
        }
    }
}
