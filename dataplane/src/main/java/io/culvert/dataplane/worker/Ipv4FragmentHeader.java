// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.IntConsumer;
import java.util.function.IntSupplier;

/** Fragments of IPv4, which routers on the way may cut again (RFC 791). Works on a copy of the header. */
final class Ipv4FragmentHeader extends FragmentHeader {
    private static final int PAYLOAD_LIMIT = 65_535 - Ipv4.HEADER_LENGTH;

    private final int worker;
    private final FlowTable flows;
    private final Steering steering;
    private final IntSupplier judge;
    private final IntConsumer settle;
    private final SingleRewriter rewriter;
    private final Fragmenter fragmenter;
    private final DatagramIds ids;
    private final IcmpErrors errors;
    private final MemorySegment header;

    /**
     * @param judge says whether the burst's packet may open a session
     * @param settle opens it as it was judged, or drops the packet
     */
    Ipv4FragmentHeader(final int worker, final FlowTable flows, final Steering steering,
                       final IntSupplier judge, final IntConsumer settle, final SingleRewriter rewriter,
                       final Fragmenter fragmenter, final DatagramIds ids, final IcmpErrors errors,
                       final Arena arena) {
        this.worker = worker;
        this.flows = flows;
        this.steering = steering;
        this.judge = judge;
        this.settle = settle;
        this.rewriter = rewriter;
        this.fragmenter = fragmenter;
        this.ids = ids;
        this.errors = errors;
        this.header = NativeMemory.unscoped(arena.allocate(Wire.VIEW_BYTES, Long.BYTES));
    }

    @Override
    int read(final long mbuf) {
        NativeMemory.read(Mbuf.data(mbuf), header, Wire.VIEW_BYTES);
        final int protocol = header.get(Wire.BYTE, Ipv4.PROTOCOL);
        if (protocol != Ipv4.UDP) {
            return (protocol == Ipv4.ICMP ? DropReason.ICMP_UNSUPPORTED : DropReason.NOT_UDP).ordinal();
        }
        final int fragment = Wire.host16(header.get(Wire.SHORT, Ipv4.FRAGMENT));
        sourceLow = Ipv6Address.mapped((int) addresses());
        destinationLow = Ipv6Address.mapped((int) (addresses() >>> Integer.SIZE));
        id = header.get(Wire.SHORT, Ipv4.ID) & 0xFFFF;
        length = Wire.host16(header.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
        isLast = (fragment & Ipv4.MORE_FRAGMENTS) == 0;
        from = fragment & Ipv4.OFFSET_MASK;
        final int payload = length - Ipv4.HEADER_LENGTH;
        to = from + (payload + UNIT - 1) / UNIT;
        if (payload == 0 || !isLast && payload % UNIT != 0) {
            return DropReason.BAD_IP_HEADER.ordinal();
        }
        if (from * UNIT + payload > PAYLOAD_LIMIT) {
            return DropReason.FRAGMENT_OVERLAP.ordinal();
        }
        if (Ipv4Address.cannotBeSource((int) addresses())) {
            return DropReason.MARTIAN.ordinal();
        }
        if (from == 0 && Mbuf.dataLength(mbuf) < Udp.END) {
            return DropReason.TRUNCATED.ordinal();
        }
        final boolean isUdpShort = Wire.host16(header.get(Wire.SHORT, Udp.LENGTH)) < Udp.HEADER_LENGTH;
        return from == 0 && isUdpShort ? DropReason.BAD_UDP_LENGTH.ordinal() : FINE;
    }

    private long addresses() {
        return header.get(Wire.LONG, Ipv4.SOURCE);
    }

    private long keyHi() {
        return FlowEntry.keyHi(ports(), Ipv4.UDP);
    }

    @Override
    int ports() {
        return header.get(Wire.INT, Udp.PORTS);
    }

    @Override
    int ownerOfFirst() {
        final boolean isHere = flows.find(addresses(), keyHi(), flows.hash(addresses(), keyHi()))
                != FlowTable.NOT_FOUND;
        return isHere ? worker : steering.ownerOfFirst(addresses(), keyHi());
    }

    @Override
    void put(final Burst burst, final long mbuf) {
        burst.put(0, mbuf, Mbuf.data(mbuf), length);
        burst.key(0, addresses(), keyHi(), flows.hash(addresses(), keyHi()));
    }

    @Override
    int judge() {
        return judge.getAsInt();
    }

    @Override
    void settle(final int verdict) {
        settle.accept(verdict);
    }

    @Override
    int nextId() {
        return ids.next();
    }

    @Override
    boolean isTimeUp() {
        return rewriter.isTimeUp(header.get(Wire.BYTE, Ipv4.TTL) & 0xFF);
    }

    @Override
    boolean mayCut() {
        return Fragmenter.mayCut(header.get(Wire.SHORT, Ipv4.FRAGMENT));
    }

    @Override
    void restore(final long mbuf) {
        NativeMemory.write(Mbuf.data(mbuf), header, Udp.END);
    }

    @Override
    void tellTime(final Burst burst, final long mbuf) {
        errors.tell(burst, mbuf, length, DropReason.TTL_EXCEEDED);
    }

    @Override
    void tellMtu(final Burst burst, final long mbuf, final int mtu) {
        errors.tellMtu(burst, mbuf, length, mtu);
    }

    @Override
    void rewrite(final long mbuf, final int newId) {
        // Filtering may have changed the first one's source since it was read.
        NativeMemory.read(Mbuf.data(mbuf), header, Wire.VIEW_BYTES);
        rewriter.rewriteIp(header, newId);
        if (from == 0) {
            rewriter.rewriteUdp(header);
        }
        NativeMemory.write(Mbuf.data(mbuf), header, from == 0 ? Udp.END : Ipv4.PAYLOAD);
    }

    @Override
    boolean cut(final Burst burst, final long mbuf) {
        return fragmenter.cut(burst, mbuf, header, rewriter.mtu(), rewriter.link());
    }
}
