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
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Nd;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What makes the relay a host on its IPv6 networks: neighbor discovery (RFC 4861) in both directions, and echo. Every
 * port that has an IPv6 address also has the link-local one of its MAC address, from which it asks.
 */
final class Ipv6Host {
    private static final int REPLY_HOP_LIMIT = 64;

    private final Link[] links;
    private final boolean[] speaksIpv6;
    private final AddressSet own;
    private final Martians martians;
    private final Neighbors neighbors;
    private final Egress egress;
    private final Mempool pool;
    private final WorkerCounters counters;
    private final CounterCatalog catalog;
    private final MemorySegment fresh;
    /** The solicitation that {@link #solicit} writes: a copy, for a view would be an object. */
    private final MemorySegment solicitation;
    private long nowMs;

    Ipv6Host(final List<Link> links, final AddressSet own, final Martians martians, final Neighbors neighbors,
             final Egress egress, final Mempool pool, final WorkerCounters counters, final Arena arena) {
        this.links = links.toArray(Link[]::new);
        this.speaksIpv6 = new boolean[links.size()];
        links.forEach(link -> speaksIpv6[link.index()] = link.subnets().stream().anyMatch(at -> !at.isIpv4()));
        this.own = own;
        this.martians = martians;
        this.neighbors = neighbors;
        this.egress = egress;
        this.pool = pool;
        this.counters = counters;
        this.catalog = counters.catalog();
        this.fresh = arena.allocate(JAVA_LONG);
        this.solicitation = NativeMemory.unscoped(arena.allocate(Nd.FRAME_LENGTH, Long.BYTES));
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /** Whether the link has an IPv6 address. */
    boolean speaksIpv6(final int link) {
        return speaksIpv6[link];
    }

    /** Whether this multicast MAC address is that of a solicited-node group of ours on the link. */
    boolean listensTo(final int link, final long mac, final long targetHigh, final long targetLow) {
        return mac == Ipv6Address.multicastMac(Ipv6Address.solicitedNodeLow(targetLow))
                && isOurs(links[link], targetHigh, targetLow);
    }

    /** Whether the link answers for this address. */
    private boolean isOurs(final Link link, final long high, final long low) {
        return isLinkLocal(link, high, low) || own.contains(high, low) && link.isConnected(high, low);
    }

    private static boolean isLinkLocal(final Link link, final long high, final long low) {
        return high == Ipv6Address.linkLocalHigh() && low == Ipv6Address.interfaceId(link.mac());
    }

    /** Whether a packet that came in on this link is addressed to the relay itself. */
    boolean owns(final int link, final long high, final long low) {
        return own.contains(high, low) || isLinkLocal(links[link], high, low);
    }

    /**
     * Takes in a solicitation or an advertisement: answers the former if it asks for us, learns from neighbours that we
     * know, with the caution of {@link Host#answerArp}.
     *
     * @param frame a copy of the packet, whole; what it holds afterwards is no longer the packet
     * @param length of the ICMPv6 packet, bytes
     */
    void discover(final Burst burst, final long mbuf, final MemorySegment frame, final int length) {
        final Link link = links[burst.ingress];
        if (!Mbuf.isWhole(mbuf) || !Nd.isValid(frame, length) || isALie(link, frame, length)) {
            burst.drop(mbuf, DropReason.BAD_ND);
        } else if (Nd.type(frame) == Nd.SOLICITATION) {
            beSolicited(burst, mbuf, frame, length);
        } else if (neighbors.confirm(link.index(), frame.get(Wire.LONG, Nd.TARGET),
                frame.get(Wire.LONG, Nd.TARGET + Long.BYTES), Nd.linkLayerAddress(frame, length),
                Nd.overrides(frame), Nd.isSolicited(frame), nowMs)) {
            counters.increment(catalog.puntedNd(link.index()));
            burst.free(mbuf);
        } else {
            burst.drop(mbuf, DropReason.ND_IGNORED);
        }
    }

    private void beSolicited(final Burst burst, final long mbuf, final MemorySegment frame, final int length) {
        final Link link = links[burst.ingress];
        if (!isOurs(link, frame.get(Wire.LONG, Nd.TARGET), frame.get(Wire.LONG, Nd.TARGET + Long.BYTES))) {
            burst.drop(mbuf, DropReason.ND_IGNORED);
            return;
        }
        final long told = Nd.linkLayerAddress(frame, length);
        if (told != Nd.NO_MAC) {
            final long high = frame.get(Wire.LONG, Ipv6.SOURCE);
            final long low = frame.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES);
            if (!neighbors.confirm(link.index(), high, low, told, true, false, nowMs)
                    && link.isConnected(high, low) && !martians.contains(high, low)) {
                neighbors.introduce(link.index(), high, low, told, nowMs);
            }
        }
        Nd.writeAdvertisement(frame, link.mac(), told == Nd.NO_MAC ? Ethernet.source(frame) : told);
        NativeMemory.write(Mbuf.data(mbuf), frame, Nd.FRAME_LENGTH);
        Mbuf.setLength(mbuf, Nd.FRAME_LENGTH);
        counters.increment(catalog.answeredNd(link.index()));
        egress.append(link.index(), link.index(), mbuf, Nd.FRAME_LENGTH);
    }

    /** Whether the packet claims an address of ours, or one that no station can have. */
    private boolean isALie(final Link link, final MemorySegment frame, final int length) {
        final int claimed = Nd.type(frame) == Nd.SOLICITATION ? Ipv6.SOURCE : Nd.TARGET;
        final long mac = Nd.linkLayerAddress(frame, length);
        return owns(link.index(), frame.get(Wire.LONG, claimed), frame.get(Wire.LONG, claimed + Long.BYTES))
                || mac == link.mac() || Ethernet.isGroup(mac) || Ethernet.isFromGroup(frame)
                || Ipv6Address.isMulticast(frame.get(Wire.LONG, Ipv6.SOURCE));
    }

    /**
     * Turns an echo request to us into its reply (RFC 4443 4.2).
     *
     * @param frame a copy of the packet, as much of it as lies in the first segment
     * @param length of the ICMPv6 packet, bytes
     */
    void answerEcho(final Burst burst, final long mbuf, final MemorySegment frame, final int length) {
        final Link link = links[burst.ingress];
        final long high = frame.get(Wire.LONG, Ipv6.SOURCE);
        final long low = frame.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES);
        if (martians.contains(high, low) || Ethernet.isFromGroup(frame)) {
            burst.drop(mbuf, DropReason.MARTIAN);
            return;
        }
        // A request that continues in another segment is not summed: the answer keeps a wrong checksum wrong.
        if (Mbuf.isWhole(mbuf) && Icmpv6.sum(frame, length) != 0xFFFF) {
            burst.drop(mbuf, DropReason.BAD_CHECKSUM);
            return;
        }
        Ethernet.setAddresses(frame, Ethernet.source(frame), link.mac());
        frame.set(Wire.LONG, Ipv6.SOURCE, frame.get(Wire.LONG, Ipv6.DESTINATION));
        frame.set(Wire.LONG, Ipv6.SOURCE + Long.BYTES, frame.get(Wire.LONG, Ipv6.DESTINATION + Long.BYTES));
        frame.set(Wire.LONG, Ipv6.DESTINATION, high);
        frame.set(Wire.LONG, Ipv6.DESTINATION + Long.BYTES, low);
        frame.set(Wire.BYTE, Ipv6.HOP_LIMIT, (byte) REPLY_HOP_LIMIT);
        frame.set(Wire.BYTE, Icmpv6.TYPE, (byte) Icmpv6.ECHO_REPLY);
        final int checksum = frame.get(Wire.SHORT, Icmpv6.CHECKSUM) & 0xFFFF;
        final int delta = Checksum.delta(0, Icmpv6.ECHO_REQUEST, Icmpv6.ECHO_REPLY);
        frame.set(Wire.SHORT, Icmpv6.CHECKSUM, (short) Checksum.update(checksum, delta));
        NativeMemory.write(Mbuf.data(mbuf), frame, Icmpv6.QUOTE);

        final int frameLength = Ipv6.PAYLOAD + length;
        if (Mbuf.isWhole(mbuf)) {
            Mbuf.setLength(mbuf, frameLength);
        }
        counters.increment(catalog.answeredIcmpv6(link.index()));
        egress.append(link.index(), link.index(), mbuf, frameLength);
    }

    /** Asks for a next hop, as {@link io.culvert.dataplane.host.Solicitor} says. */
    void solicit(final Link link, final long high, final long low, final long mac) {
        if (!pool.allocate(fresh, 1)) {
            return; // the mempool is empty; the neighbour is asked again in a second
        }
        final long mbuf = fresh.get(JAVA_LONG, 0);
        Nd.writeSolicitation(solicitation, link.mac(), Ipv6Address.linkLocalHigh(),
                Ipv6Address.interfaceId(link.mac()), mac, high, low);
        NativeMemory.write(Mbuf.data(mbuf), solicitation, Nd.FRAME_LENGTH);
        Mbuf.setLength(mbuf, Nd.FRAME_LENGTH);
        counters.increment(catalog.of(WorkerCounter.ORIGINATED));
        egress.append(link.index(), link.index(), mbuf, Nd.FRAME_LENGTH);
    }
}
