// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * {@link IcmpErrors} for IPv6 (RFC 4443): time exceeded, packet too big, and on demand that no session could be opened.
 * Quotes the packet as it came in, as much as fits into the least MTU, and goes back to the station that it came from.
 * Never about an error, a group's packet or a source that cannot be answered: those do not get here.
 */
final class Icmpv6Errors {
    /** RFC 8200 section 5: what every link carries, and so the longest error. */
    private static final int LONGEST = 1_280;
    private static final int HEADERS = Ipv6.HEADER_LENGTH + Icmpv6.HEADER_LENGTH;
    private static final int FRAME_LIMIT = Ethernet.HEADER_LENGTH + LONGEST;
    private static final int HOP_LIMIT = 64;
    private static final int NOBODY = -1;

    private final Link[] links;
    private final IcmpPolicy policy;
    private final IcmpBudget budget;
    private final Mempool pool;
    private final Egress egress;
    private final WorkerCounters counters;
    private final MemorySegment fresh;
    /** The message: a copy, for a view would be an object here. */
    private final MemorySegment message;
    private long nowMs;

    /** @param budget shared with IPv4 */
    Icmpv6Errors(final IcmpPolicy policy, final IcmpBudget budget, final List<Link> links, final Mempool pool,
                 final Egress egress, final WorkerCounters counters, final Arena arena) {
        this.policy = policy;
        this.budget = budget;
        this.links = links.toArray(Link[]::new);
        this.pool = pool;
        this.egress = egress;
        this.counters = counters;
        this.fresh = arena.allocate(JAVA_LONG);
        this.message = NativeMemory.unscoped(arena.allocate(FRAME_LIMIT, Long.BYTES));
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    /** Packet {@code i} of the burst, as it came in, is about to be dropped for this reason. */
    void tell(final Burst burst, final int i, final DropReason reason) {
        tell(burst, burst.mbuf(i), burst.length(i), reason);
    }

    /** This packet, as it came in, is about to be dropped for this reason. @param length of IP, bytes */
    void tell(final Burst burst, final long packet, final int length, final DropReason reason) {
        if (reason == DropReason.TTL_EXCEEDED) {
            send(burst, packet, length, Icmpv6.TIME_EXCEEDED, 0, 0);
        } else if (policy.refusals()) {
            final int code = refusal(reason);
            if (code != NOBODY) {
                send(burst, packet, length, Icmpv6.UNREACHABLE, code, 0);
            }
        }
    }

    /** This packet, as it came in, is longer than the MTU of its way (RFC 8201). @param length of IP, bytes */
    void tellMtu(final Burst burst, final long packet, final int length, final int mtu) {
        send(burst, packet, length, Icmpv6.PACKET_TOO_BIG, 0, mtu);
    }

    /** As {@link IcmpErrors} tells what was decided from what ran out. */
    private static int refusal(final DropReason reason) {
        if (reason.isProhibition()) {
            return Icmpv6.PROHIBITED;
        }
        return reason.isLack() ? Icmpv6.ADDRESS_UNREACHABLE : NOBODY;
    }

    private void send(final Burst burst, final long packet, final int length, final int type, final int code,
                      final int mtu) {
        if (!policy.errors() || Ethernet.isGroup(NativeMemory.getLong(Mbuf.data(packet) + Ethernet.SOURCE))) {
            return;
        }
        // By /64: who has one has all of its addresses.
        if (!budget.spend(NativeMemory.getLong(Mbuf.data(packet) + Ipv6.SOURCE), nowMs)) {
            counters.increment(counters.catalog().of(WorkerCounter.ICMP_SUPPRESSED));
        } else if (pool.allocate(fresh, 1)) {
            final int readable = Mbuf.dataLength(packet) - Ethernet.HEADER_LENGTH;
            final int quoted = Math.min(Math.min(length, readable), LONGEST - HEADERS);
            write(links[burst.ingress], Mbuf.data(packet), type, code, mtu, quoted);
            final long mbuf = fresh.get(JAVA_LONG, 0);
            NativeMemory.write(Mbuf.data(mbuf), message, Icmpv6.QUOTE + quoted);
            Mbuf.setLength(mbuf, Icmpv6.QUOTE + quoted);
            egress.append(burst.ingress, burst.ingress, mbuf, Icmpv6.QUOTE + quoted);
            counters.increment(counters.catalog().of(WorkerCounter.ICMP_GENERATED));
            counters.increment(counters.catalog().of(WorkerCounter.ORIGINATED));
        }
    }

    private void write(final Link link, final long frame, final int type, final int code, final int mtu,
                       final int quoted) {
        NativeMemory.read(frame, message, Ipv6.PAYLOAD);
        final long high = message.get(Wire.LONG, Ipv6.SOURCE);
        final long low = message.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES);
        final Link.Subnet own = link.addressTowards(high, low);
        Ethernet.setAddresses(message, Ethernet.source(message), link.mac());
        message.set(Wire.INT, Ipv6.VERSION, 0x60);
        message.set(Wire.SHORT, Ipv6.PAYLOAD_LENGTH, Wire.net16(Icmpv6.HEADER_LENGTH + quoted));
        message.set(Wire.BYTE, Ipv6.NEXT_HEADER, (byte) Ipv6.ICMPV6);
        message.set(Wire.BYTE, Ipv6.HOP_LIMIT, (byte) HOP_LIMIT);
        message.set(Wire.LONG, Ipv6.SOURCE, own.high());
        message.set(Wire.LONG, Ipv6.SOURCE + Long.BYTES, own.low());
        message.set(Wire.LONG, Ipv6.DESTINATION, high);
        message.set(Wire.LONG, Ipv6.DESTINATION + Long.BYTES, low);
        message.set(Wire.INT, Icmpv6.TYPE, type | code << Byte.SIZE);
        message.set(Wire.INT, Icmpv6.MTU, Integer.reverseBytes(mtu));
        NativeMemory.readInto(frame + Ethernet.HEADER_LENGTH, message, Icmpv6.QUOTE, quoted);
        Icmpv6.seal(message, Icmpv6.HEADER_LENGTH + quoted);
    }
}
