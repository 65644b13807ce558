// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Tells senders why a packet went no further (RFC 792, RFC 1812 section 4.3): time exceeded, fragmentation needed, and
 * on demand that no session could be opened. It quotes the packet as it came in, so it must be told before anything is
 * changed; it goes back to the station that the packet came from, which knows the way. Never about an ICMP error, a
 * later fragment or a broadcast: those do not get here. Never longer than 576 bytes, and rarely: {@link IcmpBudget}.
 */
final class IcmpErrors {
    /** RFC 1812 section 4.3.2.3: as much of the packet as fits. */
    private static final int LONGEST = 576;
    private static final int HEADERS = Ipv4.HEADER_LENGTH + Icmp.HEADER_LENGTH;
    private static final int FRAME_LIMIT = Ethernet.HEADER_LENGTH + LONGEST;
    private static final int TTL = 64;
    /** Version 4, five words, precedence internetwork control (RFC 1812 section 4.3.2.5): as it lies in memory. */
    private static final short VERSION_IHL_TOS = (short) (0xC0 << Byte.SIZE | Ipv4.VERSION_4_NO_OPTIONS);
    private static final short DONT_FRAGMENT = Wire.net16(0x4000);
    private static final int NOBODY = -1;

    private final Link[] links;
    private final Martians martians;
    private final IcmpPolicy policy;
    private final IcmpBudget budget;
    private final Mempool pool;
    private final Egress egress;
    private final WorkerCounters counters;
    private final MemorySegment fresh;
    /** The packet that stopped, and the message about it: copies, for views would be objects here. */
    private final MemorySegment original;
    private final MemorySegment message;
    /** Messages wait here until the burst is through: its packets are being laid into the egress meanwhile. */
    private final long[] ready = new long[Burst.CAPACITY];
    private int readyCount;
    private long nowMs;

    IcmpErrors(final IcmpPolicy policy, final int workers, final List<Link> links, final Martians martians,
               final Mempool pool, final Egress egress, final WorkerCounters counters, final Arena arena) {
        this.policy = policy;
        this.budget = new IcmpBudget(policy.ratePerSecond(), workers);
        this.links = links.toArray(Link[]::new);
        this.martians = martians;
        this.pool = pool;
        this.egress = egress;
        this.counters = counters;
        this.fresh = arena.allocate(JAVA_LONG);
        this.original = NativeMemory.unscoped(arena.allocate(FRAME_LIMIT, Long.BYTES));
        this.message = NativeMemory.unscoped(arena.allocate(FRAME_LIMIT, Long.BYTES));
    }

    /** What errors may still be sent: for those of IPv6, too. */
    IcmpBudget budget() {
        return budget;
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /** Packet {@code i} of the burst is about to be dropped for this reason. */
    void tell(final Burst burst, final int i, final DropReason reason) {
        SourceReplacer.restore(burst, i);
        tell(burst, burst.mbuf(i), burst.length(i), reason);
    }

    /** This packet, as it came in, is about to be dropped for this reason. */
    void tell(final Burst burst, final long packet, final int length, final DropReason reason) {
        if (reason == DropReason.TTL_EXCEEDED) {
            send(burst, packet, length, Icmp.TIME_EXCEEDED, 0, 0);
        } else if (policy.refusals()) {
            final int code = refusal(reason);
            if (code != NOBODY) {
                send(burst, packet, length, Icmp.UNREACHABLE, code, 0);
            }
        }
    }

    /** Packet {@code i} is longer than the MTU of its way, and its sender forbids fragments (RFC 1191). */
    void tellMtu(final Burst burst, final int i, final int mtu) {
        SourceReplacer.restore(burst, i);
        tellMtu(burst, burst.mbuf(i), burst.length(i), mtu);
    }

    /** {@link #tellMtu} about a packet that is not of the dense arrays; silent when it may be fragmented. */
    void tellMtu(final Burst burst, final long packet, final int length, final int mtu) {
        if ((NativeMemory.getShort(Mbuf.data(packet) + Ipv4.FRAGMENT) & DONT_FRAGMENT) != 0) {
            send(burst, packet, length, Icmp.UNREACHABLE, Icmp.FRAGMENTATION_NEEDED, mtu);
        }
    }

    /** Sends what has been said about the burst: to the link that it came in on. */
    void flush(final Burst burst) {
        for (int i = 0; i < readyCount; i++) {
            egress.append(burst.ingress, burst.ingress, ready[i], Mbuf.packetLength(ready[i]));
        }
        readyCount = 0;
    }

    /**
     * What administrators decided is "administratively prohibited" (RFC 5508 REQ-8), what ran out is "host unreachable"
     * (RFC 6888 REQ-11).
     */
    private static int refusal(final DropReason reason) {
        if (reason.isProhibition()) {
            return Icmp.PROHIBITED;
        }
        return reason.isLack() ? Icmp.HOST_UNREACHABLE : NOBODY;
    }

    private void send(final Burst burst, final long packet, final int length, final int type, final int code,
                      final int mtu) {
        final int source = NativeMemory.getInt(Mbuf.data(packet) + Ipv4.SOURCE);
        // Told is a single host, by a frame to a single station (RFC 1122 3.2.2), through a port that has an address.
        if (!policy.errors() || martians.contains(source)
                || Ethernet.isGroup(NativeMemory.getLong(Mbuf.data(packet) + Ethernet.SOURCE))
                || links[burst.ingress].addressTowards(source) == Link.NO_ADDRESS) {
            return;
        }
        if (!budget.spend(source & 0xFFFF_FFFFL, nowMs)) {
            counters.increment(counters.catalog().of(WorkerCounter.ICMP_SUPPRESSED));
        } else if (pool.allocate(fresh, 1)) {
            final int readable = Mbuf.dataLength(packet) - Ethernet.HEADER_LENGTH;
            final int quoted = Math.min(Math.min(length, readable), LONGEST - HEADERS);
            NativeMemory.read(Mbuf.data(packet), original, Ethernet.HEADER_LENGTH + quoted);
            write(links[burst.ingress], type, code, mtu, quoted);
            final long mbuf = fresh.get(JAVA_LONG, 0);
            NativeMemory.write(Mbuf.data(mbuf), message, Icmp.QUOTE + quoted);
            Mbuf.setLength(mbuf, Icmp.QUOTE + quoted);
            ready[readyCount++] = mbuf;
            counters.increment(counters.catalog().of(WorkerCounter.ICMP_GENERATED));
            counters.increment(counters.catalog().of(WorkerCounter.ORIGINATED));
        }
    }

    private void write(final Link link, final int type, final int code, final int mtu, final int quoted) {
        final int receiver = original.get(Wire.INT, Ipv4.SOURCE);
        Ethernet.setAddresses(message, Ethernet.source(original), link.mac());
        message.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV4);
        message.set(Wire.SHORT, Ipv4.VERSION_IHL, VERSION_IHL_TOS);
        message.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(HEADERS + quoted));
        // Not to be fragmented, so its id may be any (RFC 6864).
        message.set(Wire.INT, Ipv4.TOTAL_LENGTH + Short.BYTES, DONT_FRAGMENT << Short.SIZE);
        message.set(Wire.INT, Ipv4.TTL, Ipv4.ICMP << Byte.SIZE | TTL); // and a checksum of 0
        message.set(Wire.INT, Ipv4.SOURCE, link.addressTowards(receiver));
        message.set(Wire.INT, Ipv4.DESTINATION, receiver);
        message.set(Wire.SHORT, Ipv4.CHECKSUM,
                (short) ~Checksum.sum(message, Ipv4.VERSION_IHL, Ipv4.HEADER_LENGTH));
        message.set(Wire.LONG, Icmp.TYPE, type | code << Byte.SIZE | (long) Wire.net16(mtu) << 48);
        MemorySegment.copy(original, Ethernet.HEADER_LENGTH, message, Icmp.QUOTE, quoted);
        message.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~Checksum.sum(message, Icmp.TYPE, Icmp.HEADER_LENGTH + quoted));
    }
}
