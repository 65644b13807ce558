// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
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
    private static final int NO_TRAFFIC = -1;
    private static final long LOW_32 = 0xFFFF_FFFFL;
    /** Bit position of the flags in the long at {@link FlowEntry#KEY_HI}, and of their TTL bit. */
    private static final int FLAGS_SHIFT = (FlowEntry.FLAGS - FlowEntry.KEY_HI) * Byte.SIZE;
    private static final int REPLY_SHIFT = FLAGS_SHIFT + Integer.numberOfTrailingZeros(FlowEntry.FLAG_REPLY);
    private static final int TTL_SHIFT = FLAGS_SHIFT + Integer.numberOfTrailingZeros(FlowEntry.FLAG_DECREMENT_TTL);
    private static final int ADJACENCY_SHIFT = (FlowEntry.ADJACENCY - FlowEntry.KEY_HI) * Byte.SIZE;

    private final FlowTable flows;
    private final Neighbors neighbors;
    private final Egress egress;
    private final Waiting waiting;
    private final Fragmenter fragmenter;
    private final IcmpErrors errors;
    private final WorkerCounters counters;

    Rewriter(final FlowTable flows, final Neighbors neighbors, final Egress egress, final Waiting waiting,
             final Fragmenter fragmenter, final IcmpErrors errors, final WorkerCounters counters) {
        this.flows = flows;
        this.neighbors = neighbors;
        this.egress = egress;
        this.waiting = waiting;
        this.fragmenter = fragmenter;
        this.errors = errors;
        this.counters = counters;
    }

    void rewrite(final Burst burst, final int nowMs) {
        final int count = burst.count;
        final int[] slots = burst.slot;
        // Counters are written once per run of packets that share rule, direction and link.
        int traffic = NO_TRAFFIC;
        int link = 0;
        int first = 0;
        int packets = 0;
        long bytes = 0;
        for (int i = 0; i < count; i++) {
            final int slot = slots[i];
            if (slot < 0) {
                continue;
            }
            final MemorySegment flow = flows.entry(slot);
            final MemorySegment frame = NativeMemory.view(burst.data[i], Wire.VIEW_BYTES);
            final long keyHi = flow.get(JAVA_LONG, FlowEntry.KEY_HI);
            final int adjacency = (int) (keyHi >>> ADJACENCY_SHIFT);
            final MemorySegment next = neighbors.entry(adjacency);
            final long macsHiEgress = next.get(JAVA_LONG, Neighbors.MACS_HI);
            final int linkMtu = (int) (macsHiEgress >>> Integer.SIZE);
            final int decrement = (int) (keyHi >>> TTL_SHIFT) & 1;
            final int ttlToChecksum = frame.get(Wire.INT, Ipv4.TTL);
            final int length = burst.length[i];
            if (length > linkMtu >>> Short.SIZE || (ttlToChecksum & 0xFF) < 2 * decrement) {
                stop(burst, i, adjacency, linkMtu, nowMs);
                continue;
            }
            final long addresses = flow.get(JAVA_LONG, FlowEntry.NEW_ADDRESSES);
            final long portsAndDeltas = flow.get(JAVA_LONG, FlowEntry.NEW_PORTS);
            final int l3Delta = (int) (portsAndDeltas >>> 32) & 0xFFFF;
            final int l4Delta = (int) (portsAndDeltas >>> 48);
            final int ipChecksum = Checksum.update(ttlToChecksum >>> Short.SIZE, l3Delta);
            final int ttlToNewChecksum = ttlToChecksum - decrement & 0xFFFF | ipChecksum << Short.SIZE;
            // Two wide stores: TTL to source address, then destination address and ports.
            frame.set(Wire.LONG, Ipv4.TTL, ttlToNewChecksum & LOW_32 | addresses << Integer.SIZE);
            frame.set(Wire.LONG, Ipv4.DESTINATION, addresses >>> Integer.SIZE | portsAndDeltas << Integer.SIZE);
            final int udpChecksum = Short.toUnsignedInt(frame.get(Wire.SHORT, Udp.CHECKSUM));
            frame.set(Wire.SHORT, Udp.CHECKSUM, (short) Checksum.updateUdp(udpChecksum, l4Delta));
            frame.set(Wire.LONG, Ethernet.DESTINATION, next.get(JAVA_LONG, Neighbors.MACS_LO));
            frame.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, (int) macsHiEgress);

            flow.set(JAVA_INT, FlowEntry.LAST_SEEN, nowMs);
            flow.set(JAVA_LONG, FlowEntry.PACKETS, flow.get(JAVA_LONG, FlowEntry.PACKETS) + 1);
            flow.set(JAVA_LONG, FlowEntry.BYTES, flow.get(JAVA_LONG, FlowEntry.BYTES) + length);
            final int rule = Short.toUnsignedInt(flow.get(JAVA_SHORT, FlowEntry.RULE));
            final int direction = rule << 1 | (int) (keyHi >>> REPLY_SHIFT) & 1;
            if (direction != traffic || (linkMtu & 0xFFFF) != link) {
                endRun(traffic, link, packets, bytes);
                traffic = direction;
                link = linkMtu & 0xFFFF;
                first = egress.first(link);
                packets = 0;
                bytes = 0;
            }
            egress.put(first + packets, burst.mbuf[i]);
            packets++;
            bytes += length;
        }
        endRun(traffic, link, packets, bytes);
    }

    /** The packet cannot go on now: its next hop is unknown, it is too long for the link, or its time is up. */
    private void stop(final Burst burst, final int i, final int adjacency, final int linkMtu, final int nowMs) {
        if (linkMtu >>> Short.SIZE == 0) {
            waiting.hold(burst, i, adjacency, nowMs);
        } else if (burst.length[i] > linkMtu >>> Short.SIZE) {
            if (Fragmenter.mayCut(NativeMemory.getShort(burst.data[i] + Ipv4.FRAGMENT))) {
                fragmenter.add(burst, i);
            } else {
                errors.tellMtu(burst, i, linkMtu >>> Short.SIZE);
                burst.drop(i, DropReason.MTU_EXCEEDED);
            }
        } else {
            errors.tell(burst, i, DropReason.TTL_EXCEEDED);
            burst.drop(i, DropReason.TTL_EXCEEDED);
        }
    }

    private void endRun(final int traffic, final int link, final int packets, final long bytes) {
        if (traffic != NO_TRAFFIC) {
            final int counter = counters.catalog().ruleTraffic(traffic >>> 1) + 2 * (traffic & 1);
            counters.add(counter, packets);
            counters.add(counter + 1, bytes);
            egress.added(link, packets, bytes + (long) packets * Ethernet.HEADER_LENGTH);
        }
    }
}
