// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What {@link Rewriter} does to a burst, for one packet: fragments, and packets that are cut. {@link #use} chooses the
 * flow. Works on copies of flow, next hop and header: these ways are too seldom for the compiler to dissolve views.
 */
final class SingleRewriter {
    private final Neighbors neighbors;
    private final ClientHops hops;
    private final WorkerCounters counters;
    private final MemorySegment flow;
    private final MemorySegment next;
    private long flowAddress;

    SingleRewriter(final Neighbors neighbors, final ClientHops hops, final WorkerCounters counters,
                   final Arena arena) {
        this.neighbors = neighbors;
        this.hops = hops;
        this.counters = counters;
        this.flow = NativeMemory.unscoped(arena.allocate(FlowEntry.LENGTH, Long.BYTES));
        this.next = NativeMemory.unscoped(arena.allocate(Neighbors.ENTRY_LENGTH, Long.BYTES));
    }

    /** What follows is done by the flow whose entry lies there. */
    void use(final long entryAddress) {
        flowAddress = entryAddress;
        final int adjacency = hops.bind(flowAddress);
        NativeMemory.read(flowAddress, flow, FlowEntry.LENGTH);
        neighbors.read(adjacency, next);
    }

    long keyLo() {
        return FlowEntry.keyLo(flow);
    }

    long keyHi() {
        return FlowEntry.keyHi(flow);
    }

    /** A packet of the flow waits for the next hop while {@link #mtu} is 0. */
    void hold(final Waiting waiting, final Burst burst, final long mbuf, final long nowMs) {
        FlowEntry.tried(flowAddress, nowMs);
        waiting.hold(burst, mbuf, hops.placeToWaitFor(flowAddress), nowMs);
    }

    int link() {
        return next.get(JAVA_INT, Neighbors.EGRESS) & 0xFFFF;
    }

    /** 0 while the next hop is not resolved. */
    int mtu() {
        return next.get(JAVA_INT, Neighbors.EGRESS) >>> Short.SIZE;
    }

    /** @param ttl of the packet, or its hop limit */
    boolean isTimeUp(final int ttl) {
        return ttl < 2 * decrement();
    }

    int decrement() {
        return FlowEntry.decrementsTtl(flow) ? 1 : 0;
    }

    long newAddresses() {
        return FlowEntry.newAddresses(flow);
    }

    int newPorts() {
        return FlowEntry.newPorts(flow);
    }

    int l4Delta() {
        return flow.get(JAVA_SHORT, FlowEntry.L4_DELTA) & 0xFFFF;
    }

    /** The first bytes of the Ethernet header towards the next hop. */
    long macsLo() {
        return next.get(JAVA_LONG, Neighbors.MACS_LO);
    }

    int macsHi() {
        return (int) next.get(JAVA_LONG, Neighbors.MACS_HI);
    }

    /** Everything up to the IP header's end; the id as given, the port numbers untouched. */
    void rewriteIp(final MemorySegment header, final int id) {
        final int oldId = header.get(Wire.SHORT, Ipv4.ID) & 0xFFFF;
        // A stranger that the rule's filtering let in is not the source that the flow's delta starts from.
        final int l3Delta = Checksum.delta(flow.get(JAVA_SHORT, FlowEntry.L3_DELTA) & 0xFFFF,
                header.get(Wire.INT, Ipv4.SOURCE), (int) FlowEntry.keyLo(flow));
        final int checksum = header.get(Wire.SHORT, Ipv4.CHECKSUM) & 0xFFFF;
        final int updated = Checksum.update(checksum, Checksum.delta(l3Delta, oldId, id));
        header.set(Wire.SHORT, Ipv4.ID, (short) id);
        header.set(Wire.BYTE, Ipv4.TTL, (byte) (header.get(Wire.BYTE, Ipv4.TTL) - decrement()));
        header.set(Wire.SHORT, Ipv4.CHECKSUM, (short) updated);
        header.set(Wire.LONG, Ipv4.SOURCE, newAddresses());
        header.set(Wire.LONG, Ethernet.DESTINATION, macsLo());
        header.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, macsHi());
    }

    void rewriteUdp(final MemorySegment header) {
        final int checksum = header.get(Wire.SHORT, Udp.CHECKSUM) & 0xFFFF;
        header.set(Wire.INT, Udp.PORTS, newPorts());
        header.set(Wire.SHORT, Udp.CHECKSUM, (short) Checksum.updateUdp(checksum, l4Delta()));
    }

    /** A packet of the flow went on. @param length of IP, bytes */
    void count(final int length, final long nowMs) {
        FlowEntry.seen(flowAddress, nowMs);
        add(flowAddress + FlowEntry.PACKETS, 1);
        add(flowAddress + FlowEntry.BYTES, length);
        final int direction = FlowEntry.isReply(flow) ? 1 : 0;
        final int counter = counters.catalog().ruleTraffic(FlowEntry.rule(flow)) + 2 * direction;
        counters.increment(counter);
        counters.add(counter + 1, length);
    }

    private static void add(final long address, final long amount) {
        NativeMemory.setLong(address, NativeMemory.getLong(address) + amount);
    }
}
