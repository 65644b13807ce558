// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;

/**
 * The ports of one SNAT address: lent by all workers, each port to one of them. The table of owners says whose session
 * holds a port, so a reply that another worker receives is handed to the right one. Lending and giving back hold a
 * spin lock for some tens of nanoseconds; looking up an owner takes none.
 */
public final class ExternalPorts {
    public static final int EXHAUSTED = PortPool.EXHAUSTED;
    public static final int NO_OWNER = -1;
    /** Stands for the session of a port that is kept for the other half of a pair. */
    public static final int NO_SESSION = -1;
    /** Client ports below it never get external ones from there on, nor the other way round (RFC 4787 REQ-3a). */
    private static final int WELL_KNOWN_END = 1_024;

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
    private final PortPool wellKnown;
    private final PortPool others;
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
        final IntPredicate isListener = port -> rules.listens(address, port);
        this.wellKnown = new PortPool(low, Math.min(high, WELL_KNOWN_END - 1), isListener, random);
        this.others = new PortPool(Math.max(low, WELL_KNOWN_END), high, isListener, random);
        this.owners = new byte[high - low + 1];
        this.sessions = new int[high - low + 1];
    }

    /**
     * @param worker whose session it is for, and {@code session} its forward slot there
     * @param aim of replies, or null
     * @return a port, or EXHAUSTED
     */
    int lend(final int preferred, final int worker, final int session, final ReplyAim aim, final long nowMs) {
        lock();
        try {
            final int port = aim == null ? suiting(preferred).lend(preferred, nowMs)
                    : suiting(preferred).lend(preferred, aim, nowMs);
            if (port != EXHAUSTED) {
                own(port, worker, session);
            }
            return port;
        } finally {
            unlock();
        }
    }

    /** Lends two neighbours, for which there are no sessions yet. @return the even one, or EXHAUSTED */
    int lendPair(final int preferred, final int worker, final long nowMs) {
        lock();
        try {
            final int even = suiting(preferred).lendPair(preferred, nowMs);
            if (even != EXHAUSTED) {
                own(even, worker, NO_SESSION);
                own(even + 1, worker, NO_SESSION);
            }
            return even;
        } finally {
            unlock();
        }
    }

    /** Lends this very port. @return false when it is lent already, rests, or is not to be lent */
    boolean claim(final int port, final int worker, final int session) {
        lock();
        try {
            final boolean isOurs = covers(port) && holding(port).claim(port);
            if (isOurs) {
                own(port, worker, session);
            }
            return isOurs;
        } finally {
            unlock();
        }
    }

    void giveBack(final int port, final long nowMs) {
        lock();
        try {
            holding(port).giveBack(port, nowMs);
            OWNERS.setRelease(owners, port - low, (byte) 0);
        } finally {
            unlock();
        }
    }

    /** The client's own class of ports, where there is one. */
    private PortPool suiting(final int preferred) {
        return wellKnown.size() == 0 || preferred >= WELL_KNOWN_END && others.size() > 0 ? others : wellKnown;
    }

    private PortPool holding(final int port) {
        return port < WELL_KNOWN_END ? wellKnown : others;
    }

    private void own(final int port, final int worker, final int session) {
        sessions[port - low] = session;
        OWNERS.setRelease(owners, port - low, (byte) (worker + 1));
    }

    /** The worker whose session holds the port, or NO_OWNER. From any thread. */
    public int owner(final int port) {
        return ((byte) OWNERS.getAcquire(owners, port - low) & 0xFF) - 1;
    }

    /** The forward slot of a session that holds a lent port, in the table of its {@link #owner}, or NO_SESSION. */
    public int sessionOf(final int port) {
        return sessions[port - low];
    }

    /** Called by the owner of a lent port. */
    void setSession(final int port, final int session) {
        sessions[port - low] = session;
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
        return wellKnown.size() + others.size();
    }

    int lent() {
        return wellKnown.lent() + others.lent();
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
