// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.EchoSessions;
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
 * refreshed, changed or ended by it. Echoes that a rule relays go the same way, by flows that {@link EchoSessions}
 * writes. Owned by one worker.
 */
final class IcmpRelay {
    /** The fragment offset as it lies in memory. */
    private static final int OFFSET_MASK = 0xFF1F;
    // In the quoted packet, from its first byte.
    private static final int QUOTED_FRAGMENT = Ipv4.FRAGMENT - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_PROTOCOL = Ipv4.PROTOCOL - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_CHECKSUM = Ipv4.CHECKSUM - Ethernet.HEADER_LENGTH;
    private static final int QUOTED_ADDRESSES = Ipv4.SOURCE - Ethernet.HEADER_LENGTH;
    // In what lies behind its header.
    private static final int UDP_CHECKSUM = Udp.CHECKSUM - Udp.PORTS;
    private static final int ICMP_CHECKSUM = Icmp.CHECKSUM - Icmp.TYPE;
    private static final int IDENTIFIER = Icmp.IDENTIFIER - Icmp.TYPE;
    private static final int NOWHERE = -1;

    private final FlowTable flows;
    private final EchoSessions echoes;
    private final Steering steering;
    private final Neighbors neighbors;
    private final ClientHops hops;
    private final Egress egress;
    private final Waiting waiting;
    private final IcmpErrors errors;
    private final DatagramIds ids;
    private final WorkerCounters counters;
    /** The flow that leads back, and its next hop: copies, for views would be objects here. */
    private final MemorySegment flow;
    private final MemorySegment next;
    /** What a packet of the flow waits for while its next hop is not known. */
    private int placeToWaitFor;
    private long nowMs;

    IcmpRelay(final FlowTable flows, final EchoSessions echoes, final Steering steering, final Neighbors neighbors,
              final ClientHops hops, final Egress egress, final Waiting waiting, final IcmpErrors errors,
              final DatagramIds ids, final WorkerCounters counters, final Arena arena) {
        this.flows = flows;
        this.echoes = echoes;
        this.steering = steering;
        this.neighbors = neighbors;
        this.hops = hops;
        this.egress = egress;
        this.waiting = waiting;
        this.errors = errors;
        this.ids = ids;
        this.counters = counters;
        this.flow = NativeMemory.unscoped(arena.allocate(FlowEntry.LENGTH, Long.BYTES));
        this.next = NativeMemory.unscoped(arena.allocate(Neighbors.ENTRY_LENGTH, Long.BYTES));
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /** Whether a rule relays this echo request, or a reply may be one to such. Without a rule ours are answered. */
    boolean relaysEcho(final MemorySegment packet) {
        if (echoes.isEmpty() || packet.get(Wire.BYTE, Icmp.CODE) != 0) {
            return false;
        }
        final int type = packet.get(Wire.BYTE, Icmp.TYPE);
        return type == Icmp.ECHO_REPLY || type == Icmp.ECHO_REQUEST
                && echoes.relays(packet.get(Wire.INT, Ipv4.SOURCE), packet.get(Wire.INT, Ipv4.DESTINATION));
    }

    /**
     * Sends an error or an echo on, or drops it by name.
     *
     * @param packet a copy of it, whole, the header and the ICMP checksum found right
     */
    void relay(final Burst burst, final long mbuf, final MemorySegment packet) {
        if (!Mbuf.isWhole(mbuf)) {
            // It is sent as long as its IP packet is, so no padding may lie in another segment.
            burst.drop(mbuf, DropReason.ICMP_UNSUPPORTED);
        } else if (Icmp.isError(packet.get(Wire.BYTE, Icmp.TYPE))) {
            relayError(burst, mbuf, packet);
        } else {
            relayEcho(burst, mbuf, packet);
        }
    }

    private void relayError(final Burst burst, final long mbuf, final MemorySegment packet) {
        final int totalLength = totalLength(packet);
        final int quotedHeader = quotedHeaderLength(packet, totalLength);
        if (quotedHeader < 0) {
            burst.drop(mbuf, DropReason.of(~quotedHeader));
            return;
        }
        final int quoted = Icmp.QUOTE + quotedHeader;
        final boolean isAboutUdp = packet.get(Wire.BYTE, Icmp.QUOTE + QUOTED_PROTOCOL) == Ipv4.UDP;
        final boolean isForUs = packet.get(Wire.INT, Ipv4.DESTINATION)
                == packet.get(Wire.INT, Icmp.QUOTE + QUOTED_ADDRESSES);
        if (!isForUs || !(isAboutUdp ? findFlow(burst, mbuf, packet, quoted) : findEcho(burst, mbuf, packet, quoted))) {
            burst.drop(mbuf, DropReason.ICMP_UNRELATED);
        } else if (FlowEntry.isLive(flow)) {
            final int link = link(burst, mbuf, packet);
            if (link != NOWHERE) {
                rewriteQuote(packet, quoted, isAboutUdp);
                rewriteOuter(packet);
                seal(packet, totalLength);
                send(mbuf, packet, totalLength, link, burst.ingress, WorkerCounter.ICMP_TRANSLATED);
            }
        }
    }

    /**
     * Reads the flow that leads back to the sender of a quoted UDP packet; it is not live when another worker has been
     * handed the error.
     *
     * @return false when there is none
     */
    private boolean findFlow(final Burst burst, final long mbuf, final MemorySegment packet, final int quoted) {
        final long keyLo = Long.rotateLeft(packet.get(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES), Integer.SIZE);
        final int ports = Integer.rotateLeft(packet.get(Wire.INT, quoted), Short.SIZE);
        final long keyHi = FlowEntry.keyHi(ports, Ipv4.UDP);
        final int slot = flows.find(keyLo, keyHi, flows.hash(keyLo, keyHi));
        if (slot != FlowTable.NOT_FOUND) {
            placeToWaitFor = hops.placeToWaitFor(flows.entryAddress(slot));
            NativeMemory.read(flows.entryAddress(slot), flow, FlowEntry.LENGTH);
            return true;
        }
        flow.set(Wire.BYTE, FlowEntry.FLAGS, (byte) 0);
        return steering.handErrorOff(burst, mbuf, keyLo, ports);
    }

    /** {@link #findFlow} for a quoted echo that we relayed. */
    private boolean findEcho(final Burst burst, final long mbuf, final MemorySegment packet, final int quoted) {
        final int type = packet.get(Wire.BYTE, quoted);
        if (packet.get(Wire.BYTE, Icmp.QUOTE + QUOTED_PROTOCOL) != Ipv4.ICMP || !Icmp.isEcho(type)) {
            return false;
        }
        final int source = packet.get(Wire.INT, Icmp.QUOTE + QUOTED_ADDRESSES);
        final int destination = packet.get(Wire.INT, Icmp.QUOTE + QUOTED_ADDRESSES + Integer.BYTES);
        final int id = Wire.host16(packet.get(Wire.SHORT, quoted + IDENTIFIER));
        final boolean leadsToClient = type == Icmp.ECHO_REQUEST;
        final int session = leadsToClient ? echoes.findReply(destination, source, id)
                : echoes.findForward(destination, source, id);
        if (session != EchoSessions.NOT_FOUND) {
            write(session, leadsToClient);
            return true;
        }
        flow.set(Wire.BYTE, FlowEntry.FLAGS, (byte) 0);
        return leadsToClient && steering.handOffEcho(burst, mbuf, destination, source, id);
    }

    private void write(final int session, final boolean isReply) {
        placeToWaitFor = echoes.placeToWaitFor(session, isReply);
        echoes.write(session, isReply, flow);
    }

    private void relayEcho(final Burst burst, final long mbuf, final MemorySegment packet) {
        final boolean isReply = packet.get(Wire.BYTE, Icmp.TYPE) == Icmp.ECHO_REPLY;
        final int source = packet.get(Wire.INT, Ipv4.SOURCE);
        final int destination = packet.get(Wire.INT, Ipv4.DESTINATION);
        final int id = Wire.host16(packet.get(Wire.SHORT, Icmp.IDENTIFIER));
        int session = isReply ? echoes.findReply(source, destination, id)
                : echoes.findForward(source, destination, id);
        if (session == EchoSessions.NOT_FOUND && isReply) {
            if (!steering.handOffEcho(burst, mbuf, source, destination, id)) {
                burst.drop(mbuf, DropReason.ICMP_UNRELATED);
            }
            return;
        }
        if (session == EchoSessions.NOT_FOUND) {
            session = echoes.open(source, destination, id, burst.ingress, nowMs);
        }
        if (session < 0) {
            errors.tell(burst, mbuf, totalLength(packet), DropReason.of(~session));
            burst.drop(mbuf, DropReason.of(~session));
            return;
        }
        write(session, isReply);
        final int link = link(burst, mbuf, packet);
        if (link != NOWHERE) {
            echoes.refresh(session, nowMs);
            packet.set(Wire.SHORT, Icmp.IDENTIFIER, identifier(FlowEntry.newPorts(flow)));
            rewriteOuter(packet);
            seal(packet, totalLength(packet));
            send(mbuf, packet, totalLength(packet), link, burst.ingress, WorkerCounter.ICMP_ECHO_RELAYED);
        }
    }

    /**
     * Reads the next hop of the flow.
     *
     * @return its link, or NOWHERE when the packet waits, or has been dropped as too long or too old
     */
    private int link(final Burst burst, final long mbuf, final MemorySegment packet) {
        final int totalLength = totalLength(packet);
        neighbors.read(FlowEntry.adjacency(flow), next);
        final int linkMtu = next.get(Wire.INT, Neighbors.EGRESS);
        // Nobody is told of an error's end: errors about errors could go on for ever.
        final boolean mayTell = !Icmp.isError(packet.get(Wire.BYTE, Icmp.TYPE));
        if (linkMtu >>> Short.SIZE == 0) {
            waiting.hold(burst, mbuf, placeToWaitFor, nowMs);
            return NOWHERE;
        }
        if (totalLength > linkMtu >>> Short.SIZE) {
            if (mayTell) {
                errors.tellMtu(burst, mbuf, totalLength, linkMtu >>> Short.SIZE);
            }
            burst.drop(mbuf, DropReason.MTU_EXCEEDED);
            return NOWHERE;
        }
        if ((packet.get(Wire.BYTE, Ipv4.TTL) & 0xFF) < 2 * decrement()) {
            if (mayTell) {
                errors.tell(burst, mbuf, totalLength, DropReason.TTL_EXCEEDED);
            }
            burst.drop(mbuf, DropReason.TTL_EXCEEDED);
            return NOWHERE;
        }
        return linkMtu & 0xFFFF;
    }

    private int decrement() {
        return (flow.get(Wire.BYTE, FlowEntry.FLAGS) & FlowEntry.FLAG_DECREMENT_TTL) != 0 ? 1 : 0;
    }

    private static int totalLength(final MemorySegment packet) {
        return Wire.host16(packet.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
    }

    /** Of an echo's two ports one is the identifier and the other none. */
    private static short identifier(final int ports) {
        return (short) (ports | ports >>> Short.SIZE);
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

    /** The quoted packet becomes the one that its sender sent: the reverse of what the flow does. */
    private void rewriteQuote(final MemorySegment packet, final int quoted, final boolean isUdp) {
        final long was = packet.get(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES);
        final long is = Long.rotateLeft(FlowEntry.newAddresses(flow), Integer.SIZE);
        final int addressDelta = delta(was, is);
        final int ipChecksum = packet.get(Wire.SHORT, Icmp.QUOTE + QUOTED_CHECKSUM) & 0xFFFF;
        packet.set(Wire.SHORT, Icmp.QUOTE + QUOTED_CHECKSUM, (short) Checksum.update(ipChecksum, addressDelta));
        packet.set(Wire.LONG, Icmp.QUOTE + QUOTED_ADDRESSES, is);
        if (isUdp) {
            final int werePorts = packet.get(Wire.INT, quoted);
            final int arePorts = Integer.rotateLeft(FlowEntry.newPorts(flow), Short.SIZE);
            final int checksum = packet.get(Wire.SHORT, quoted + UDP_CHECKSUM) & 0xFFFF;
            packet.set(Wire.SHORT, quoted + UDP_CHECKSUM,
                    (short) Checksum.updateUdp(checksum, Checksum.delta(addressDelta, werePorts, arePorts)));
            packet.set(Wire.INT, quoted, arePorts);
        } else {
            final int wasId = packet.get(Wire.SHORT, quoted + IDENTIFIER) & 0xFFFF;
            final short isId = identifier(FlowEntry.newPorts(flow));
            final int checksum = packet.get(Wire.SHORT, quoted + ICMP_CHECKSUM) & 0xFFFF;
            packet.set(Wire.SHORT, quoted + ICMP_CHECKSUM,
                    (short) Checksum.update(checksum, Checksum.delta(0, wasId, isId & 0xFFFF)));
            packet.set(Wire.SHORT, quoted + IDENTIFIER, isId);
        }
    }

    private void rewriteOuter(final MemorySegment packet) {
        final long was = packet.get(Wire.LONG, Ipv4.SOURCE);
        final long is = sender((int) was) & 0xFFFF_FFFFL | FlowEntry.newAddresses(flow) >>> Integer.SIZE
                << Integer.SIZE;
        final int oldTtl = packet.get(Wire.SHORT, Ipv4.TTL) & 0xFFFF;
        final int newTtl = oldTtl - decrement();
        final int oldId = packet.get(Wire.SHORT, Ipv4.ID) & 0xFFFF;
        final boolean mayBeCut = (packet.get(Wire.SHORT, Ipv4.FRAGMENT) & Ipv4.DONT_FRAGMENT) == 0;
        final int newId = mayBeCut ? ids.next() : oldId;
        final int delta = Checksum.delta(Checksum.delta(delta(was, is), oldTtl, newTtl), oldId, newId);
        final int checksum = packet.get(Wire.SHORT, Ipv4.CHECKSUM) & 0xFFFF;
        packet.set(Wire.SHORT, Ipv4.ID, (short) newId);
        packet.set(Wire.SHORT, Ipv4.CHECKSUM, (short) Checksum.update(checksum, delta));
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

    private void send(final long mbuf, final MemorySegment packet, final int totalLength, final int link,
                      final int ingress, final WorkerCounter counter) {
        final int frameLength = Ethernet.HEADER_LENGTH + totalLength;
        packet.set(Wire.LONG, Ethernet.DESTINATION, next.get(Wire.LONG, Neighbors.MACS_LO));
        packet.set(Wire.INT, Ethernet.DESTINATION + Long.BYTES, next.get(Wire.INT, Neighbors.MACS_HI));
        NativeMemory.write(Mbuf.data(mbuf), packet, frameLength);
        Mbuf.setLength(mbuf, frameLength);
        counters.increment(counters.catalog().of(counter));
        egress.append(link, ingress, mbuf, frameLength);
    }

    private static int delta(final long from, final long to) {
        return Checksum.delta(Checksum.delta(0, (int) from, (int) to), (int) (from >>> Integer.SIZE),
                (int) (to >>> Integer.SIZE));
    }
}
