// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;
import static io.culvert.bindings.CacheLines.SHORT;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Admission;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The IPv6 packets of a burst walk here: the stages of the IPv4 walk, with addresses looked up in the book and UDP
 * where the extension headers end. The IPv4 walk sets them aside and pays nothing for them. Owned by one worker.
 */
final class Ipv6Walk {
    private static final long LOW_32 = 0xFFFF_FFFFL;
    private static final int UDP_LENGTH = Udp.LENGTH - Udp.PORTS;
    private static final int UDP_CHECKSUM = Udp.CHECKSUM - Udp.PORTS;
    /** Bit positions in the long at {@link FlowEntry#KEY_HI}. */
    private static final int FLAGS_SHIFT = (FlowEntry.FLAGS - FlowEntry.KEY_HI) * Byte.SIZE;
    private static final int ADJACENCY_SHIFT = (FlowEntry.ADJACENCY - FlowEntry.KEY_HI) * Byte.SIZE;
    private static final int KEY_PROTOCOL = Ipv6.UDP | FlowEntry.IPV6_PROTOCOL;
    /** The packet found its end in {@link Ipv6Extensions}. */
    private static final int TAKEN = 0;

    /** The packets; all stages but parsing see only its dense arrays. */
    final Burst burst;
    /** Where the UDP header of each lies, from the frame's first byte. */
    private final int[] udpAt = new int[Burst.CAPACITY];
    /** Packets whose source filtering has replaced, and what it was: the address, the port, the UDP checksum above. */
    private final boolean[] isStranger = new boolean[Burst.CAPACITY];
    private final long[] strangerHigh = new long[Burst.CAPACITY];
    private final long[] strangerLow = new long[Burst.CAPACITY];
    private final int[] strangerPortChecksum = new int[Burst.CAPACITY];
    private int waiting;

    private final long[] macs;
    private final FlowTable flows;
    private final AddressBook book;
    private final Neighbors neighbors;
    private final ClientHops hops;
    private final Ipv6Host host;
    private final Ipv6Extensions extensions;
    private final Admission admission;
    private final Steering steering;
    private final Icmpv6Errors errors;
    private final Egress egress;
    private final Waiting unresolved;
    private final WorkerCounters counters;

    Ipv6Walk(final long[] macs, final FlowTable flows, final AddressBook book, final Neighbors neighbors,
             final ClientHops hops, final Ipv6Host host, final Ipv6Extensions extensions, final Admission admission,
             final Steering steering, final Icmpv6Errors errors, final Egress egress, final Waiting unresolved,
             final WorkerCounters counters, final Arena arena) {
        this.burst = new Burst(counters, arena);
        this.macs = macs;
        this.flows = flows;
        this.book = book;
        this.neighbors = neighbors;
        this.hops = hops;
        this.host = host;
        this.extensions = extensions;
        this.admission = admission;
        this.steering = steering;
        this.errors = errors;
        this.egress = egress;
        this.unresolved = unresolved;
        this.counters = counters;
    }

    /** Sets a packet aside until {@link #parse}. */
    void setAside(final long mbuf) {
        burst.received.setAtIndex(LONG, waiting++, mbuf);
    }

    boolean hasPackets() {
        return waiting > 0;
    }

    /** @param link and {@code hops} of the burst that the packets came with */
    void parse(final int link, final int hops) {
        burst.begin(link, waiting, hops);
        waiting = 0;
        final long mac = macs[link];
        int dense = 0;
        for (int i = 0; i < burst.receivedCount; i++) {
            final long mbuf = burst.received.getAtIndex(LONG, i);
            final long data = Mbuf.data(mbuf);
            final int frameLength = Mbuf.packetLength(mbuf);
            // No view: this loop is too long for the compiler to dissolve it.
            final int payloadLength = Wire.host16(NativeMemory.getShort(data + Ipv6.PAYLOAD_LENGTH));
            final int udpLength = Wire.host16(NativeMemory.getShort(data + Ipv6.PAYLOAD + UDP_LENGTH));
            final boolean isPlain = (NativeMemory.getLong(data) & Ethernet.MAC_MASK) == mac
                    && (NativeMemory.getShort(data + Ipv6.VERSION) & 0xF0) == 0x60
                    && (NativeMemory.getShort(data + Ipv6.NEXT_HEADER) & 0xFF) == Ipv6.UDP
                    && udpLength >= Udp.HEADER_LENGTH
                    && udpLength <= payloadLength
                    && payloadLength + Ipv6.PAYLOAD <= frameLength
                    && NativeMemory.getShort(data + Ipv6.PAYLOAD + UDP_CHECKSUM) != 0
                    && Mbuf.dataLength(mbuf) >= Ipv6.PAYLOAD + Udp.HEADER_LENGTH
                    && host.speaksIpv6(link);
            final int at = isPlain ? Ipv6.PAYLOAD : extensions.unwrap(burst, mbuf, mac);
            if (at == TAKEN) {
                continue;
            }
            if (payloadLength + Ipv6.PAYLOAD < frameLength) {
                Parser.trim(mbuf, payloadLength + Ipv6.PAYLOAD);
            }
            burst.put(dense, mbuf, data, payloadLength + Ipv6.HEADER_LENGTH);
            udpAt[dense] = at;
            isStranger[dense] = false;
            setKey(dense, numberAt(data + Ipv6.SOURCE), numberAt(data + Ipv6.DESTINATION),
                    NativeMemory.getInt(data + at));
            dense++;
        }
        burst.count = dense;
        burst.fetch(Burst.BUCKET, 0, dense);
    }

    /** The number of the address that lies there, or {@link AddressBook#NONE}. */
    private int numberAt(final long address) {
        return book.find(NativeMemory.getLong(address), NativeMemory.getLong(address + Long.BYTES));
    }

    private void setKey(final int i, final int source, final int destination, final int ports) {
        final long keyLo = source & LOW_32 | (long) destination << Integer.SIZE;
        final long keyHi = FlowEntry.keyHi(ports, KEY_PROTOCOL);
        final long hash = flows.hash(keyLo, keyHi);
        burst.key(i, keyLo, keyHi, hash);
        burst.bucket(i, flows.bucketAddress(hash));
    }

    /** Decides about the packets that lookup did not find. */
    void admit(final long nowMs) {
        for (int i = 0; i < burst.count; i++) {
            if (burst.flow(i) == Burst.NO_FLOW) {
                admit(i, nowMs);
            }
        }
    }

    /** {@link #judge} for a packet that was put into the burst alone. @param at where its UDP header lies */
    int judgeAlone(final int at, final long nowMs) {
        udpAt[0] = at;
        isStranger[0] = false;
        return judge(0, sourceHigh(0), sourceLow(0), nowMs);
    }

    /** Ends what {@link #judgeAlone} began; the caller holds the lock of the packet's client. */
    void settleAlone(final int verdict, final long nowMs) {
        if (verdict < 0) {
            refuse(0, sourceHigh(0), sourceLow(0), DropReason.of(~verdict));
        } else {
            open(0, sourceHigh(0), sourceLow(0), verdict, nowMs);
        }
    }

    private long sourceHigh(final int i) {
        return NativeMemory.getLong(burst.frame(i) + Ipv6.SOURCE);
    }

    private long sourceLow(final int i) {
        return NativeMemory.getLong(burst.frame(i) + Ipv6.SOURCE + Long.BYTES);
    }

    private void admit(final int i, final long nowMs) {
        final long high = sourceHigh(i);
        final long low = sourceLow(i);
        final int destination = (int) (burst.keyLo(i) >>> Integer.SIZE);
        // An earlier packet of this burst may have opened the session, and given the source a number.
        setKey(i, book.find(high, low), destination, (int) burst.keyHi(i));
        final int slot = flows.find(burst.keyLo(i), burst.keyHi(i), burst.hash(i));
        if (slot != FlowTable.NOT_FOUND) {
            burst.flow(i, flows.entryAddress(slot));
            return;
        }
        final int verdict = judge(i, high, low, nowMs);
        if (verdict < 0) {
            refuse(i, high, low, DropReason.of(~verdict));
            return;
        }
        final int opening = steering.beginOpening(high, low, (int) burst.keyHi(i));
        try {
            open(i, high, low, verdict, nowMs);
        } finally {
            steering.endOpening(opening);
        }
    }

    /** @return the index of its rule, or the complement (~) of a drop reason's ordinal */
    private int judge(final int i, final long high, final long low, final long nowMs) {
        if (admission.isMartian(high, low) || Ipv6Address.isLinkLocal(high)) {
            return ~DropReason.MARTIAN.ordinal();
        }
        final int destination = (int) (burst.keyLo(i) >>> Integer.SIZE);
        final int hopLimit = NativeMemory.getShort(burst.frame(i) + Ipv6.NEXT_HEADER) >>> Byte.SIZE & 0xFF;
        // No rule names what is no address of the plan; another worker may have it as a client's, whom a target sees.
        return destination == AddressBook.NONE ? ~DropReason.NO_RULE.ordinal()
                : admission.judge(high, low, destination, (int) burst.keyHi(i), hopLimit, burst.ingress, nowMs);
    }

    private void open(final int i, final long high, final long low, final int rule, final long nowMs) {
        if (isHandedOn(i, high, low)) {
            return;
        }
        final int source = book.acquire(high, low);
        if (source == AddressBook.NONE) {
            burst.drop(i, DropReason.FLOW_TABLE_FULL);
            return;
        }
        setKey(i, source, (int) (burst.keyLo(i) >>> Integer.SIZE), (int) burst.keyHi(i));
        final int slot = admission.open(rule, burst.keyLo(i), (int) burst.keyHi(i), nowMs);
        if (slot >= 0) {
            steering.opened(burst, slot, isSpreadOtherwise(i));
            burst.flow(i, flows.entryAddress(slot));
        } else {
            end(i, DropReason.of(~slot));
        }
        book.release(source);
    }

    /** A packet that may open nothing here may be of a session all the same. */
    private void refuse(final int i, final long high, final long low, final DropReason reason) {
        if (Steering.isOfNoClient(reason)) {
            if (reason != DropReason.NO_SESSION || !filterIn(i)) {
                end(i, reason);
            }
            return;
        }
        steering.awaitOpening(burst, high, low, (int) burst.keyHi(i));
        if (!isHandedOn(i, high, low)) {
            end(i, reason);
        }
    }

    /** NICs spread by ports what is UDP at once, and other packets of the flow, behind extension headers, otherwise. */
    private boolean isSpreadOtherwise(final int i) {
        return udpAt[i] != Ipv6.PAYLOAD;
    }

    /** Hands a packet on whose session lives at another worker, or is to. */
    private boolean isHandedOn(final int i, final long high, final long low) {
        final boolean isGiven = steering.handToStrayOfIpv6(burst, i, high, low, isSpreadOtherwise(i))
                || steering.handHome(burst, i, high, low);
        if (isGiven) {
            burst.leave(i);
        }
        return isGiven;
    }

    private void end(final int i, final DropReason reason) {
        if (!handOff(i, reason)) {
            errors.tell(burst, i, reason);
            burst.drop(i, reason);
        }
    }

    /** Gives a packet to the worker that may know its session. @return false when there is none */
    private boolean handOff(final int i, final DropReason reason) {
        final long frame = burst.frame(i);
        final boolean mayBeKnown = reason == DropReason.NO_SESSION || reason == DropReason.NO_RULE;
        final boolean isGiven = Steering.isOfASessionPerhaps(reason.ordinal()) ? steering.handToHolderOfIpv6(burst, i)
                : mayBeKnown && steering.handOffIpv6(burst, burst.mbuf(i), burst.keyLo(i), (int) burst.keyHi(i),
                        frame + Ipv6.SOURCE, frame + Ipv6.DESTINATION);
        if (isGiven) {
            burst.leave(i);
        }
        return isGiven;
    }

    /** Lets a packet of a stranger join a session whose rule's filtering allows it, as {@link SourceReplacer} does. */
    private boolean filterIn(final int i) {
        final int reply = admission.filterIn(burst.keyLo(i), (int) burst.keyHi(i));
        if (reply == FlowTable.NOT_FOUND) {
            return false;
        }
        final long data = burst.frame(i);
        final int source = (int) flows.keyLo(reply);
        final int port = (int) flows.keyHi(reply) & 0xFFFF;
        final int itsPort = NativeMemory.getShort(data + udpAt[i]) & 0xFFFF;
        final int checksum = NativeMemory.getShort(data + udpAt[i] + UDP_CHECKSUM) & 0xFFFF;
        isStranger[i] = true;
        strangerHigh[i] = NativeMemory.getLong(data + Ipv6.SOURCE);
        strangerLow[i] = NativeMemory.getLong(data + Ipv6.SOURCE + Long.BYTES);
        strangerPortChecksum[i] = itsPort | checksum << Short.SIZE;
        int delta = Checksum.delta(0, itsPort, port);
        delta = Checksum.delta(delta, strangerHigh[i], book.high(source));
        delta = Checksum.delta(delta, strangerLow[i], book.low(source));
        NativeMemory.setShort(data + udpAt[i] + UDP_CHECKSUM, (short) Checksum.updateUdp(checksum, delta));
        NativeMemory.setShort(data + udpAt[i], (short) port);
        setAddress(data + Ipv6.SOURCE, source);
        burst.flow(i, flows.entryAddress(reply));
        return true;
    }

    void rewrite(final long nowMs) {
        final MemorySegment adjacencies = neighbors.entries();
        for (int i = 0; i < burst.count; i++) {
            final long entry = burst.flow(i);
            if (entry == Burst.GONE) {
                continue;
            }
            // Fields are read here, as Rewriter reads them: a view that goes to methods may become an object.
            final MemorySegment flow = NativeMemory.view(entry, FlowEntry.LENGTH);
            final long keyHi = flow.get(LONG, FlowEntry.KEY_HI);
            final int flags = (int) (keyHi >>> FLAGS_SHIFT);
            final int named = (int) (keyHi >>> ADJACENCY_SHIFT);
            final int adjacency = named == Neighbors.UNKNOWN ? hops.bind(entry) : named;
            final MemorySegment next = CacheLines.line(adjacencies, adjacency);
            final int linkMtu = next.get(INT, Neighbors.EGRESS);
            final int decrement = (flags & FlowEntry.FLAG_DECREMENT_TTL) != 0 ? 1 : 0;
            final long data = burst.frame(i);
            final int hopLimit = NativeMemory.getShort(data + Ipv6.NEXT_HEADER) >>> Byte.SIZE & 0xFF;
            final int length = burst.length(i);
            if (length > linkMtu >>> Short.SIZE || hopLimit < 2 * decrement) {
                stop(i, linkMtu, nowMs);
                continue;
            }
            final long addresses = flow.get(LONG, FlowEntry.NEW_ADDRESSES);
            final int l4Delta = flow.get(SHORT, FlowEntry.L4_DELTA) & 0xFFFF;
            NativeMemory.setShort(data + Ipv6.NEXT_HEADER,
                    (short) (NativeMemory.getShort(data + Ipv6.NEXT_HEADER) - (decrement << Byte.SIZE)));
            setAddress(data + Ipv6.SOURCE, (int) addresses);
            setAddress(data + Ipv6.DESTINATION, (int) (addresses >>> Integer.SIZE));
            final long udp = data + udpAt[i];
            final int checksum = NativeMemory.getShort(udp + UDP_CHECKSUM) & 0xFFFF;
            NativeMemory.setInt(udp, flow.get(INT, FlowEntry.NEW_PORTS));
            NativeMemory.setShort(udp + UDP_CHECKSUM, (short) Checksum.updateUdp(checksum, l4Delta));
            NativeMemory.setLong(data + Ethernet.DESTINATION, next.get(LONG, Neighbors.MACS_LO));
            NativeMemory.setInt(data + Ethernet.DESTINATION + Long.BYTES, next.get(INT, Neighbors.MACS_HI));

            final long lastSeen = flow.get(LONG, FlowEntry.LAST_SEEN);
            flow.set(LONG, FlowEntry.LAST_SEEN, lastSeen & ~FlowEntry.LAST_SEEN_MASK | nowMs);
            flow.set(LONG, FlowEntry.PACKETS, flow.get(LONG, FlowEntry.PACKETS) + 1);
            flow.set(LONG, FlowEntry.BYTES, flow.get(LONG, FlowEntry.BYTES) + length);
            final int traffic = Short.toUnsignedInt(flow.get(SHORT, FlowEntry.TRAFFIC));
            final int counter = counters.catalog().ruleTraffic(traffic >>> 1) + 2 * (traffic & 1);
            counters.increment(counter);
            counters.add(counter + 1, length);
            egress.append(linkMtu & 0xFFFF, burst.ingress, burst.mbuf(i), length + Ethernet.HEADER_LENGTH);
        }
    }

    private void setAddress(final long at, final int number) {
        NativeMemory.setLong(at, book.high(number));
        NativeMemory.setLong(at + Long.BYTES, book.low(number));
    }

    /** The packet cannot go on now: its next hop is unknown, it is too long for the link, or its time is up. */
    private void stop(final int i, final int linkMtu, final long nowMs) {
        restore(i);
        if (linkMtu >>> Short.SIZE == 0) {
            unresolved.hold(burst, i, nowMs);
        } else if (burst.length(i) > linkMtu >>> Short.SIZE) {
            errors.tellMtu(burst, burst.mbuf(i), burst.length(i), linkMtu >>> Short.SIZE);
            burst.drop(i, DropReason.MTU_EXCEEDED);
        } else {
            errors.tell(burst, i, DropReason.TTL_EXCEEDED);
            burst.drop(i, DropReason.TTL_EXCEEDED);
        }
    }

    /** Gives a packet that stops here the source back that it came in with. */
    private void restore(final int i) {
        if (isStranger[i]) {
            final long udp = burst.frame(i) + udpAt[i];
            NativeMemory.setLong(burst.frame(i) + Ipv6.SOURCE, strangerHigh[i]);
            NativeMemory.setLong(burst.frame(i) + Ipv6.SOURCE + Long.BYTES, strangerLow[i]);
            NativeMemory.setShort(udp, (short) strangerPortChecksum[i]);
            NativeMemory.setShort(udp + UDP_CHECKSUM, (short) (strangerPortChecksum[i] >>> Short.SIZE));
        }
    }
}
