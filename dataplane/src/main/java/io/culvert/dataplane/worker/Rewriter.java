// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;
import static io.culvert.bindings.CacheLines.SHORT;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;

/**
 * The stage that changes packets: MAC addresses from the adjacency, addresses and ports from the flow, TTL, and the
 * checksums by the flow's precomputed deltas. Direction is data: one loop serves both.
 */
final class Rewriter {
    private static final long LOW_32 = 0xFFFF_FFFFL;
    /** Bit position of the flags in the long at {@link FlowEntry#KEY_HI}, and of their TTL bit. */
    private static final int FLAGS_SHIFT = (FlowEntry.FLAGS - FlowEntry.KEY_HI) * Byte.SIZE;
    private static final int TTL_SHIFT = FLAGS_SHIFT + Integer.numberOfTrailingZeros(FlowEntry.FLAG_DECREMENT_TTL);
    private static final int ADJACENCY_SHIFT = (FlowEntry.ADJACENCY - FlowEntry.KEY_HI) * Byte.SIZE;

    private final Neighbors neighbors;
    private final Waiting waiting;
    private final Fragmenter fragmenter;
    private final IcmpErrors errors;

    Rewriter(final Neighbors neighbors, final Waiting waiting, final Fragmenter fragmenter, final IcmpErrors errors) {
        this.neighbors = neighbors;
        this.waiting = waiting;
        this.fragmenter = fragmenter;
        this.errors = errors;
    }

    void rewrite(final Burst burst, final long nowMs) {
        final MemorySegment packets = burst.lines();
        final MemorySegment adjacencies = neighbors.entries();
        final int count = Burst.end(burst.count);
        int stopped = 0;
        for (int i = 0; i < count; i++) {
            final MemorySegment packet = CacheLines.line(packets, i);
            final long entry = packet.get(LONG, Burst.FLOW);
            if (entry == Burst.GONE) {
                packet.set(INT, Burst.EGRESS, Burst.NOWHERE);
                continue;
            }
            final MemorySegment flow = NativeMemory.view(entry, FlowEntry.LENGTH);
            final MemorySegment frame = NativeMemory.view(packet.get(LONG, Burst.FRAME), Wire.VIEW_BYTES);
            final long keyHi = flow.get(LONG, FlowEntry.KEY_HI);
            final int adjacency = (int) (keyHi >>> ADJACENCY_SHIFT);
            final MemorySegment next = CacheLines.line(adjacencies, adjacency);
            final long macsHiEgress = next.get(LONG, Neighbors.MACS_HI);
            final int linkMtu = (int) (macsHiEgress >>> Integer.SIZE);
            final int decrement = (int) (keyHi >>> TTL_SHIFT) & 1;
            final int ttlToChecksum = frame.get(Wire.INT, Ipv4.TTL);
            final int length = packet.get(INT, Burst.LENGTH);
            if (length > linkMtu >>> Short.SIZE || (ttlToChecksum & 0xFF) < 2 * decrement) {
                packet.set(INT, Burst.EGRESS, Burst.NOWHERE);
                stopped++;
                continue;
            }
            final long deltasAndSource = flow.get(LONG, FlowEntry.L3_DELTA);
            final int l3Delta = (int) deltasAndSource & 0xFFFF;
            final int l4Delta = (int) deltasAndSource >>> Short.SIZE;
            final int ipChecksum = Checksum.update(ttlToChecksum >>> Short.SIZE, l3Delta);
            final int ttlToNewChecksum = ttlToChecksum - decrement & 0xFFFF | ipChecksum << Short.SIZE;
            // Two wide stores: TTL to source address, then destination address and ports.
            frame.set(Wire.LONG, Ipv4.TTL, ttlToNewChecksum & LOW_32 | deltasAndSource & ~LOW_32);
            frame.set(Wire.LONG, Ipv4.DESTINATION, flow.get(LONG, FlowEntry.NEW_DESTINATION));
            final int udpChecksum = Short.toUnsignedInt(frame.get(Wire.SHORT, Udp.CHECKSUM));
            frame.set(Wire.SHORT, Udp.CHECKSUM, (short) Checksum.updateUdp(udpChecksum, l4Delta));
            frame.set(Wire.LONG, Ethernet.DESTINATION, next.get(LONG, Neighbors.MACS_LO));
            frame.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, (int) macsHiEgress);

            final long lastSeen = flow.get(LONG, FlowEntry.LAST_SEEN);
            flow.set(LONG, FlowEntry.LAST_SEEN, lastSeen & ~FlowEntry.LAST_SEEN_MASK | nowMs);
            flow.set(LONG, FlowEntry.PACKETS, flow.get(LONG, FlowEntry.PACKETS) + 1);
            flow.set(LONG, FlowEntry.BYTES, flow.get(LONG, FlowEntry.BYTES) + length);
            final int traffic = Short.toUnsignedInt(flow.get(SHORT, FlowEntry.TRAFFIC));
            packet.set(INT, Burst.EGRESS, Egress.code(traffic, linkMtu & 0xFFFF));
        }
        for (int i = 0; i < count && stopped > 0; i++) {
            if (burst.flow(i) != Burst.GONE && burst.egress(i) == Burst.NOWHERE) {
                stop(burst, i, nowMs);
                stopped--;
            }
        }
    }

    /** The packet cannot go on now: its next hop is unknown, it is too long for the link, or its time is up. */
    private void stop(final Burst burst, final int i, final long nowMs) {
        final long flow = burst.flow(i);
        final int mtu = neighbors.mtu(NativeMemory.getShort(flow + FlowEntry.ADJACENCY) & 0xFFFF);
        final int flags = NativeMemory.getShort(flow + FlowEntry.PROTOCOL) >>> Byte.SIZE;
        final int decrement = (flags & FlowEntry.FLAG_DECREMENT_TTL) != 0 ? 1 : 0;
        final boolean isTimeUp = (NativeMemory.getShort(burst.frame(i) + Ipv4.TTL) & 0xFF) < 2 * decrement;
        // The next hop may have become usable since the packet met it: by a packet of the flow before this one, or by
        // what another worker received. Then the packet, which nothing else stopped, walks again.
        if (mtu == 0 || burst.length(i) <= mtu && !isTimeUp) {
            // It will walk again from the start, as whoever it came from sent it.
            SourceReplacer.restore(burst, i);
            waiting.hold(burst, i, nowMs);
        } else if (burst.length(i) > mtu) {
            if (Fragmenter.mayCut(NativeMemory.getShort(burst.frame(i) + Ipv4.FRAGMENT))) {
                fragmenter.add(burst, i);
            } else {
                errors.tellMtu(burst, i, mtu);
                burst.drop(i, DropReason.MTU_EXCEEDED);
            }
        } else {
            errors.tell(burst, i, DropReason.TTL_EXCEEDED);
            burst.drop(i, DropReason.TTL_EXCEEDED);
        }
    }
}
