// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.random.RandomGenerator;

/**
 * The ports of one SNAT address: lent by all workers, each port to one of them. The table of owners says whose session
 * holds a port, so a reply that another worker receives is handed to the right one. Lending and giving back hold a
 * spin lock for some tens of nanoseconds; looking up an owner takes none.
 */
public final class ExternalPorts {
    public static final int EXHAUSTED = PortPool.EXHAUSTED;
    public static final int NO_OWNER = -1;

    private static final VarHandle LOCKED;
    private static final VarHandle OWNERS = MethodHandles.arrayElementVarHandle(byte[].class);

    static {
        try {
            LOCKED = MethodHandles.lookup().findVarHandle(ExternalPorts.class, "locked", boolean.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final int address;
    private final int low;
    private final int high;
    private final PortPool ports;
    /** By port from the lowest: the worker's number and one; 0 when it is not lent. */
    private final byte[] owners;
    /** By port from the lowest: the forward slot of the session, in its owner's table. */
    private final int[] sessions;
    private boolean locked;

    ExternalPorts(final int address, final int low, final int high, final RuleTable rules,
                  final RandomGenerator random) {
        this.address = address;
        this.low = low;
        this.high = high;
        this.ports = new PortPool(low, high, port -> rules.listens(address, port), random);
        this.owners = new byte[high - low + 1];
        this.sessions = new int[high - low + 1];
    }

    /**
     * @param worker whose session it is for, and {@code session} its forward slot there
     * @return a port, or EXHAUSTED
     */
    int lend(final int preferred, final int worker, final int session, final int nowMs) {
        lock();
        try {
            final int port = ports.lend(preferred, nowMs);
            if (port != EXHAUSTED) {
                own(port, worker, session);
            }
            return port;
        } finally {
            unlock();
        }
    }

    /** Lends this very port. @return false when it is lent already, rests, or is not to be lent */
    boolean claim(final int port, final int worker, final int session) {
        lock();
        try {
            final boolean isOurs = covers(port) && ports.claim(port);
            if (isOurs) {
                own(port, worker, session);
            }
            return isOurs;
        } finally {
            unlock();
        }
    }

    void giveBack(final int port, final int nowMs) {
        lock();
        try {
            ports.giveBack(port, nowMs);
            OWNERS.setRelease(owners, port - low, (byte) 0);
        } finally {
            unlock();
        }
    }

    private void own(final int port, final int worker, final int session) {
        sessions[port - low] = session;
        OWNERS.setRelease(owners, port - low, (byte) (worker + 1));
    }

    /** The worker whose session holds the port, or NO_OWNER. From any thread. */
    public int owner(final int port) {
        return ((byte) OWNERS.getAcquire(owners, port - low) & 0xFF) - 1;
    }

    /** The forward slot of the session that holds a lent port, in the table of its {@link #owner}. */
    public int sessionOf(final int port) {
        return sessions[port - low];
    }

    public boolean covers(final int port) {
        return port >= low && port <= high;
    }

    boolean is(final int otherAddress, final int otherLow, final int otherHigh) {
        return address == otherAddress && low == otherLow && high == otherHigh;
    }

    public int address() {
        return address;
    }

    int size() {
        return ports.size();
    }

    int lent() {
        return ports.lent();
    }

    private void lock() {
        while (!LOCKED.weakCompareAndSetAcquire(this, false, true)) {
            Thread.onSpinWait();
        }
    }

    private void unlock() {
        LOCKED.setRelease(this, false);
    }
}
