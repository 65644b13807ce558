// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Carries ICMP errors about relayed packets to whoever sent those (RFC 5508 section 4). The packet that an error quotes
 * is one that we sent, so its addresses swapped are the key of the flow that leads back to its sender: what that flow
 * does to a packet is done to the error, and undone in the quote. One way serves both directions. No session is
 * refreshed, changed or ended by it. Owned by one worker.
 */
final class IcmpRelay {
    /** The fragment offset as it lies in memory. */
    private static final int OFFSET_MASK = 0xFF1F;
    // In the quoted packet, from its first byte.
    private static final int QUOTED_FRAGMENT = Ipv4.FRAGMENT - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_PROTOCOL = Ipv4.PROTOCOL - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_CHECKSUM = Ipv4.CHECKSUM - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_ADDRESSES = Ipv4.SOURCE - Ethernet.HEADER_LENGTH;
    private static final int UDP_CHECKSUM = Udp.CHECKSUM - Udp.PORTS;

    private final FlowTable flows;
    private final Steering steering;
    private final Neighbors neighbors;
    private final Egress egress;
    private final Waiting waiting;
    private final WorkerCounters counters;
    /** The flow that leads back, and its next hop: copies, for views would be objects here. */
    private final MemorySegment flow;
    private final MemorySegment next;
    private int nowMs;

    IcmpRelay(final FlowTable flows, final Steering steering, final Neighbors neighbors, final Egress egress,
              final Waiting waiting, final WorkerCounters counters, final Arena arena) {
        this.flows = flows;
        this.steering = steering;
        this.neighbors = neighbors;
        this.egress = egress;
        this.waiting = waiting;
        this.counters = counters;
        this.flow = NativeMemory.unscoped(arena.allocate(FlowEntry.LENGTH, Long.BYTES));
        this.next = NativeMemory.unscoped(arena.allocate(Neighbors.ENTRY_LENGTH, Long.BYTES));
    }

    void nowMs(final int now) {
        nowMs = now;
    }

    /**
     * Sends an error on, or drops it by name.
     *
     * @param packet a copy of it, whole, both headers and the ICMP checksum found right
     */
    void relay(final Burst burst, final long mbuf, final MemorySegment packet) {
        final int totalLength = Wire.host16(packet.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
        final int quotedHeader = quotedHeaderLength(packet, totalLength);
        if (quotedHeader < 0) {
            burst.drop(mbuf, DropReason.of(~quotedHeader));
            return;
        }
        if (!isAboutUdpOfItsReceiver(packet)) {
            burst.drop(mbuf, DropReason.ICMP_UNRELATED);
            return;
        }
        // The flow that leads back.
        final long keyLo = Long.rotateLeft(packet.get(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES), Integer.SIZE);
        final int ports = Integer.rotateLeft(packet.get(Wire.INT, Icmp.QUOTE + quotedHeader), Short.SIZE);
        final long keyHi = FlowEntry.keyHi(ports, Ipv4.UDP);
        final int slot = flows.find(keyLo, keyHi, flows.hash(keyLo, keyHi));
        if (slot == FlowTable.NOT_FOUND) {
            if (!steering.handOff(burst, mbuf, keyLo, ports)) {
                burst.drop(mbuf, DropReason.ICMP_UNRELATED);
            }
            return;
        }
        NativeMemory.read(flows.entryAddress(slot), flow, FlowEntry.LENGTH);
        final int adjacency = FlowEntry.adjacency(flow);
        neighbors.read(adjacency, next);
        final int linkMtu = next.get(Wire.INT, Neighbors.EGRESS);
        final boolean decrements = (flow.get(Wire.BYTE, FlowEntry.FLAGS) & FlowEntry.FLAG_DECREMENT_TTL) != 0;
        if (linkMtu >>> Short.SIZE == 0) {
            waiting.hold(burst, mbuf, adjacency, nowMs);
        } else if (totalLength > linkMtu >>> Short.SIZE) {
            burst.drop(mbuf, DropReason.MTU_EXCEEDED);
        } else if (decrements && (packet.get(Wire.BYTE, Ipv4.TTL) & 0xFF) < 2) {
            burst.drop(mbuf, DropReason.TTL_EXCEEDED); // nobody is told: an error about an error could go on for ever
        } else {
            rewriteQuote(packet, Icmp.QUOTE + quotedHeader);
            rewriteOuter(packet, decrements ? 1 : 0);
            seal(packet, totalLength);
            send(mbuf, packet, totalLength, linkMtu & 0xFFFF);
        }
    }

    /**
     * Checks the quote: a right IPv4 header, options and all, of the first fragment of a datagram, and the eight bytes
     * behind it that RFC 792 demands. What checksum it has there is not our concern (RFC 5508 REQ-3c).
     *
     * @return bytes of the quoted header, or the complement (~) of a drop reason's ordinal
     */
    private static int quotedHeaderLength(final MemorySegment packet, final int totalLength) {
        final int quoted = totalLength - Ipv4.HEADER_LENGTH - Icmp.HEADER_LENGTH;
        if (quoted < Ipv4.HEADER_LENGTH) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        final int versionIhl = packet.get(Wire.BYTE, Icmp.QUOTE) & 0xFF;
        final int headerLength = (versionIhl & 0xF) * Integer.BYTES;
        if (versionIhl >>> 4 != 4 || headerLength < Ipv4.HEADER_LENGTH) {
            return ~DropReason.BAD_IP_HEADER.ordinal();
        }
        if (quoted < headerLength + Udp.HEADER_LENGTH) {
            return ~DropReason.TRUNCATED.ordinal();
        }
        if (Checksum.sum(packet, Icmp.QUOTE, headerLength) != 0xFFFF) {
            return ~DropReason.BAD_CHECKSUM.ordinal();
        }
        final boolean isFirst = (packet.get(Wire.SHORT, Icmp.QUOTE + QUOTED_FRAGMENT) & OFFSET_MASK) == 0;
        return isFirst ? headerLength : ~DropReason.ICMP_UNRELATED.ordinal();
    }

    private static boolean isAboutUdpOfItsReceiver(final MemorySegment packet) {
        return packet.get(Wire.BYTE, Icmp.QUOTE + QUOTED_PROTOCOL) == Ipv4.UDP
                && packet.get(Wire.INT, Ipv4.DESTINATION) == packet.get(Wire.INT, Icmp.QUOTE + QUOTED_ADDRESSES);
    }

    /** The quoted packet becomes the one that its sender sent: the reverse of what the flow does. */
    private void rewriteQuote(final MemorySegment packet, final int ports) {
        final long was = packet.get(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES);
        final long is = Long.rotateLeft(FlowEntry.newAddresses(flow), Integer.SIZE);
        final int werePorts = packet.get(Wire.INT, ports);
        final int arePorts = Integer.rotateLeft(FlowEntry.newPorts(flow), Short.SIZE);
        final int addressDelta = delta(was, is);
        final int ipChecksum = packet.get(Wire.SHORT, Icmp.QUOTE + QUOTED_CHECKSUM) & 0xFFFF;
        final int udpChecksum = packet.get(Wire.SHORT, ports + UDP_CHECKSUM) & 0xFFFF;
        packet.set(Wire.SHORT, Icmp.QUOTE + QUOTED_CHECKSUM, (short) Checksum.update(ipChecksum, addressDelta));
        packet.set(Wire.SHORT, ports + UDP_CHECKSUM,
                (short) Checksum.updateUdp(udpChecksum, Checksum.delta(addressDelta, werePorts, arePorts)));
        packet.set(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES, is);
        packet.set(Wire.INT, ports, arePorts);
    }

    private void rewriteOuter(final MemorySegment packet, final int decrement) {
        final long was = packet.get(Wire.LONG, Ipv4.SOURCE);
        final long is = sender((int) was) & 0xFFFF_FFFFL | FlowEntry.newAddresses(flow) >>> Integer.SIZE
                << Integer.SIZE;
        final int oldTtl = packet.get(Wire.SHORT, Ipv4.TTL) & 0xFFFF;
        final int newTtl = oldTtl - decrement;
        final int checksum = packet.get(Wire.SHORT, Ipv4.CHECKSUM) & 0xFFFF;
        packet.set(Wire.SHORT, Ipv4.CHECKSUM,
                (short) Checksum.update(checksum, Checksum.delta(delta(was, is), oldTtl, newTtl)));
        packet.set(Wire.SHORT, Ipv4.TTL, (short) newTtl);
        packet.set(Wire.LONG, Ipv4.SOURCE, is);
    }

    /**
     * Who the error comes from: the peer of the session is known by the address that the flow gives it. A router on the
     * way keeps its own towards the client, who is to see the path (RFC 5508 REQ-4); the target's side sees but the
     * external address (REQ-5).
     */
    private int sender(final int source) {
        final int peer = (int) FlowEntry.keyLo(flow);
        final int peerIsKnownAs = (int) FlowEntry.newAddresses(flow);
        final boolean hidesClients = !FlowEntry.isReply(flow) && peerIsKnownAs != peer;
        return source == peer || hidesClients ? peerIsKnownAs : source;
    }

    /** Its sum was right before, so it may be made anew. */
    private static void seal(final MemorySegment packet, final int totalLength) {
        packet.set(Wire.SHORT, Icmp.CHECKSUM, (short) 0);
        packet.set(Wire.SHORT, Icmp.CHECKSUM,
                (short) ~Checksum.sum(packet, Icmp.TYPE, totalLength - Ipv4.HEADER_LENGTH));
    }

    private void send(final long mbuf, final MemorySegment packet, final int totalLength, final int link) {
        final int frameLength = Ethernet.HEADER_LENGTH + totalLength;
        packet.set(Wire.LONG, Ethernet.DESTINATION, next.get(Wire.LONG, Neighbors.MACS_LO));
        packet.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, next.get(Wire.INT, Neighbors.MACS_HI));
        NativeMemory.write(Mbuf.data(mbuf), packet, frameLength);
        Mbuf.setLength(mbuf, frameLength);
        counters.increment(counters.catalog().of(WorkerCounter.ICMP_TRANSLATED));
        egress.append(link, mbuf, frameLength);
    }

    private static int delta(final long from, final long to) {
        return Checksum.delta(Checksum.delta(0, (int) from, (int) to), (int) (from >>> Integer.SIZE),
                (int) (to >>> Integer.SIZE));
    }
}
