// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Tells readers that do not own an index when its entries move: to fill a hole, the owner copies an entry to the hole
 * before it frees the place that it lay in, and who reads the hole before and the place behind misses an entry that was
 * there all the time. So what was not found is looked for again when anything has moved meanwhile. Moves take less than
 * a microsecond, and most removals move nothing.
 */
final class Moves {
    private static final VarHandle COUNT;

    static {
        try {
            COUNT = MethodHandles.lookup().findVarHandle(Moves.class, "count", int.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Odd while entries move. */
    private int count;

    /** The owner is about to move entries. */
    void begin() {
        COUNT.setOpaque(this, count + 1);
        VarHandle.storeStoreFence();
    }

    void end() {
        COUNT.setRelease(this, count + 1);
    }

    /** What the count was before a look. */
    int before() {
        return (int) COUNT.getAcquire(this);
    }

    /** Whether nothing has moved since then: what a look did not find is not there. */
    boolean noneSince(final int before) {
        VarHandle.loadLoadFence();
        return (before & 1) == 0 && (int) COUNT.getOpaque(this) == before;
    }
}
