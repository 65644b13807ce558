// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * {@link IcmpRelay} for IPv6: carries errors about relayed packets to whoever sent those, packet too big above all, for
 * nobody on the way may fragment (RFC 4443 section 2.4, RFC 8201). The quoted packet's addresses swapped are the key of
 * the flow that leads back. No session is refreshed, changed or ended by it. Owned by one worker.
 */
final class Icmpv6Relay {
    private static final long LOW_32 = 0xFFFF_FFFFL;
    private static final int QUOTED_SOURCE = Icmpv6.QUOTE + Ipv6.SOURCE - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_DESTINATION = QUOTED_SOURCE + Ipv6Address.LENGTH;
    private static final int UDP_CHECKSUM = Udp.CHECKSUM - Udp.PORTS;

    private final FlowTable flows;
    private final AddressBook book;
    private final Martians martians;
    private final Steering steering;
    private final Neighbors neighbors;
    private final ClientHops hops;
    private final Egress egress;
    private final Waiting waiting;
    private final WorkerCounters counters;
    /** The flow that leads back, and its next hop: copies, for views would be objects here. */
    private final MemorySegment flow;
    private final MemorySegment next;
    private long nowMs;

    Icmpv6Relay(final FlowTable flows, final AddressBook book, final Martians martians, final Steering steering,
                final Neighbors neighbors, final ClientHops hops, final Egress egress, final Waiting waiting,
                final WorkerCounters counters, final Arena arena) {
        this.flows = flows;
        this.book = book;
        this.martians = martians;
        this.steering = steering;
        this.neighbors = neighbors;
        this.hops = hops;
        this.egress = egress;
        this.waiting = waiting;
        this.counters = counters;
        this.flow = NativeMemory.unscoped(arena.allocate(FlowEntry.LENGTH, Long.BYTES));
        this.next = NativeMemory.unscoped(arena.allocate(Neighbors.ENTRY_LENGTH, Long.BYTES));
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /**
     * Sends an error on, or drops it by name.
     *
     * @param packet a copy of it, whole
     * @param length of the ICMPv6 packet, bytes
     * @param ports where the quoted UDP header lies, from the frame's first byte
     */
    void relay(final Burst burst, final long mbuf, final MemorySegment packet, final int length, final int ports) {
        final long high = packet.get(Wire.LONG, Ipv6.SOURCE);
        if (!Mbuf.isWhole(mbuf) || Icmpv6.sum(packet, length) != 0xFFFF) {
            burst.drop(mbuf, DropReason.BAD_CHECKSUM);
        } else if (martians.contains(high, packet.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES))
                || Ipv6Address.isLinkLocal(high)) {
            burst.drop(mbuf, DropReason.MARTIAN);
        } else if (!isAboutItsReceiver(packet)) {
            burst.drop(mbuf, DropReason.ICMP_UNRELATED);
        } else {
            final long keyLo = addresses(packet, QUOTED_DESTINATION) & LOW_32
                    | (long) addresses(packet, QUOTED_SOURCE) << Integer.SIZE;
            final int keyPorts = Integer.rotateLeft(packet.get(Wire.INT, ports), Short.SIZE);
            final long keyHi = FlowEntry.keyHi(keyPorts, Ipv6.UDP | FlowEntry.IPV6_PROTOCOL);
            final int slot = flows.find(keyLo, keyHi, flows.hash(keyLo, keyHi));
            if (slot != FlowTable.NOT_FOUND) {
                translate(burst, mbuf, packet, length, ports, slot);
            } else if (!steering.handErrorOffIpv6(burst, mbuf, keyLo, keyPorts, Mbuf.data(mbuf) + QUOTED_DESTINATION,
                    Mbuf.data(mbuf) + QUOTED_SOURCE)) {
                burst.drop(mbuf, DropReason.ICMP_UNRELATED);
            }
        }
    }

    /** Who got the error must have sent the quoted packet. */
    private static boolean isAboutItsReceiver(final MemorySegment packet) {
        return packet.get(Wire.LONG, Ipv6.DESTINATION) == packet.get(Wire.LONG, QUOTED_SOURCE)
                && packet.get(Wire.LONG, Ipv6.DESTINATION + Long.BYTES)
                        == packet.get(Wire.LONG, QUOTED_SOURCE + Long.BYTES);
    }

    private int addresses(final MemorySegment packet, final int at) {
        return book.find(packet.get(Wire.LONG, at), packet.get(Wire.LONG, at + Long.BYTES));
    }

    private void translate(final Burst burst, final long mbuf, final MemorySegment packet, final int length,
                           final int ports, final int slot) {
        final int place = hops.placeToWaitFor(flows.entryAddress(slot));
        NativeMemory.read(flows.entryAddress(slot), flow, FlowEntry.LENGTH);
        neighbors.read(FlowEntry.adjacency(flow), next);
        final int linkMtu = next.get(Wire.INT, Neighbors.EGRESS);
        final int hopLimit = packet.get(Wire.BYTE, Ipv6.HOP_LIMIT) & 0xFF;
        final int decrement = FlowEntry.decrementsTtl(flow) ? 1 : 0;
        if (linkMtu >>> Short.SIZE == 0) {
            waiting.hold(burst, mbuf, place, nowMs);
        } else if (Ipv6.HEADER_LENGTH + length > linkMtu >>> Short.SIZE) {
            burst.drop(mbuf, DropReason.MTU_EXCEEDED);
        } else if (hopLimit < 2 * decrement) {
            burst.drop(mbuf, DropReason.TTL_EXCEEDED); // nobody is told: errors about errors could go on for ever
        } else {
            rewriteQuote(packet, ports);
            setAddress(packet, Ipv6.SOURCE, sender(addresses(packet, Ipv6.SOURCE)));
            setAddress(packet, Ipv6.DESTINATION, (int) (FlowEntry.newAddresses(flow) >>> Integer.SIZE));
            packet.set(Wire.BYTE, Ipv6.HOP_LIMIT, (byte) (hopLimit - decrement));
            Icmpv6.seal(packet, length);
            send(burst, mbuf, packet, Ipv6.PAYLOAD + length, linkMtu & 0xFFFF);
        }
    }

    /** The quoted packet becomes the one that its sender sent: the reverse of what the flow does. */
    private void rewriteQuote(final MemorySegment packet, final int ports) {
        final int source = (int) (FlowEntry.newAddresses(flow) >>> Integer.SIZE);
        final int destination = (int) FlowEntry.newAddresses(flow);
        final int arePorts = Integer.rotateLeft(FlowEntry.newPorts(flow), Short.SIZE);
        int delta = Checksum.delta(0, packet.get(Wire.INT, ports), arePorts);
        delta = Checksum.delta(delta, packet.get(Wire.LONG, QUOTED_SOURCE), book.high(source));
        delta = Checksum.delta(delta, packet.get(Wire.LONG, QUOTED_SOURCE + Long.BYTES), book.low(source));
        delta = Checksum.delta(delta, packet.get(Wire.LONG, QUOTED_DESTINATION), book.high(destination));
        delta = Checksum.delta(delta, packet.get(Wire.LONG, QUOTED_DESTINATION + Long.BYTES), book.low(destination));
        final int checksum = packet.get(Wire.SHORT, ports + UDP_CHECKSUM) & 0xFFFF;
        packet.set(Wire.SHORT, ports + UDP_CHECKSUM, (short) Checksum.updateUdp(checksum, delta));
        packet.set(Wire.INT, ports, arePorts);
        setAddress(packet, QUOTED_SOURCE, source);
        setAddress(packet, QUOTED_DESTINATION, destination);
    }

    /**
     * Who the error comes from, as {@link IcmpRelay} has it: the peer by the address that the flow gives it, a router
     * towards the client by its own, towards the target by the external one.
     *
     * @param source its number, or {@link AddressBook#NONE}
     * @return the number of the address to show, NONE to leave it as it is
     */
    private int sender(final int source) {
        final int peer = (int) FlowEntry.keyLo(flow);
        final int peerIsKnownAs = (int) FlowEntry.newAddresses(flow);
        final boolean hidesClients = !FlowEntry.isReply(flow) && peerIsKnownAs != peer;
        return source == peer || hidesClients ? peerIsKnownAs : AddressBook.NONE;
    }

    private void setAddress(final MemorySegment packet, final int at, final int number) {
        if (number != AddressBook.NONE) {
            packet.set(Wire.LONG, at, book.high(number));
            packet.set(Wire.LONG, at + Long.BYTES, book.low(number));
        }
    }

    private void send(final Burst burst, final long mbuf, final MemorySegment packet, final int frameLength,
                      final int link) {
        packet.set(Wire.LONG, Ethernet.DESTINATION, next.get(Wire.LONG, Neighbors.MACS_LO));
        packet.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, next.get(Wire.INT, Neighbors.MACS_HI));
        NativeMemory.write(Mbuf.data(mbuf), packet, frameLength);
        Mbuf.setLength(mbuf, frameLength);
        counters.increment(counters.catalog().of(WorkerCounter.ICMP_TRANSLATED));
        egress.append(link, burst.ingress, mbuf, frameLength);
    }
}
