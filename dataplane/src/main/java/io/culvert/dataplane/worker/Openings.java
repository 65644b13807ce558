// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.flow.FlowHash;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.security.SecureRandom;

/**
 * Locks by client endpoint. Packets of one new client can reach two workers at the same moment: its fragments gather
 * elsewhere than its whole packets come in. Whoever opens a session holds the client's lock from the look into the
 * other workers' tables until the session can be found there, so that of two workers one opens it and the other finds
 * it. Whether a packet may open one is judged before, so a flood of such as may not takes no lock. 1,024 spin locks
 * under a keyed hash, each in a cache line of its own; one is held for a microsecond or two.
 */
final class Openings {
    private static final int LOCKS = 1_024;
    /** Ints from one lock to the next. */
    private static final int STRIDE = 16;
    private static final VarHandle HELD = MethodHandles.arrayElementVarHandle(int[].class);

    private final int[] held = new int[LOCKS * STRIDE];
    private final long seedLo;
    private final long seedHi;

    Openings() {
        final SecureRandom random = new SecureRandom();
        seedLo = random.nextLong();
        seedHi = random.nextLong();
    }

    /**
     * Waits for the lock of a client endpoint.
     *
     * @param high and {@code low} halves of its address; IPv4 as ::ffff:a.b.c.d
     * @param ports its own and the listener's, as they lie in the packet; only its own matters, because without a pool
     *     the sessions of two listeners may need the same external endpoint
     * @return the lock, for {@link #end}
     */
    int begin(final long high, final long low, final int ports) {
        final int lock = of(high, low, ports);
        while (!HELD.weakCompareAndSetAcquire(held, lock, 0, 1)) {
            awaitFree(lock);
        }
        return lock;
    }

    /** Waits until whoever opens a session of this client endpoint is done, and takes nothing. */
    void await(final long high, final long low, final int ports) {
        awaitFree(of(high, low, ports));
    }

    private int of(final long high, final long low, final int ports) {
        final long address = FlowHash.of(high, low, seedLo, seedHi);
        return ((int) FlowHash.of(address, ports & 0xFFFF, seedHi, seedLo) & LOCKS - 1) * STRIDE;
    }

    /** Reading leaves the line where it is; every attempt to write takes it from whoever holds the lock. */
    private void awaitFree(final int lock) {
        while ((int) HELD.getAcquire(held, lock) != 0) {
            Thread.onSpinWait();
        }
    }

    void end(final int lock) {
        HELD.setRelease(held, lock, 0);
    }
}
