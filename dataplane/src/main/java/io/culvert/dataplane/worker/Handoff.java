// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.nat.EchoSessions;
import io.culvert.dataplane.nat.Strays;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Packets on their way from the worker whose queue they came in on to the one that owns their session: a ring for each
 * ordered pair, one writer and one reader, so that nobody locks. Replies need it where the NIC cannot be told which
 * queue a SNAT port belongs to.
 */
public final class Handoff {
    static final int NOBODY = -1;

    private static final int CAPACITY = 1_024;
    /** An mbuf's address has 48 bits; above it the link it came in on and how often it was handed on. */
    private static final int LINK_SHIFT = 48;
    private static final int HOPS_SHIFT = 56;
    private static final long ADDRESS_MASK = (1L << LINK_SHIFT) - 1;

    private static final VarHandle TAIL;
    private static final VarHandle HEAD;

    static {
        try {
            final MethodHandles.Lookup lookup = MethodHandles.lookup();
            TAIL = lookup.findVarHandle(Ring.class, "tail", long.class);
            HEAD = lookup.findVarHandle(Ring.class, "head", long.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** Its packets lie off the heap: 8 KiB, and of 128 workers there are 16,384. */
    private static final class Ring {
        private final MemorySegment packets;
        /** Written by the giver. */
        private long tail;
        /** Written by the taker. */
        private long head;

        Ring(final Arena arena) {
            packets = NativeMemory.unscoped(arena.allocate(JAVA_LONG, CAPACITY));
        }
    }

    private final int workers;
    private final Ring[] rings;
    /** What each worker knows; written before any of them runs. */
    private final FlowTable[] tables;
    private final AddressBook[] books;
    private final EchoSessions[] echoes;
    private final Strays strays;
    private final Openings openings = new Openings();

    /** @param sessions that all workers together can hold */
    public Handoff(final int workers, final int sessions, final Arena arena) {
        this.workers = workers;
        this.strays = new Strays(workers == 1 ? 1 : sessions, arena);
        this.tables = new FlowTable[workers];
        this.books = new AddressBook[workers];
        this.echoes = new EchoSessions[workers];
        this.rings = new Ring[workers * workers];
        for (int i = 0; i < rings.length; i++) {
            rings[i] = new Ring(arena);
        }
    }

    int workers() {
        return workers;
    }

    /** A worker takes part, with what it knows. */
    void join(final int worker, final FlowTable flows, final AddressBook book, final EchoSessions echo) {
        books[worker] = book;
        tables[worker] = flows;
        echoes[worker] = echo;
    }

    /**
     * The worker where the sessions of a client endpoint live that share an external one: the same for both ports of a
     * pair. The hash is that of the first worker's table, so nobody outside can aim all endpoints at one worker; the
     * next process keeps the table's seed as long as it keeps its sessions, and so their homes.
     *
     * @param high and {@code low} halves of the client's address; IPv4 as ::ffff:a.b.c.d
     */
    int homeOf(final long high, final long low, final int clientPort) {
        final FlowTable first = tables[0];
        final long hash = first.hash(first.hash(high, low), clientPort >>> 1);
        return (int) Math.unsignedMultiplyHigh(hash, workers);
    }

    /**
     * Which worker but the one that asks has this flow: tables are read while their owners write them, so a flow that
     * is being written may be missed, and no more. For ways too seldom to matter to the owners' caches.
     *
     * @return NOBODY when none has it
     */
    int holderOf(final int asking, final long keyLo, final long keyHi) {
        for (int worker = 0; worker < workers; worker++) {
            if (worker != asking && has(worker, keyLo, keyHi)) {
                return worker;
            }
        }
        return NOBODY;
    }

    /**
     * {@link #holderOf} for IPv6: each worker has its own numbers for the same addresses.
     *
     * @param sourceAt and {@code destinationAt}: where the addresses lie
     */
    int holderOfIpv6(final int asking, final long sourceAt, final long destinationAt, final long keyHi) {
        for (int worker = 0; worker < workers; worker++) {
            if (worker != asking && hasIpv6(worker, sourceAt, destinationAt, keyHi)) {
                return worker;
            }
        }
        return NOBODY;
    }

    /** Whether another worker has this flow, see {@link #holderOf}. */
    boolean has(final int worker, final long keyLo, final long keyHi) {
        return tables[worker].hasSeenFromOutside(keyLo, keyHi);
    }

    /** {@link #has} for IPv6, see {@link #holderOfIpv6}. */
    boolean hasIpv6(final int worker, final long sourceAt, final long destinationAt, final long keyHi) {
        final int source = numberAt(sourceAt, books[worker]);
        final int destination = numberAt(destinationAt, books[worker]);
        return has(worker, Integer.toUnsignedLong(source) | (long) destination << Integer.SIZE, keyHi);
    }

    /** The relayed echoes of another worker, of which {@link EchoSessions#isAwaited} alone may be asked. */
    EchoSessions echoes(final int worker) {
        return echoes[worker];
    }

    /** Whether another worker has this flow. @param keyLo in the numbers of the one that asks */
    boolean isHeldElsewhere(final int asking, final long keyLo, final long keyHi) {
        for (int worker = 0; worker < workers; worker++) {
            if (worker != asking && tables[worker].hasSeenFromOutside(
                    inNumbersOf(books[worker], books[asking], keyLo), keyHi)) {
                return true;
            }
        }
        return false;
    }

    private static long inNumbersOf(final AddressBook theirs, final AddressBook ours, final long keyLo) {
        final int source = (int) keyLo;
        final int destination = (int) (keyLo >>> Integer.SIZE);
        if (!AddressBook.isNumber(source)) {
            return keyLo;
        }
        return Integer.toUnsignedLong(theirs.findFromOutside(ours.high(source), ours.low(source)))
                | (long) theirs.findFromOutside(ours.high(destination), ours.low(destination)) << Integer.SIZE;
    }

    private static int numberAt(final long address, final AddressBook book) {
        return book.findFromOutside(NativeMemory.getLong(address), NativeMemory.getLong(address + Long.BYTES));
    }

    Openings openings() {
        return openings;
    }

    Strays strays() {
        return strays;
    }

    /** @return false when the ring is full; the packet is still the giver's */
    boolean give(final int from, final int to, final long mbuf, final int link, final int hops) {
        final Ring ring = rings[from * workers + to];
        final long tail = ring.tail;
        if (tail - (long) HEAD.getAcquire(ring) == CAPACITY) {
            return false;
        }
        ring.packets.setAtIndex(JAVA_LONG, tail & CAPACITY - 1,
                mbuf | (long) link << LINK_SHIFT | (long) hops << HOPS_SHIFT);
        TAIL.setRelease(ring, tail + 1);
        return true;
    }

    /**
     * Takes what lies in front of one ring and shares link and hops, so that it can walk as one burst.
     *
     * @return 0 when there is nothing, else {@link #link} and {@link #hops} and {@link #count} in one int
     */
    int take(final int from, final int to, final MemorySegment mbufs, final int capacity) {
        final Ring ring = rings[from * workers + to];
        final long head = ring.head;
        final int available = (int) Math.min((long) TAIL.getAcquire(ring) - head, capacity);
        if (available == 0) {
            return 0;
        }
        final long kind = ring.packets.getAtIndex(JAVA_LONG, head & CAPACITY - 1) >>> LINK_SHIFT;
        int taken = 0;
        while (taken < available) {
            final long packet = ring.packets.getAtIndex(JAVA_LONG, head + taken & CAPACITY - 1);
            if (packet >>> LINK_SHIFT != kind) {
                break;
            }
            mbufs.setAtIndex(JAVA_LONG, taken++, packet & ADDRESS_MASK);
        }
        HEAD.setRelease(ring, head + taken);
        return (int) kind << Short.SIZE | taken;
    }

    static int count(final int taken) {
        return taken & 0xFFFF;
    }

    static int link(final int taken) {
        return taken >>> Short.SIZE & 0xFF;
    }

    static int hops(final int taken) {
        return taken >>> Short.SIZE + Byte.SIZE;
    }
}
