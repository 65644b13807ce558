// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.Prefetch;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The packets that are on the walk together, and what the stages know of them, a cache line each. All came in on one
 * port. Parsing leaves the relayable packets dense at the front, so that no later stage meets a hole; a packet that
 * ends early does so through {@link #drop}, which also counts it. Preallocated; owned by one worker.
 * <pre>
 *  byte 0      8       16       24       32     40              48           56
 *     0 | mbuf | frame | key lo | key hi | hash | index bucket | flow entry | IP length, egress |
 * </pre>
 */
public final class Burst {
    /** Packets in one burst: enough for the misses of a stage to overlap, few enough to stay in the first cache. */
    public static final int CAPACITY = 64;

    /** Packets whose cache lines are asked for together, while the next ones are worked on. */
    static final int CHUNK = 32;

    // One line for each packet, so that a stage takes all it needs of one at the price of one check.
    static final int MBUF = 0;
    /** Address of the frame's first byte. */
    static final int FRAME = MBUF + Long.BYTES;
    static final int KEY_LO = FRAME + Long.BYTES;
    static final int KEY_HI = KEY_LO + Long.BYTES;
    static final int HASH = KEY_HI + Long.BYTES;
    /** Address of the hash's home bucket. */
    static final int BUCKET = HASH + Long.BYTES;
    /** Address of the flow's entry, {@link #NO_FLOW}, or {@link #GONE}. */
    static final int FLOW = BUCKET + Long.BYTES;
    /** IP total length, bytes. */
    static final int LENGTH = FLOW + Long.BYTES;
    /** Where the packet leaves and what it counts as: see {@link Egress#collect}. */
    static final int EGRESS = LENGTH + Integer.BYTES;

    /** Stands in {@link #FLOW} for a packet whose flow is not known yet. */
    static final long NO_FLOW = 0;
    /** Stands in {@link #FLOW} for a packet that has left the walk. */
    static final long GONE = 1;
    /** Stands in {@link #EGRESS} for a packet that does not leave. */
    static final int NOWHERE = -1;

    /** {@link #hops} of packets that are where they belong: they are not handed on. */
    static final int SETTLED = Byte.MAX_VALUE;

    /** As the driver delivers them: mbuf pointers. */
    final MemorySegment received;
    int receivedCount;

    /** The packets' lines, dense: the first {@link #count} are relayable. */
    private final CacheLines lines;
    int count;
    /** How many the parser diverts; they lie in front of {@link #received}, which has been read. */
    int divertedCount;

    /** Whether a router on the way may cut any of the relayable packets. */
    boolean mayBeCut;

    /** The link the packets came in on. */
    int ingress;
    /** How often the packets were handed from worker to worker. */
    int hops;

    /** The same lines for seldom ways, where the view of one would be an object. */
    private final MemorySegment memory;
    private final MemorySegment freed;
    private int freedCount;
    private final WorkerCounters counters;
    private int dropCounters;

    Burst(final WorkerCounters counters, final Arena arena) {
        this.counters = counters;
        this.received = NativeMemory.unscoped(arena.allocate(LONG, CAPACITY));
        this.memory = NativeMemory.unscoped(arena.allocate(CAPACITY * CacheLines.LENGTH, CacheLines.LENGTH));
        this.lines = new CacheLines(memory);
        this.freed = NativeMemory.unscoped(arena.allocate(LONG, CAPACITY));
    }

    /** {@link #received}, for a stage's loop. */
    MemorySegment received() {
        return NativeMemory.view(received.address(), CAPACITY * Long.BYTES);
    }

    /** The packets' lines, for a stage's loop. */
    MemorySegment lines() {
        return NativeMemory.view(lines.address(0), CAPACITY * CacheLines.LENGTH);
    }

    /** The end of a stage's loop: never beyond the capacity, so that the compiler leaves the checks of lines out. */
    static int end(final int to) {
        return Math.min(to, CAPACITY);
    }

    /** Asks for the cache lines whose addresses lie in this field of the packets from one to before another. */
    void fetch(final int field, final int from, final int to) {
        Prefetch.lines(lines.address(from) + field, CacheLines.LENGTH, to - from);
    }

    /** Starts a walk of the packets that lie in {@link #received}. */
    void begin(final int link, final int packets) {
        begin(link, packets, 0);
    }

    void begin(final int link, final int packets, final int handedOn) {
        from(link);
        hops = handedOn;
        receivedCount = packets;
        count = 0;
        divertedCount = 0;
        mayBeCut = false;
    }

    /** What is dropped from here on came in on this link. */
    void from(final int link) {
        ingress = link;
        dropCounters = counters.catalog().dropped(link);
    }

    /** Ends a packet's walk: counted by its reason, freed with the burst. */
    void drop(final long packet, final DropReason reason) {
        counters.increment(dropCounters + reason.ordinal());
        free(packet);
    }

    /** {@link #drop} for packet {@code i} of the relayable ones. */
    void drop(final int i, final DropReason reason) {
        leave(i);
        drop(mbuf(i), reason);
    }

    /** Packet {@code i} leaves the walk; whoever took it has counted it. */
    void leave(final int i) {
        flow(i, GONE);
    }

    /** Lays down packet {@code i}. @param length of the IP packet, bytes */
    void put(final int i, final long mbuf, final long frame, final int length) {
        memory.set(LONG, at(i) + MBUF, mbuf);
        memory.set(LONG, at(i) + FRAME, frame);
        memory.set(INT, at(i) + LENGTH, length);
    }

    void key(final int i, final long keyLo, final long keyHi, final long hash) {
        memory.set(LONG, at(i) + KEY_LO, keyLo);
        memory.set(LONG, at(i) + KEY_HI, keyHi);
        memory.set(LONG, at(i) + HASH, hash);
    }

    void bucket(final int i, final long address) {
        memory.set(LONG, at(i) + BUCKET, address);
    }

    long mbuf(final int i) {
        return memory.get(LONG, at(i) + MBUF);
    }

    long frame(final int i) {
        return memory.get(LONG, at(i) + FRAME);
    }

    long keyLo(final int i) {
        return memory.get(LONG, at(i) + KEY_LO);
    }

    long keyHi(final int i) {
        return memory.get(LONG, at(i) + KEY_HI);
    }

    long hash(final int i) {
        return memory.get(LONG, at(i) + HASH);
    }

    int length(final int i) {
        return memory.get(INT, at(i) + LENGTH);
    }

    int egress(final int i) {
        return memory.get(INT, at(i) + EGRESS);
    }

    /** Address of the flow's entry, NO_FLOW or GONE. */
    long flow(final int i) {
        return memory.get(LONG, at(i) + FLOW);
    }

    void flow(final int i, final long entryAddress) {
        memory.set(LONG, at(i) + FLOW, entryAddress);
    }

    private static long at(final int i) {
        return (long) i * CacheLines.LENGTH;
    }

    /** Gives a packet back whose end is counted elsewhere. */
    void free(final long packet) {
        if (freedCount == CAPACITY) {
            end(); // fragments that waited may be more than one burst
        }
        freed.setAtIndex(LONG, freedCount++, packet);
    }

    /** Ends the walk: what was dropped on it returns to the mempool. */
    void end() {
        if (freedCount > 0) {
            Mempool.free(freed, freedCount);
            freedCount = 0;
        }
    }
}
