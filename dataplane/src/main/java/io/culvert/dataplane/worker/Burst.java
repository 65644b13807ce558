// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The packets that are on the walk together, and what the stages know of them. All came in on one port. Parsing
 * leaves the relayable packets dense at the front of the arrays, so that no later stage meets a hole; a packet that
 * ends early does so through {@link #drop}, which also counts it. Preallocated; owned by one worker.
 */
public final class Burst {
    /** Packets in one burst: enough for the misses of a stage to overlap, few enough to stay in the first cache. */
    public static final int CAPACITY = 64;

    /** Stands in {@link #slot} for a packet that has left the walk. */
    public static final int GONE = -2;

    /** {@link #hops} of packets that are where they belong: they are not handed on. */
    static final int SETTLED = Byte.MAX_VALUE;

    /** As the driver delivers them: mbuf pointers. */
    final MemorySegment received;
    int receivedCount;

    /** Relayable packets: the first {@link #count} of each array. */
    final long[] mbuf = new long[CAPACITY];
    final long[] data = new long[CAPACITY];
    final long[] keyLo = new long[CAPACITY];
    final long[] keyHi = new long[CAPACITY];
    final long[] hash = new long[CAPACITY];
    /** IP total length, bytes. */
    final int[] length = new int[CAPACITY];
    /** Slot of the flow, {@link io.culvert.dataplane.flow.FlowTable#NOT_FOUND}, or {@link #GONE}. */
    final int[] slot = new int[CAPACITY];
    int count;

    /** Cache lines that the next stage will touch. */
    final MemorySegment lines;

    /** The link the packets came in on. */
    int ingress;
    /** How often the packets were handed from worker to worker. */
    int hops;

    private final MemorySegment freed;
    private int freedCount;
    private final WorkerCounters counters;
    private int dropCounters;

    Burst(final WorkerCounters counters, final Arena arena) {
        this.counters = counters;
        this.received = NativeMemory.unscoped(arena.allocate(JAVA_LONG, CAPACITY));
        this.lines = NativeMemory.unscoped(arena.allocate(JAVA_LONG, CAPACITY));
        this.freed = NativeMemory.unscoped(arena.allocate(JAVA_LONG, CAPACITY));
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

    /** {@link #drop} for a packet of the dense arrays. */
    void drop(final int i, final DropReason reason) {
        slot[i] = GONE;
        drop(mbuf[i], reason);
    }

    /** Gives a packet back whose end is counted elsewhere. */
    void free(final long packet) {
        if (freedCount == CAPACITY) {
            end(); // fragments that waited may be more than one burst
        }
        freed.setAtIndex(JAVA_LONG, freedCount++, packet);
    }

    /** Ends the walk: what was dropped on it returns to the mempool. */
    void end() {
        if (freedCount > 0) {
            Mempool.free(freed, freedCount);
            freedCount = 0;
        }
    }
}
