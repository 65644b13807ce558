// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.dataplane.flow.Ticks;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;

/**
 * The ports of one SNAT address. No port is lent twice (RFC 4787 REQ-3). The client's own
 * port is preferred, then one of the same parity (REQ-4), then any; always a random one (RFC 6056). A returned port
 * rests (RFC 6888 REQ-8) and is lent earlier only when nothing else is left. Each question takes a bounded number of
 * steps, however full the pool is (RFC 6888 REQ-11): who calls sees to it that nobody else does. A port costs 6 bytes
 * off the heap and less than half a byte on it.
 */
public final class PortPool {
    public static final int EXHAUSTED = -1;

    /** RFC 6888 REQ-8. */
    static final int REST_MS = 120_000;

    /** Ports that are tried for one that hits: with eight workers one lease in 5,000 finds none. */
    private static final int AIMS_LIMIT = 64;

    private final RandomGenerator random;
    private final int size;
    /** The lowest of the ports, and how far it is from there to behind the highest. */
    private final int first;
    private final int span;
    /** An even port at or below the lowest: what is asked of the sets is half the distance from it. */
    private final int base;
    /** By parity, the free ports of it. */
    private final SparseBits[] free;
    /** Even ports that are free with the one behind them. */
    private final SparseBits pairs;
    /** By the distance from {@link #base}. */
    private final SparseBits lent;

    /** Returned ports in the order of their return, with the {@link Ticks} of it: a ring. */
    private final MemorySegment resting;
    private final MemorySegment returnedAt;
    private int restingHead;
    private int restingCount;

    /** @param excluded ports of the range that are never lent: listeners */
    public PortPool(final int low, final int high, final IntPredicate excluded, final RandomGenerator random) {
        final int ports = Math.max(high - low + 1, 0);
        this.random = random;
        base = low & ~1;
        free = new SparseBits[] {new SparseBits(ports / 2 + 1), new SparseBits(ports / 2 + 1)};
        pairs = new SparseBits(ports / 2 + 1);
        lent = new SparseBits(ports + 1);
        int lowest = high;
        int highest = high;
        for (int port = high; port >= low; port--) {
            if (!excluded.test(port)) {
                highest = available() == 0 ? port : highest;
                lowest = port;
                setFree(port);
            }
        }
        size = available();
        first = lowest;
        span = size == 0 ? 0 : highest - lowest + 1;
        // Off the heap, which has the same size however many ports there are. They go with the pool.
        final Arena arena = Arena.ofAuto();
        resting = arena.allocate(JAVA_SHORT, size);
        returnedAt = arena.allocate(JAVA_INT, size);
    }

    /** How many ports can be lent in all. */
    public int size() {
        return size;
    }

    /** How many are lent now. */
    public int lent() {
        return lent.count();
    }

    /** Whether the next one to ask for a port gets one. */
    boolean isExhausted() {
        return lent.count() == size;
    }

    /** @return a port, or EXHAUSTED when every one is lent */
    public int lend(final int preferred, final long nowMs) {
        return lend(preferred, null, nowMs);
    }

    /**
     * {@link #lend(int, long)} of a port that hits the aim, of the same parity; of another where none is found soon.
     *
     * @param aim of replies, or null where any port is as good
     */
    int lend(final int preferred, final ReplyAim aim, final long nowMs) {
        wakeRested(nowMs);
        if (available() == 0) {
            return restingCount == 0 ? EXHAUSTED : take(popResting());
        }
        final int hit = aim == null ? EXHAUSTED : hit(preferred, aim);
        if (hit != EXHAUSTED) {
            return take(hit);
        }
        if (isFree(preferred)) {
            return take(preferred);
        }
        final int start = randomPort();
        final int sameParity = nextFree(start, preferred & 1);
        return take(sameParity != EXHAUSTED ? sameParity : nextFree(start, ~preferred & 1));
    }

    /** A free port that hits, the preferred one if it does, or EXHAUSTED when none was found soon. */
    private int hit(final int preferred, final ReplyAim aim) {
        if (isFree(preferred) && aim.isHitBy(preferred)) {
            return preferred;
        }
        final int parity = preferred & 1;
        final int candidates = free[parity].count();
        if (candidates <= AIMS_LIMIT) {
            return candidates == 0 ? EXHAUSTED : hitAmong(candidates, parity, aim);
        }
        for (int i = 0; i < AIMS_LIMIT; i++) {
            // Anywhere each time: the hash is linear, and under some keys all ports side by side name the same queue.
            final int port = nextFree(randomPort(), parity);
            if (aim.isHitBy(port)) {
                return port;
            }
        }
        return EXHAUSTED;
    }

    /** As {@link #hit} where so few ports of a parity are free that each can be tried once. */
    private int hitAmong(final int candidates, final int parity, final ReplyAim aim) {
        int port = nextFree(randomPort(), parity);
        for (int i = 0; i < candidates; i++) {
            if (aim.isHitBy(port)) {
                return port;
            }
            port = nextFree(port + 2, parity);
        }
        return EXHAUSTED;
    }

    /** Lends two free neighbours. @return the even one, or EXHAUSTED when there are no such two */
    public int lendPair(final int preferred, final long nowMs) {
        wakeRested(nowMs);
        if (pairs.count() == 0) {
            return EXHAUSTED;
        }
        final int own = preferred & ~1;
        final int even = isFree(own) && isFree(own + 1) ? own : base + 2 * pairs.next(randomPort() - base >> 1);
        take(even + 1);
        return take(even);
    }

    /** Lends this very port. @return false when it is not free */
    public boolean claim(final int port) {
        if (!isFree(port)) {
            return false;
        }
        take(port);
        return true;
    }

    /** Takes a lent port back; it rests from now. */
    public void giveBack(final int port, final long nowMs) {
        if (!isOfRange(port) || !lent.contains(port - base)) {
            throw new IllegalStateException("port " + port + " is not lent");
        }
        lent.remove(port - base);
        final int tail = place(restingHead + restingCount++);
        resting.setAtIndex(JAVA_SHORT, tail, (short) port);
        // Rounded up: no port rests for less than it should.
        returnedAt.setAtIndex(JAVA_INT, tail, Ticks.at(nowMs + Ticks.MS - 1));
    }

    /** When the port that rests longest has rested; of a pool where none does, when one that is returned now will. */
    long restEndsMs(final long nowMs) {
        return REST_MS + (restingCount == 0 ? nowMs : Ticks.ms(returnedAt.getAtIndex(JAVA_INT, restingHead)));
    }

    private void wakeRested(final long nowMs) {
        // At most two per call: as many as can have been returned for each that is lent, so the work stays bounded.
        for (int i = 0; i < 2 && restingCount > 0 && nowMs >= restEndsMs(nowMs); i++) {
            setFree(popResting());
        }
    }

    private int popResting() {
        final int port = Short.toUnsignedInt(resting.getAtIndex(JAVA_SHORT, restingHead));
        restingHead = place(restingHead + 1);
        restingCount--;
        return port;
    }

    /** Of the ring of resting ports. @param at less than twice its size */
    private int place(final int at) {
        return at < size ? at : at - size;
    }

    private int available() {
        return free[0].count() + free[1].count();
    }

    private int randomPort() {
        return first + random.nextInt(span);
    }

    /** The first free port of a parity at or after {@code start}, behind the last one the first; or EXHAUSTED. */
    private int nextFree(final int start, final int parity) {
        final int found = free[parity].next(start - base + 1 - parity >> 1);
        return found == SparseBits.NONE ? EXHAUSTED : base + 2 * found + parity;
    }

    private int take(final int port) {
        if (isFree(port)) {
            if (isFree(port ^ 1)) {
                pairs.remove(port - base >> 1);
            }
            free[port & 1].remove(port - base >> 1);
        }
        lent.add(port - base);
        return port;
    }

    private boolean isOfRange(final int port) {
        return port >= first && port < first + span;
    }

    private boolean isFree(final int port) {
        return isOfRange(port) && free[port & 1].contains(port - base >> 1);
    }

    private void setFree(final int port) {
        free[port & 1].add(port - base >> 1);
        if (free[~port & 1].contains(port - base >> 1)) {
            pairs.add(port - base >> 1);
        }
    }
}
