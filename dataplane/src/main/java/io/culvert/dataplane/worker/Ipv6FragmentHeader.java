// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.util.function.IntConsumer;
import java.util.function.IntUnaryOperator;

/**
 * Fragments of IPv6 (RFC 8200 4.5): UDP stands right behind the fragment header, other extension headers in front of
 * it. Nobody but the sender cuts, so what is too long ends here. {@link Ipv6Extensions} has seen that the headers are
 * there and right.
 */
final class Ipv6FragmentHeader extends FragmentHeader {
    private static final long LOW_32 = 0xFFFF_FFFFL;
    private static final int PAYLOAD_LIMIT = 65_535;
    private static final int UDP_LENGTH = Udp.LENGTH - Udp.PORTS;
    private static final int UDP_CHECKSUM = Udp.CHECKSUM - Udp.PORTS;

    private final int worker;
    private final FlowTable flows;
    private final AddressBook book;
    private final Steering steering;
    private final IntUnaryOperator judge;
    private final IntConsumer settle;
    private final SingleRewriter rewriter;
    private final DatagramIds ids;
    private final Icmpv6Errors errors;

    private long frame;
    /** Where the fragment header lies, from the frame's first byte. */
    private int at;
    /** Of the UDP header, as they lie in the packet, if it is the first fragment. */
    private short sourcePort;
    private short checksum;

    /**
     * @param judge says whether the burst's packet may open a session; told where UDP lies
     * @param settle opens it as it was judged, or drops the packet
     * @param rewriter shared with IPv4
     */
    Ipv6FragmentHeader(final int worker, final FlowTable flows, final AddressBook book, final Steering steering,
                       final IntUnaryOperator judge, final IntConsumer settle, final SingleRewriter rewriter,
                       final DatagramIds ids, final Icmpv6Errors errors) {
        this.worker = worker;
        this.flows = flows;
        this.book = book;
        this.steering = steering;
        this.judge = judge;
        this.settle = settle;
        this.rewriter = rewriter;
        this.ids = ids;
        this.errors = errors;
    }

    @Override
    int read(final long mbuf) {
        frame = Mbuf.data(mbuf);
        at = find();
        final int protocol = byteAt(at);
        if (protocol != Ipv6.UDP) {
            return reasonAgainst(protocol).ordinal();
        }
        final int fragment = Wire.host16(NativeMemory.getShort(frame + at + Ipv6.FRAGMENT_OFFSET));
        final int payloadLength = Wire.host16(NativeMemory.getShort(frame + Ipv6.PAYLOAD_LENGTH));
        sourceHigh = NativeMemory.getLong(frame + Ipv6.SOURCE);
        sourceLow = NativeMemory.getLong(frame + Ipv6.SOURCE + Long.BYTES);
        destinationHigh = NativeMemory.getLong(frame + Ipv6.DESTINATION);
        destinationLow = NativeMemory.getLong(frame + Ipv6.DESTINATION + Long.BYTES);
        id = NativeMemory.getInt(frame + at + Ipv6.FRAGMENT_ID);
        length = payloadLength + Ipv6.HEADER_LENGTH;
        isLast = (fragment & 1) == 0;
        from = fragment >>> Ipv6.FRAGMENT_OFFSET_SHIFT;
        final int payload = payloadLength - (udpAt() - Ipv6.PAYLOAD);
        to = from + (payload + UNIT - 1) / UNIT;
        if (payload == 0 || !isLast && payload % UNIT != 0) {
            return DropReason.BAD_IP_HEADER.ordinal();
        }
        // Headers in front count in the whole datagram too.
        if (from * UNIT + payload > PAYLOAD_LIMIT - (at - Ipv6.PAYLOAD)) {
            return DropReason.FRAGMENT_OVERLAP.ordinal();
        }
        if (Ipv6Address.cannotBeSource(sourceHigh, sourceLow) || Ipv6Address.isLinkLocal(sourceHigh)) {
            return DropReason.MARTIAN.ordinal();
        }
        return from == 0 ? checkUdp(Math.min(payload, Mbuf.dataLength(mbuf) - udpAt())) : FINE;
    }

    /** Behind the headers that stand in front of it, which may be fragment headers of a whole datagram (RFC 6946). */
    private int find() {
        int next = byteAt(Ipv6.NEXT_HEADER);
        int place = Ipv6.PAYLOAD;
        while (next != Ipv6.FRAGMENT || Ipv6.isWhole(NativeMemory.getShort(frame + place + Ipv6.FRAGMENT_OFFSET))) {
            final int units = next == Ipv6.FRAGMENT ? 0 : byteAt(place + 1);
            next = byteAt(place);
            place += (units + 1) * Ipv6.EXTENSION_UNIT;
        }
        return place;
    }

    private int byteAt(final int offset) {
        return NativeMemory.getShort(frame + offset) & 0xFF;
    }

    private static DropReason reasonAgainst(final int protocol) {
        return switch (protocol) {
            case Ipv6.ICMPV6 -> DropReason.ICMP_UNSUPPORTED;
            case Ipv6.HOP_BY_HOP, Ipv6.ROUTING, Ipv6.FRAGMENT, Ipv6.DESTINATION_OPTIONS -> DropReason.EXTENSION_HEADERS;
            default -> DropReason.NOT_UDP;
        };
    }

    private int checkUdp(final int available) {
        if (available < Udp.HEADER_LENGTH) {
            return DropReason.TRUNCATED.ordinal();
        }
        if (Wire.host16(NativeMemory.getShort(frame + udpAt() + UDP_LENGTH)) < Udp.HEADER_LENGTH) {
            return DropReason.BAD_UDP_LENGTH.ordinal();
        }
        sourcePort = NativeMemory.getShort(frame + udpAt());
        checksum = NativeMemory.getShort(frame + udpAt() + UDP_CHECKSUM);
        return checksum == 0 ? DropReason.UDP_CHECKSUM_ABSENT.ordinal() : FINE;
    }

    /** Where what the datagram carries begins, from the frame's first byte; in the first fragment the UDP header. */
    private int udpAt() {
        return at + Ipv6.EXTENSION_UNIT;
    }

    private long keyLo() {
        return book.find(sourceHigh, sourceLow) & LOW_32
                | (long) book.find(destinationHigh, destinationLow) << Integer.SIZE;
    }

    private long keyHi() {
        return FlowEntry.keyHi(ports(), Ipv6.UDP | FlowEntry.IPV6_PROTOCOL);
    }

    @Override
    int ports() {
        return NativeMemory.getInt(frame + udpAt());
    }

    @Override
    int ownerOfFirst() {
        final long keyLo = keyLo();
        final boolean isHere = flows.find(keyLo, keyHi(), flows.hash(keyLo, keyHi())) != FlowTable.NOT_FOUND;
        return isHere ? worker : steering.ownerOfFirst(keyLo, keyHi(), frame);
    }

    @Override
    void put(final Burst burst, final long mbuf) {
        final long keyLo = keyLo();
        burst.put(0, mbuf, frame, length);
        burst.key(0, keyLo, keyHi(), flows.hash(keyLo, keyHi()));
    }

    @Override
    int judge() {
        return judge.applyAsInt(udpAt());
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
        return rewriter.isTimeUp(byteAt(Ipv6.HOP_LIMIT));
    }

    @Override
    boolean mayCut() {
        return false;
    }

    @Override
    void restore(final long mbuf) {
        NativeMemory.setLong(frame + Ipv6.SOURCE, sourceHigh);
        NativeMemory.setLong(frame + Ipv6.SOURCE + Long.BYTES, sourceLow);
        NativeMemory.setShort(frame + udpAt(), sourcePort);
        NativeMemory.setShort(frame + udpAt() + UDP_CHECKSUM, checksum);
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
        final int nextAndLimit = NativeMemory.getShort(frame + Ipv6.NEXT_HEADER);
        NativeMemory.setShort(frame + Ipv6.NEXT_HEADER, (short) (nextAndLimit - (rewriter.decrement() << Byte.SIZE)));
        setAddress(frame + Ipv6.SOURCE, (int) rewriter.newAddresses());
        setAddress(frame + Ipv6.DESTINATION, (int) (rewriter.newAddresses() >>> Integer.SIZE));
        NativeMemory.setInt(frame + at + Ipv6.FRAGMENT_ID, newId);
        if (from == 0) {
            final long udp = frame + udpAt();
            // Filtering may have replaced the source since the header was read, and the checksum with it.
            final int sum = NativeMemory.getShort(udp + UDP_CHECKSUM) & 0xFFFF;
            NativeMemory.setInt(udp, rewriter.newPorts());
            NativeMemory.setShort(udp + UDP_CHECKSUM, (short) Checksum.updateUdp(sum, rewriter.l4Delta()));
        }
        NativeMemory.setLong(frame + Ethernet.DESTINATION, rewriter.macsLo());
        NativeMemory.setInt(frame + Ethernet.DESTINATION + Long.BYTES, rewriter.macsHi());
    }

    private void setAddress(final long address, final int number) {
        NativeMemory.setLong(address, book.high(number));
        NativeMemory.setLong(address + Long.BYTES, book.low(number));
    }

    @Override
    boolean cut(final Burst burst, final long mbuf) {
        throw new UnsupportedOperationException("mayCut");
    }
}
