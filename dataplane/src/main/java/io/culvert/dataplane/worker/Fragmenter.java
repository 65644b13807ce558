// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Cuts packets that are longer than the egress port's MTU and may be fragmented (RFC 791, RFC 4787 REQ-13a): copies in
 * buffers of their own, which leave in order. They wait until the burst is rewritten, for what they become is appended
 * to the same rows. The loss ledger takes the first fragment for the packet and the others for originated.
 */
final class Fragmenter {
    private static final int UNIT = 8;
    /** 65,515 bytes by the 552 that fit an MTU of 576 are 119. */
    private static final int FRAGMENTS_LIMIT = 128;
    /** In front of a fresh buffer's packet: RTE_PKTMBUF_HEADROOM. */
    private static final int HEADROOM = 128;

    private final SingleRewriter rewriter;
    private final Waiting waiting;
    private final Egress egress;
    private final Mempool pool;
    private final DatagramIds ids;
    private final IcmpErrors errors;
    private final WorkerCounters counters;
    private final MemorySegment header;
    private final MemorySegment fresh;

    /** Places in the burst, and their flows. */
    private final int[] place = new int[Burst.CAPACITY];
    private final long[] flow = new long[Burst.CAPACITY];
    private int count;

    Fragmenter(final SingleRewriter rewriter, final Waiting waiting, final Egress egress, final Mempool pool,
               final DatagramIds ids, final IcmpErrors errors, final WorkerCounters counters, final Arena arena) {
        this.rewriter = rewriter;
        this.waiting = waiting;
        this.egress = egress;
        this.pool = pool;
        this.ids = ids;
        this.errors = errors;
        this.counters = counters;
        this.header = NativeMemory.unscoped(arena.allocate(Wire.VIEW_BYTES, Long.BYTES));
        this.fresh = NativeMemory.unscoped(arena.allocate(JAVA_LONG, FRAGMENTS_LIMIT));
    }

    /** Takes packet {@code i} of the burst, not yet rewritten, off its walk until {@link #walk}. */
    void add(final Burst burst, final int i) {
        place[count] = i;
        flow[count++] = burst.flow(i);
        burst.leave(i);
    }

    boolean hasWork() {
        return count > 0;
    }

    /** Rewrites and cuts what was added. */
    void walk(final Burst burst, final long nowMs) {
        for (int i = 0; i < count; i++) {
            final long packet = burst.mbuf(place[i]);
            rewriter.use(flow[i]);
            if (rewriter.mtu() == 0) {
                // Another worker, the one that asks, has given the next hop up since the rewrite stage met it.
                SourceReplacer.restore(burst, place[i]);
                rewriter.hold(waiting, burst, packet, nowMs);
                continue;
            }
            NativeMemory.read(Mbuf.data(packet), header, Wire.VIEW_BYTES);
            if (rewriter.isTimeUp(header.get(Wire.BYTE, Ipv4.TTL) & 0xFF)) {
                errors.tell(burst, place[i], DropReason.TTL_EXCEEDED);
                burst.drop(packet, DropReason.TTL_EXCEEDED);
            } else {
                final int length = Wire.host16(header.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
                rewriter.rewriteIp(header, ids.next());
                rewriter.rewriteUdp(header);
                NativeMemory.write(Mbuf.data(packet), header, Wire.VIEW_BYTES);
                if (cut(burst, packet, header, rewriter.mtu(), rewriter.link())) {
                    rewriter.count(length, nowMs);
                }
            }
        }
        count = 0;
    }

    /** Whether the sender allows that this packet is fragmented. */
    static boolean mayCut(final short fragmentField) {
        return (fragmentField & Ipv4.DONT_FRAGMENT) == 0;
    }

    /**
     * Sends a packet, already rewritten and maybe a fragment itself, in pieces of at most {@code mtu} bytes.
     *
     * @param ip the packet's first bytes; left with the last fragment's header
     * @return false when there were no buffers: then it has been dropped
     */
    boolean cut(final Burst burst, final long packet, final MemorySegment ip, final int mtu, final int link) {
        final int payload = Wire.host16(ip.get(Wire.SHORT, Ipv4.TOTAL_LENGTH)) - Ipv4.HEADER_LENGTH;
        final int room = Mbuf.bufferLength(packet) - HEADROOM - Ethernet.HEADER_LENGTH;
        final int piece = Math.min(mtu, room) - Ipv4.HEADER_LENGTH & -UNIT;
        final int pieces = (payload + piece - 1) / piece;
        if (!pool.allocate(fresh, pieces)) {
            burst.drop(packet, DropReason.NO_MBUF);
            return false;
        }
        final int fragment = Wire.host16(ip.get(Wire.SHORT, Ipv4.FRAGMENT));
        for (int i = 0; i < pieces; i++) {
            final int from = i * piece;
            final int length = Math.min(piece, payload - from);
            final int more = i < pieces - 1 ? Ipv4.MORE_FRAGMENTS : fragment & Ipv4.MORE_FRAGMENTS;
            final int offset = (fragment & Ipv4.OFFSET_MASK) + from / UNIT;
            ip.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(Ipv4.HEADER_LENGTH + length));
            ip.set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16(more | offset));
            ip.set(Wire.SHORT, Ipv4.CHECKSUM, (short) 0);
            final int sum = Checksum.sum(ip, Ipv4.VERSION_IHL, Ipv4.HEADER_LENGTH);
            ip.set(Wire.SHORT, Ipv4.CHECKSUM, (short) ~sum);

            final long piecePacket = fresh.getAtIndex(JAVA_LONG, i);
            final long data = Mbuf.data(piecePacket);
            NativeMemory.write(data, ip, Ipv4.PAYLOAD);
            copy(packet, Ipv4.PAYLOAD + from, data + Ipv4.PAYLOAD, length);
            Mbuf.setLength(piecePacket, Ipv4.PAYLOAD + length);
            egress.append(link, burst.ingress, piecePacket, Ipv4.PAYLOAD + length);
        }
        counters.add(counters.catalog().of(CounterCatalog.WorkerCounter.ORIGINATED), pieces - 1);
        burst.free(packet);
        return true;
    }

    /** Copies bytes of a packet whose buffers may be chained. */
    private static void copy(final long packet, final int from, final long to, final int length) {
        long segment = packet;
        int at = from;
        int copied = 0;
        while (copied < length) {
            final int available = Mbuf.dataLength(segment) - at;
            if (available > 0) {
                final int bytes = Math.min(available, length - copied);
                NativeMemory.copy(Mbuf.data(segment) + at, to + copied, bytes);
                copied += bytes;
            }
            at = Math.max(0, -available);
            segment = Mbuf.next(segment);
        }
    }
}
