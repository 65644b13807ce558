// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.culvert.dataplane.nat.PortsLeft.Clients;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;

/**
 * The ports of one SNAT address: lent by all workers, each port to one of them. The table of owners says whose session
 * holds a port, so a reply that another worker receives is handed to the right one. Lending and giving back hold a
 * spin lock for some tens of nanoseconds; looking up an owner takes none. With what {@link PortPool} has a port costs
 * 11 bytes off the heap: 0.7 MiB for a whole address.
 */
public final class ExternalPorts {
    public static final int EXHAUSTED = PortPool.EXHAUSTED;
    /** Off the heap: owner and session here, and the port's place among those that rest. */
    public static final int BYTES_PER_PORT = Byte.BYTES + Integer.BYTES + Short.BYTES + Integer.BYTES;
    public static final int NO_OWNER = -1;
    /** Stands for the session of a port that is kept for the other half of a pair. */
    public static final int NO_SESSION = -1;
    /** Client ports below it never get external ones from there on, nor the other way round (RFC 4787 REQ-3a). */
    private static final int WELL_KNOWN_END = 1_024;

    private static final VarHandle LOCKED;
    private static final VarHandle OWNERS = JAVA_BYTE.varHandle();

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
    private final MemorySegment owners;
    /** By port from the lowest: the forward slot of the session, in its owner's table. */
    private final MemorySegment sessions;
    private final PortsLeft left;
    /** Of this address in {@link #left}. */
    private final int number;
    private boolean locked;

    /** @param number of this address among all, whose bits in {@code left} it keeps */
    ExternalPorts(final int address, final int low, final int high, final RuleTable rules,
                  final RandomGenerator random, final PortsLeft left, final int number) {
        this.address = address;
        this.low = low;
        this.high = high;
        final IntPredicate isListener = port -> rules.listens(address, port);
        this.wellKnown = new PortPool(low, Math.min(high, WELL_KNOWN_END - 1), isListener, random);
        this.others = new PortPool(Math.max(low, WELL_KNOWN_END), high, isListener, random);
        final Arena arena = Arena.ofAuto();
        this.owners = arena.allocate(JAVA_BYTE, high - low + 1);
        this.sessions = arena.allocate(JAVA_INT, high - low + 1);
        this.left = left;
        this.number = number;
        publishLeft(wellKnown);
        publishLeft(others);
    }

    /**
     * @param worker whose session it is for, and {@code session} its forward slot there
     * @param aim of replies, or null
     * @return a port, or EXHAUSTED
     */
    int lend(final int preferred, final int worker, final int session, final ReplyAim aim, final long nowMs) {
        lock();
        try {
            final PortPool pool = suiting(clients(preferred));
            final int port = pool.lend(preferred, aim, nowMs);
            if (port != EXHAUSTED) {
                own(port, worker, session);
                publishLeft(pool);
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
            final PortPool pool = suiting(clients(preferred));
            final int even = pool.lendPair(preferred, nowMs);
            if (even != EXHAUSTED) {
                own(even, worker, NO_SESSION);
                own(even + 1, worker, NO_SESSION);
                publishLeft(pool);
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
                publishLeft(holding(port));
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
            OWNERS.setRelease(owners, (long) (port - low), (byte) 0);
            publishLeft(holding(port));
        } finally {
            unlock();
        }
    }

    /** When, as far as is known now, the next port of those that this client may draw from has rested. */
    long restEndsMs(final int preferred, final long nowMs) {
        lock();
        try {
            return suiting(clients(preferred)).restEndsMs(nowMs);
        } finally {
            unlock();
        }
    }

    /** What kind of client one is that has this port. */
    static Clients clients(final int port) {
        return port < WELL_KNOWN_END ? Clients.WELL_KNOWN : Clients.OTHERS;
    }

    /** The clients' own class of ports, where there is one. */
    private PortPool suiting(final Clients clients) {
        return wellKnown.size() == 0 || clients == Clients.OTHERS && others.size() > 0 ? others : wellKnown;
    }

    /** Says whether the clients who draw from this pool find a port here. */
    private void publishLeft(final PortPool pool) {
        if (suiting(Clients.WELL_KNOWN) == pool) {
            left.set(Clients.WELL_KNOWN, number, !pool.isExhausted());
        }
        if (suiting(Clients.OTHERS) == pool) {
            left.set(Clients.OTHERS, number, !pool.isExhausted());
        }
    }

    private PortPool holding(final int port) {
        return port < WELL_KNOWN_END ? wellKnown : others;
    }

    private void own(final int port, final int worker, final int session) {
        setSession(port, session);
        OWNERS.setRelease(owners, (long) (port - low), (byte) (worker + 1));
    }

    /** The worker whose session holds the port, or NO_OWNER. From any thread. */
    public int owner(final int port) {
        return ((byte) OWNERS.getAcquire(owners, (long) (port - low)) & 0xFF) - 1;
    }

    /** The forward slot of a session that holds a lent port, in the table of its {@link #owner}, or NO_SESSION. */
    public int sessionOf(final int port) {
        return sessions.getAtIndex(JAVA_INT, port - low);
    }

    /** Called by the owner of a lent port. */
    void setSession(final int port, final int session) {
        sessions.setAtIndex(JAVA_INT, port - low, session);
    }

    public boolean covers(final int port) {
        return port >= low && port <= high;
    }

    public int address() {
        return address;
    }

    int low() {
        return low;
    }

    int high() {
        return high;
    }

    /** Of this address among all. */
    int number() {
        return number;
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
