// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.Ticks;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;

/**
 * The ports of one SNAT address. No port is lent twice (RFC 4787 REQ-3). The client's own
 * port is preferred, then one of the same parity (REQ-4), then any; always a random one (RFC 6056). A returned port
 * rests (RFC 6888 REQ-8) and is lent earlier only when nothing else is left. A bitmap and a ring; who calls sees to it
 * that nobody else does.
 */
public final class PortPool {
    public static final int EXHAUSTED = -1;

    /** RFC 6888 REQ-8. */
    private static final int REST_MS = 120_000;

    /** Ports that are tried for one that hits: with eight workers one lease in 5,000 finds none. */
    private static final int AIMS_LIMIT = 64;

    private static final int PORTS = 1 << Short.SIZE;
    private static final int WORDS = PORTS / Long.SIZE;
    /** In every word the even ports have even bits. */
    private static final long EVEN = 0x5555_5555_5555_5555L;

    private final long[] free = new long[WORDS];
    private final boolean[] lent = new boolean[PORTS];
    private final RandomGenerator random;
    private final int size;
    /** The lowest of the ports, and how far it is from there to behind the highest. */
    private final int first;
    private final int span;
    private int available;
    /** Even ports that are free with the one behind them. */
    private int pairs;

    /** Returned ports in the order of their return, with the {@link Ticks} of it. */
    private final char[] resting;
    private final int[] returnedAt;
    private int restingHead;
    private int restingCount;

    /** @param excluded ports of the range that are never lent: listeners */
    public PortPool(final int low, final int high, final IntPredicate excluded, final RandomGenerator random) {
        this.random = random;
        int lowest = high;
        int highest = high;
        for (int port = high; port >= low; port--) {
            if (!excluded.test(port)) {
                highest = available == 0 ? port : highest;
                lowest = port;
                setFree(port);
            }
        }
        first = lowest;
        span = highest - lowest + 1;
        size = available;
        resting = new char[size];
        returnedAt = new int[size];
    }

    /** How many ports can be lent in all. */
    public int size() {
        return size;
    }

    /** How many are lent now. */
    public int lent() {
        return size - available - restingCount;
    }

    /** @return a port, or EXHAUSTED when every one is lent */
    public int lend(final int preferred, final long nowMs) {
        wakeRested(nowMs);
        if (available == 0) {
            return restingCount == 0 ? EXHAUSTED : take(popResting());
        }
        if (isFree(preferred)) {
            return take(preferred);
        }
        final long parity = EVEN << (preferred & 1);
        final int start = first + random.nextInt(span);
        final int sameParity = findFree(start, parity, 0);
        return take(sameParity != EXHAUSTED ? sameParity : findFree(start, -1L, 0));
    }

    /**
     * {@link #lend} of a port that hits the aim, of the same parity; of another where none is found soon.
     */
    int lend(final int preferred, final ReplyAim aim, final long nowMs) {
        wakeRested(nowMs);
        if (isFree(preferred) && aim.isHitBy(preferred)) {
            return take(preferred);
        }
        final long parity = EVEN << (preferred & 1);
        for (int i = 0; i < AIMS_LIMIT; i++) {
            // Anywhere each time: the hash is linear, and under some keys all ports side by side name the same queue.
            final int port = findFree(first + random.nextInt(span), parity, 0);
            if (port == EXHAUSTED) {
                break;
            }
            if (aim.isHitBy(port)) {
                return take(port);
            }
        }
        return lend(preferred, nowMs);
    }

    /** Lends two free neighbours. @return the even one, or EXHAUSTED when there are no such two */
    public int lendPair(final int preferred, final long nowMs) {
        wakeRested(nowMs);
        final int own = preferred & ~1;
        if (isFree(own) && isFree(own + 1)) {
            take(own + 1);
            return take(own);
        }
        final int even = pairs == 0 ? EXHAUSTED : findFree(first + random.nextInt(span) & ~1, EVEN, 1);
        if (even != EXHAUSTED) {
            take(even + 1);
            take(even);
        }
        return even;
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
        if (!lent[port]) {
            throw new IllegalStateException("port " + port + " is not lent");
        }
        lent[port] = false;
        final int tail = (restingHead + restingCount++) % size;
        resting[tail] = (char) port;
        returnedAt[tail] = Ticks.at(nowMs);
    }

    private void wakeRested(final long nowMs) {
        // At most two per call: as many as can have been returned for each that is lent, so the work stays bounded.
        for (int i = 0; i < 2 && restingCount > 0 && hasRested(returnedAt[restingHead], nowMs); i++) {
            setFree(popResting());
        }
    }

    /** Within its tick the port may have been returned as late as the next one begins. */
    private static boolean hasRested(final int since, final long nowMs) {
        return nowMs - Ticks.ms(since) >= REST_MS + Ticks.MS;
    }

    private int popResting() {
        final int port = resting[restingHead];
        restingHead = (restingHead + 1) % size;
        restingCount--;
        return port;
    }

    /**
     * The first free port at or after {@code start}, wrapping around, among those that {@code mask} leaves.
     *
     * @param distance to another port of the same word that must be free too; 0 for none
     */
    private int findFree(final int start, final long mask, final int distance) {
        final int startWord = start / Long.SIZE;
        long word = free[startWord] & free[startWord] >>> distance & mask & -1L << start;
        for (int i = 0; i <= WORDS; i++) {
            if (word != 0) {
                return (startWord + i & WORDS - 1) * Long.SIZE + Long.numberOfTrailingZeros(word);
            }
            final long after = free[startWord + i + 1 & WORDS - 1];
            word = after & after >>> distance & mask;
        }
        return EXHAUSTED;
    }

    private int take(final int port) {
        if (isFree(port)) {
            free[port / Long.SIZE] &= ~(1L << port);
            available--;
            pairs -= isFree(port ^ 1) ? 1 : 0;
        }
        lent[port] = true;
        return port;
    }

    private boolean isFree(final int port) {
        return (free[port / Long.SIZE] >>> port & 1) != 0;
    }

    private void setFree(final int port) {
        free[port / Long.SIZE] |= 1L << port;
        available++;
        pairs += isFree(port ^ 1) ? 1 : 0;
    }
}
