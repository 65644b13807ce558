// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.host.AddressSet;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.host.Solicitor;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What makes the relay a host on its networks: it answers ARP and echo, and asks for its next hops. IPv6 is
 * {@link Ipv6Host}'s.
 */
final class Host implements Solicitor {
    private static final int REPLY_TTL = 64;
    private static final int NO_ADDRESS = 0;

    private final Link[] links;
    private final AddressSet own;
    private final Martians martians;
    private final Neighbors neighbors;
    private final Egress egress;
    private final Mempool pool;
    private final WorkerCounters counters;
    private final CounterCatalog catalog;
    private final MemorySegment fresh;
    /** The ARP request that {@link #solicit} writes: a copy, for a view would be an object. */
    private final MemorySegment request;
    private final Ipv6Host ipv6;
    private long nowMs;

    Host(final List<Link> links, final AddressSet own, final Martians martians, final Neighbors neighbors,
         final Egress egress, final Mempool pool, final WorkerCounters counters, final Ipv6Host ipv6,
         final Arena arena) {
        this.links = links.toArray(Link[]::new);
        this.own = own;
        this.martians = martians;
        this.neighbors = neighbors;
        this.egress = egress;
        this.pool = pool;
        this.counters = counters;
        this.ipv6 = ipv6;
        this.catalog = counters.catalog();
        this.fresh = arena.allocate(JAVA_LONG);
        this.request = NativeMemory.unscoped(arena.allocate(Wire.VIEW_BYTES));
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /** Takes in an ARP packet (RFC 826): answers a request for us, and learns from who asks for us or was asked. */
    void answerArp(final Burst burst, final long mbuf, final MemorySegment frame) {
        final Link link = links[burst.ingress];
        if (!Mbuf.isWhole(mbuf) || !Arp.isValid(frame, Mbuf.dataLength(mbuf)) || isALie(frame, link)) {
            burst.drop(mbuf, DropReason.BAD_ARP);
            return;
        }
        final int sender = Arp.senderAddress(frame);
        final int target = Arp.targetAddress(frame);
        final boolean asksForUs = Arp.operation(frame) == Arp.REQUEST && own.contains(target)
                && link.isConnected(target);
        // A request that is none of our business says nothing that its sender meant for us.
        final boolean tellsUs = asksForUs || Arp.operation(frame) == Arp.REPLY || sender == target;
        final boolean isKnown = tellsUs && neighbors.confirm(link.index(), sender, Arp.senderMac(frame), nowMs);
        if (asksForUs) {
            if (!isKnown && sender != NO_ADDRESS && link.isConnected(sender)) {
                neighbors.introduce(link.index(), 0, Ipv6Address.mapped(sender), Arp.senderMac(frame), nowMs);
            }
            Arp.write(frame, Arp.REPLY, link.mac(), target, Arp.senderMac(frame), sender);
            Mbuf.setLength(mbuf, Arp.FRAME_LENGTH);
            counters.increment(catalog.answeredArp(link.index()));
            egress.append(link.index(), link.index(), mbuf, Arp.FRAME_LENGTH);
        } else if (isKnown) {
            counters.increment(catalog.puntedArp(link.index()));
            burst.free(mbuf);
        } else {
            burst.drop(mbuf, DropReason.ARP_IGNORED);
        }
    }

    /**
     * Whether the sender claims an address of ours, or one that no station can have. Who has no address yet asks from
     * 0.0.0.0 whether an address is free (RFC 5227 2.1.1), and is answered.
     */
    private boolean isALie(final MemorySegment frame, final Link link) {
        final long mac = Arp.senderMac(frame);
        final int sender = Arp.senderAddress(frame);
        return sender != NO_ADDRESS && martians.contains(sender) || mac == link.mac() || Ethernet.isGroup(mac);
    }

    /** Turns an echo request into its reply, in place (RFC 792). */
    void answerEcho(final Burst burst, final long mbuf, final MemorySegment frame) {
        final Link link = links[burst.ingress];
        Ethernet.setAddresses(frame, Ethernet.source(frame), link.mac());
        final int source = frame.get(Wire.INT, Ipv4.SOURCE);
        frame.set(Wire.INT, Ipv4.SOURCE, frame.get(Wire.INT, Ipv4.DESTINATION));
        frame.set(Wire.INT, Ipv4.DESTINATION, source);

        // The TTL shares its 16-bit word with the protocol, the type with the code.
        final int oldTtl = frame.get(Wire.SHORT, Ipv4.TTL) & 0xFFFF;
        final int newTtl = oldTtl & 0xFF00 | REPLY_TTL;
        frame.set(Wire.SHORT, Ipv4.TTL, (short) newTtl);
        patch(frame, Ipv4.CHECKSUM, oldTtl, newTtl);
        frame.set(Wire.BYTE, Icmp.TYPE, (byte) Icmp.ECHO_REPLY);
        patch(frame, Icmp.CHECKSUM, Icmp.ECHO_REQUEST, Icmp.ECHO_REPLY);

        final int length = Wire.host16(frame.get(Wire.SHORT, Ipv4.TOTAL_LENGTH)) + Ethernet.HEADER_LENGTH;
        if (Mbuf.isWhole(mbuf)) {
            Mbuf.setLength(mbuf, length);
        }
        counters.increment(catalog.answeredIcmp(link.index()));
        egress.append(link.index(), link.index(), mbuf, length);
    }

    @Override
    public void solicit(final Link link, final long high, final long low, final long mac) {
        if (!Ipv6Address.isMapped(high, low)) {
            ipv6.solicit(link, high, low, mac);
            return;
        }
        final int address = (int) (low >>> Integer.SIZE);
        if (!pool.allocate(fresh, 1)) {
            return; // the mempool is empty; the neighbour is asked again in a second
        }
        final long mbuf = fresh.get(JAVA_LONG, 0);
        Arp.write(request, Arp.REQUEST, link.mac(), link.addressTowards(address), mac, address);
        NativeMemory.write(Mbuf.data(mbuf), request, Arp.FRAME_LENGTH);
        Mbuf.setLength(mbuf, Arp.FRAME_LENGTH);
        counters.increment(catalog.of(CounterCatalog.WorkerCounter.ORIGINATED));
        egress.append(link.index(), link.index(), mbuf, Arp.FRAME_LENGTH);
    }

    /** A 0 becomes all ones: over an echo of nothing but zeros only that is right, elsewhere both are. */
    private static void patch(final MemorySegment frame, final int checksumAt, final int from, final int to) {
        final int checksum = frame.get(Wire.SHORT, checksumAt) & 0xFFFF;
        final int updated = Checksum.update(checksum, Checksum.delta(0, from, to));
        frame.set(Wire.SHORT, checksumAt, (short) (updated == 0 ? 0xFFFF : updated));
    }
}
