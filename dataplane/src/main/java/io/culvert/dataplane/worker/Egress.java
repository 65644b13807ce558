// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ethernet;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The last stage: what leaves, collected by link and sent with one downcall each. What a driver does not take is freed
 * and counted, never kept: a slow port must not hold up the others.
 */
final class Egress {
    /** What of a burst is answered before the rest is collected fits beside it; what is added behind is appended. */
    private static final int CAPACITY = 2 * Burst.CAPACITY;
    /**
     * How often a driver that takes nothing is asked again. Virtual devices free their ring only when asked; a full
     * hardware ring at line rate does not empty in this time, and then the packet is lost anyway.
     */
    private static final int RETRIES = 8;

    /** For links in {@link #code}: there are at most 32 ports. */
    private static final int LINK_BITS = 8;
    private static final int LINK_MASK = (1 << LINK_BITS) - 1;

    private final TxQueue[] queues;
    /** What leaves, a row of {@link #CAPACITY} for each link. */
    private final MemorySegment packets;
    private final MemorySegment[] mbufs;
    private final int[] counts;
    private final long[] bytes;
    private final VlanTags vlans;
    private final WorkerCounters counters;
    /** The packet that cannot leave: what is freed alone. */
    private final MemorySegment refused;

    Egress(final TxQueue[] queues, final VlanTags vlans, final WorkerCounters counters, final Arena arena) {
        this.queues = queues;
        this.vlans = vlans;
        this.refused = NativeMemory.unscoped(arena.allocate(LONG));
        this.counters = counters;
        this.counts = new int[queues.length];
        this.bytes = new long[queues.length];
        this.mbufs = new MemorySegment[queues.length];
        this.packets = NativeMemory.unscoped(arena.allocate(LONG, (long) queues.length * CAPACITY));
        for (int link = 0; link < queues.length; link++) {
            mbufs[link] = packets.asSlice((long) link * CAPACITY * Long.BYTES, (long) CAPACITY * Long.BYTES);
        }
    }

    /**
     * Takes one packet more, from whoever has many: a full row is sent first.
     *
     * @param ingress the link to count losses under
     * @param length bytes of the frame
     */
    void append(final int link, final int ingress, final long mbuf, final int length) {
        if (counts[link] == CAPACITY) {
            transmit(link, ingress);
            counts[link] = 0;
            bytes[link] = 0;
        }
        packets.setAtIndex(LONG, first(link), mbuf);
        added(link, 1, length);
    }

    /** A packet's link and traffic in one int. @param traffic twice the rule's index, and 1 for a reply */
    static int code(final int traffic, final int link) {
        return traffic << LINK_BITS | link;
    }

    /** Takes what the walk sends on. Counters are written once for packets in a row of one rule, direction and link. */
    void collect(final Burst burst) {
        int start = 0;
        while (start < burst.count) {
            final int code = burst.egress(start);
            start = code == Burst.NOWHERE ? start + 1 : collectRun(burst, start, code);
        }
    }

    /** @return where the run ends */
    private int collectRun(final Burst burst, final int start, final int code) {
        final MemorySegment lines = burst.lines();
        final MemorySegment out = NativeMemory.view(packets.address(), packets.byteSize());
        final int count = Burst.end(burst.count);
        final int to = first(code & LINK_MASK) - start;
        long runBytes = 0;
        int i = start & Burst.CAPACITY - 1;
        for (; i < count; i++) {
            final MemorySegment packet = CacheLines.line(lines, i);
            final long lengthAndEgress = packet.get(LONG, Burst.LENGTH);
            if ((int) (lengthAndEgress >>> Integer.SIZE) != code) {
                break;
            }
            out.setAtIndex(LONG, to + i, packet.get(LONG, Burst.MBUF));
            runBytes += (int) lengthAndEgress;
        }
        final int run = i - start;
        final int traffic = code >>> LINK_BITS;
        final int counter = counters.catalog().ruleTraffic(traffic >>> 1) + 2 * (traffic & 1);
        counters.add(counter, run);
        counters.add(counter + 1, runBytes);
        added(code & LINK_MASK, run, runBytes + (long) run * Ethernet.HEADER_LENGTH);
        return i;
    }

    /** Where the next packet of a link goes. */
    private int first(final int link) {
        return link * CAPACITY + counts[link];
    }

    private void added(final int link, final int count, final long frameBytes) {
        counts[link] += count;
        bytes[link] += frameBytes;
    }

    /** Sends everything. @param ingress the link to count losses under */
    void transmit(final int ingress) {
        for (int link = 0; link < counts.length; link++) {
            if (counts[link] > 0) {
                transmit(link, ingress);
                counts[link] = 0;
                bytes[link] = 0;
            }
        }
    }

    private void transmit(final int link, final int ingress) {
        if (vlans.isTagged(link)) {
            tag(link, ingress);
        }
        final int count = counts[link];
        final int sent = queues[link].transmit(mbufs[link], count);
        int lost = 0;
        long lostBytes = 0;
        if (sent < count) {
            lost = retry(link, sent);
            lostBytes = giveUp(link, lost, ingress);
        }
        final int counter = counters.catalog().sent(link);
        counters.add(counter, count - lost);
        counters.add(counter + 1, bytes[link] - lostBytes);
    }

    /** Tags all that leaves by this link. A buffer without room in front, which no driver delivers, leaves here. */
    private void tag(final int link, final int ingress) {
        final MemorySegment row = mbufs[link];
        int tagged = 0;
        for (int i = 0; i < counts[link]; i++) {
            final long mbuf = row.getAtIndex(LONG, i);
            if (vlans.putOn(mbuf, link)) {
                row.setAtIndex(LONG, tagged++, mbuf);
            } else {
                bytes[link] -= Mbuf.packetLength(mbuf);
                refused.set(LONG, 0, mbuf);
                Mempool.free(refused, 1);
                counters.increment(counters.catalog().dropped(ingress) + DropReason.VLAN.ordinal());
            }
        }
        counts[link] = tagged;
        bytes[link] += (long) tagged * VlanTags.LENGTH;
    }

    /** @return how many were not taken after all; they lie in front then */
    private int retry(final int link, final int sent) {
        int left = moveToFront(link, sent, counts[link] - sent);
        for (int retry = 0; retry < RETRIES && left > 0; retry++) {
            final int taken = queues[link].transmit(mbufs[link], left);
            left = moveToFront(link, taken, left - taken);
        }
        return left;
    }

    /** What is left moves: a slice that starts at it would be an object. */
    private int moveToFront(final int link, final int from, final int left) {
        MemorySegment.copy(mbufs[link], (long) from * Long.BYTES, mbufs[link], 0, (long) left * Long.BYTES);
        return left;
    }

    /** @return the bytes that did not leave */
    private long giveUp(final int link, final int lost, final int ingress) {
        if (lost == 0) {
            return 0;
        }
        final MemorySegment rest = mbufs[link];
        long lostBytes = 0;
        for (int i = 0; i < lost; i++) {
            lostBytes += Mbuf.packetLength(rest.getAtIndex(LONG, i));
        }
        Mempool.free(rest, lost);
        counters.add(counters.catalog().dropped(ingress) + DropReason.TX_RING_FULL.ordinal(), lost);
        return lostBytes;
    }
}
