// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowHash;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ethernet;
import java.security.SecureRandom;
import java.util.Arrays;

/**
 * Virtual reassembly (RFC 4787 REQ-14): the first fragment of a datagram, which has the ports, finds or opens its
 * session as any packet does; the others follow it, those that came before it wait for it unchanged. Nothing is put
 * together: each fragment leaves as one, with an IP id that is the datagram's own ({@link DatagramIds}). What waits is
 * bounded in all, per sender and in time, so a flood of fragments costs fragments only.
 *
 * <p>With several workers only the first fragment's ports say whose session it is, and receive queues spread fragments
 * as they like: so all fragments of a datagram are gathered at the worker that its addresses and id hash to, and handed
 * from there to the owner of the session, first one first.
 */
final class Fragments {
    /** Waiting fragments in all, and of the senders that share a place in a hashed table. */
    static final int CAPACITY = 1_024;
    static final int PER_SENDER = 256;
    /** From a datagram's first seen fragment to the end of all hope for the others. */
    static final int PATIENCE_MS = 2_000;
    private static final int SWEEP_MS = 100;
    private static final int NONE = FragmentTable.NONE;
    /** How often a fragment was handed on: where it is gathered, and where its session lives. */
    private static final int GATHERED = 1;
    private static final int DELIVERED = 2;
    /** The same for all workers, and unknown to senders. */
    private static final long SEED = new SecureRandom().nextLong();

    private final int worker;
    private final Handoff handoff;
    private final Steering steering;
    private final FragmentTable table;
    private final RefusedDatagrams refused = new RefusedDatagrams(PATIENCE_MS);
    private final FlowTable flows;
    private final AddressBook book;
    private final FragmentHeader ipv4;
    private final FragmentHeader ipv6;
    private final SingleRewriter rewriter;
    private final Egress egress;
    private final Waiting waiting;
    private final WorkerCounters counters;
    private final int gauge;

    /** Came with this burst, not yet looked at. */
    private final long[] arrived = new long[Burst.CAPACITY];
    private int arrivedCount;

    /** Those that wait for their first: a list per datagram, in the order they came. */
    private final long[] held = new long[CAPACITY];
    private final byte[] heldIngress = new byte[CAPACITY];
    private final int[] heldNext = new int[CAPACITY];
    private final short[] heldOfSender = new short[FragmentTable.senders()];
    private int freeHeld;
    private int heldCount;
    private long sweptMs;

    /** The fragment that is being looked at. */
    private FragmentHeader fragment;

    Fragments(final int worker, final Handoff handoff, final Steering steering, final FlowTable flows,
              final AddressBook book, final FragmentHeader ipv4, final FragmentHeader ipv6,
              final SingleRewriter rewriter, final Egress egress, final Waiting waiting,
              final WorkerCounters counters) {
        this.worker = worker;
        this.handoff = handoff;
        this.steering = steering;
        this.table = new FragmentTable(flows);
        this.flows = flows;
        this.book = book;
        this.ipv4 = ipv4;
        this.ipv6 = ipv6;
        this.rewriter = rewriter;
        this.egress = egress;
        this.waiting = waiting;
        this.counters = counters;
        this.gauge = counters.catalog().of(CounterCatalog.WorkerCounter.WAITING_FRAGMENTS);
        Arrays.setAll(heldNext, i -> i + 1 < CAPACITY ? i + 1 : NONE);
    }

    /** Takes a fragment, whose IP headers are right, off the burst until {@link #walk} or {@link #walkIpv6}. */
    void add(final long mbuf) {
        arrived[arrivedCount++] = mbuf;
    }

    boolean hasWork() {
        return arrivedCount > 0;
    }

    /** Sends on, holds or drops what was added. The burst's dense packets have left: its arrays are free. */
    void walk(final Burst burst, final long nowMs) {
        walk(burst, ipv4, nowMs);
    }

    /** {@link #walk} for what was added since then, which is of IPv6. */
    void walkIpv6(final Burst burst, final long nowMs) {
        walk(burst, ipv6, nowMs);
    }

    private void walk(final Burst burst, final FragmentHeader version, final long nowMs) {
        fragment = version;
        for (int i = 0; i < arrivedCount; i++) {
            take(burst, arrived[i], nowMs);
        }
        arrivedCount = 0;
    }

    private void take(final Burst burst, final long mbuf, final long nowMs) {
        final int verdict = fragment.read(mbuf);
        if (verdict != FragmentHeader.FINE) {
            burst.drop(mbuf, DropReason.of(verdict));
            return;
        }
        if (handoff.workers() > 1 && burst.hops < GATHERED && gatherer() != worker) {
            steering.give(burst, mbuf, gatherer(), GATHERED);
            return;
        }
        final int frameLength = fragment.length + Ethernet.HEADER_LENGTH;
        if (frameLength < Mbuf.packetLength(mbuf) && Mbuf.isWhole(mbuf)) {
            Mbuf.setLength(mbuf, frameLength);
        }
        final int datagram = table.find(fragment);
        if (datagram != NONE && table.state[datagram] == FragmentTable.BROKEN) {
            burst.drop(mbuf, DropReason.FRAGMENT_OVERLAP);
        } else if (datagram != NONE && table.state[datagram] == FragmentTable.KNOWN) {
            follow(burst, mbuf, datagram, nowMs);
        } else if (fragment.from == 0) {
            lead(burst, mbuf, datagram, nowMs);
        } else if (datagram == NONE && refused.contains(table.hash(fragment), nowMs)) {
            burst.drop(mbuf, DropReason.FRAGMENT);
        } else {
            hold(burst, mbuf, datagram, nowMs);
        }
    }

    private int gatherer() {
        final long source = FlowHash.of(fragment.sourceHigh, fragment.sourceLow, SEED, ~SEED);
        final long destination = FlowHash.of(fragment.destinationHigh, fragment.destinationLow, SEED, ~SEED);
        final long hash = FlowHash.of(source, destination ^ fragment.id, SEED, ~SEED);
        return (int) Long.remainderUnsigned(hash, handoff.workers());
    }

    /** The first fragment: its flow is found or opened, and what waited for it goes on behind it. */
    private void lead(final Burst burst, final long mbuf, final int waitingDatagram, final long nowMs) {
        int owner = ownerOfFirst(burst);
        long flow = owner == worker ? flowOf(burst, mbuf) : Burst.NO_FLOW;
        if (owner == worker && flow == Burst.NO_FLOW) {
            // Nobody has it. Who may open it takes its client's lock and looks again: another worker may just have.
            final int verdict = fragment.judge();
            final int opening = verdict < 0 ? Steering.NO_OPENING
                    : steering.beginOpening(fragment.sourceHigh, fragment.sourceLow, fragment.ports());
            try {
                owner = verdict < 0 ? worker : ownerOfFirst(burst);
                flow = owner == worker ? settled(burst, verdict) : Burst.NO_FLOW;
            } finally {
                steering.endOpening(opening);
            }
        }
        if (flow == Burst.GONE) {
            // Dropped by name, and so are the others of the datagram, before it and behind it.
            refused.add(table.hash(fragment), nowMs);
            if (waitingDatagram != NONE) {
                close(burst, waitingDatagram, DropReason.FRAGMENT);
            }
            return;
        }
        if (owner == worker) {
            rewriter.use(flow);
            if (rewriter.mtu() == 0) {
                // It will walk again from the start, as whoever it came from sent it.
                fragment.restore(mbuf);
                rewriter.hold(waiting, burst, mbuf, nowMs);
                return;
            }
        }
        final int datagram = waitingDatagram != NONE ? waitingDatagram : table.open(fragment, nowMs);
        if (datagram == NONE) {
            burst.drop(mbuf, DropReason.FRAGMENT);
        } else if (isAccepted(burst, mbuf, datagram)) {
            know(datagram, owner);
            sendOn(burst, mbuf, datagram, nowMs);
            releaseHeld(burst, datagram, nowMs);
            closeWhenComplete(burst, datagram);
        }
    }

    /** The first fragment has come and its bytes are noted: from here on the others follow it. */
    private void know(final int datagram, final int owner) {
        table.state[datagram] = FragmentTable.KNOWN;
        table.owner[datagram] = owner;
        if (owner == worker) {
            table.flowLo[datagram] = rewriter.keyLo();
            table.flowHi[datagram] = rewriter.keyHi();
            table.newId[datagram] = fragment.nextId();
            // An address that loses its session meanwhile keeps its number: nobody else becomes this flow's key.
            book.reference((int) rewriter.keyLo());
            book.reference((int) (rewriter.keyLo() >>> Integer.SIZE));
        }
    }

    private int ownerOfFirst(final Burst burst) {
        return handoff.workers() == 1 || burst.hops >= DELIVERED ? worker : fragment.ownerOfFirst();
    }

    /** Makes the first fragment the burst's only packet. @return its flow, or NO_FLOW when this worker has none */
    private long flowOf(final Burst burst, final long mbuf) {
        burst.count = 1;
        fragment.put(burst, mbuf);
        final int slot = flows.find(burst.keyLo(0), burst.keyHi(0), burst.hash(0));
        burst.flow(0, Burst.NO_FLOW);
        return slot == FlowTable.NOT_FOUND ? Burst.NO_FLOW : flows.entryAddress(slot);
    }

    /** Opens the session of the burst's only packet. @return its flow, or GONE when it has been dropped */
    private long settled(final Burst burst, final int verdict) {
        // Whose session it is has been found out: it is not handed on from here.
        final int hops = burst.hops;
        burst.hops = Burst.SETTLED;
        fragment.settle(verdict);
        burst.hops = hops;
        return burst.flow(0);
    }

    /** A fragment of a datagram whose flow is known. */
    private void follow(final Burst burst, final long mbuf, final int datagram, final long nowMs) {
        if (table.owner[datagram] != worker) {
            if (isAccepted(burst, mbuf, datagram)) {
                sendOn(burst, mbuf, datagram, nowMs);
                closeWhenComplete(burst, datagram);
            }
            return;
        }
        final long keyLo = table.flowLo[datagram];
        final long keyHi = table.flowHi[datagram];
        final int slot = flows.find(keyLo, keyHi, flows.hash(keyLo, keyHi));
        if (slot == FlowTable.NOT_FOUND) {
            close(burst, datagram, DropReason.FRAGMENT);
            burst.drop(mbuf, DropReason.FRAGMENT);
            return;
        }
        rewriter.use(flows.entryAddress(slot));
        if (rewriter.mtu() == 0) {
            rewriter.hold(waiting, burst, mbuf, nowMs);
        } else if (isAccepted(burst, mbuf, datagram)) {
            sendOn(burst, mbuf, datagram, nowMs);
            closeWhenComplete(burst, datagram);
        }
    }

    /** A fragment whose first has not come. */
    private void hold(final Burst burst, final long mbuf, final int known, final long nowMs) {
        final int sender = table.sender(fragment);
        if (heldCount == CAPACITY || heldOfSender[sender] == PER_SENDER) {
            burst.drop(mbuf, DropReason.FRAGMENT);
            return;
        }
        final int datagram = known != NONE ? known : table.open(fragment, nowMs);
        if (datagram == NONE) {
            burst.drop(mbuf, DropReason.FRAGMENT);
        } else if (isAccepted(burst, mbuf, datagram)) {
            final int place = freeHeld;
            freeHeld = heldNext[place];
            held[place] = mbuf;
            heldIngress[place] = (byte) burst.ingress;
            heldNext[place] = NONE;
            if (table.firstHeld[datagram] == NONE) {
                table.firstHeld[datagram] = place;
            } else {
                heldNext[table.lastHeld[datagram]] = place;
            }
            table.lastHeld[datagram] = place;
            heldOfSender[sender]++;
            counters.set(gauge, ++heldCount);
        }
    }

    /**
     * Drops a fragment whose bytes came already. The whole datagram ends when only some of them came, or when it lies
     * in more pieces than the table remembers: nobody could tell any more what came and what did not.
     */
    private boolean isAccepted(final Burst burst, final long mbuf, final int datagram) {
        final int cover = table.cover(datagram, fragment.from, fragment.to, fragment.isLast);
        if (cover == FragmentTable.FRESH) {
            return true;
        }
        final DropReason reason =
                cover == FragmentTable.TOO_SCATTERED ? DropReason.FRAGMENT : DropReason.FRAGMENT_OVERLAP;
        burst.drop(mbuf, reason);
        if (cover != FragmentTable.DUPLICATE) {
            breakOff(burst, datagram, reason);
        }
        return false;
    }

    /** No more of this datagram goes on. */
    private void breakOff(final Burst burst, final int datagram, final DropReason reason) {
        if (table.state[datagram] == FragmentTable.KNOWN || fragment.from == 0) {
            dropHeld(burst, datagram, reason);
            table.state[datagram] = FragmentTable.BROKEN;
        } else {
            // Not worth a place: without their first its other fragments go nowhere.
            close(burst, datagram, reason);
        }
    }

    /** Rewrites the fragment by the flow in use, and sends it; or gives it to its owner. */
    private void sendOn(final Burst burst, final long mbuf, final int datagram, final long nowMs) {
        if (table.owner[datagram] != worker) {
            steering.give(burst, mbuf, table.owner[datagram], DELIVERED);
            return;
        }
        if (fragment.isTimeUp()) {
            if (fragment.from == 0) {
                fragment.restore(mbuf);
                fragment.tellTime(burst, mbuf);
            }
            burst.drop(mbuf, DropReason.TTL_EXCEEDED);
            return;
        }
        final boolean isTooLong = fragment.length > rewriter.mtu();
        if (isTooLong && !fragment.mayCut()) {
            if (fragment.from == 0) {
                fragment.restore(mbuf);
                fragment.tellMtu(burst, mbuf, rewriter.mtu());
            }
            burst.drop(mbuf, DropReason.MTU_EXCEEDED);
            return;
        }
        fragment.rewrite(mbuf, table.newId[datagram]);
        if (!isTooLong) {
            egress.append(rewriter.link(), burst.ingress, mbuf, fragment.length + Ethernet.HEADER_LENGTH);
        } else if (!fragment.cut(burst, mbuf)) {
            return;
        }
        rewriter.count(fragment.length, nowMs);
    }

    /** Forgets a datagram. What still waits for its first is dropped: no packet is held by an entry that is none. */
    private void close(final Burst burst, final int datagram, final DropReason reason) {
        dropHeld(burst, datagram, reason);
        book.release((int) table.flowLo[datagram]);
        book.release((int) (table.flowLo[datagram] >>> Integer.SIZE));
        table.close(datagram);
    }

    private void closeWhenComplete(final Burst burst, final int datagram) {
        if (table.isComplete(datagram)) {
            close(burst, datagram, DropReason.FRAGMENT);
        }
    }

    private void releaseHeld(final Burst burst, final int datagram, final long nowMs) {
        final int ingress = burst.ingress;
        for (int place = takeHeld(datagram); place != NONE; place = takeHeld(datagram)) {
            burst.from(heldIngress[place]);
            fragment.read(held[place]);
            sendOn(burst, held[place], datagram, nowMs);
        }
        burst.from(ingress);
    }

    private void dropHeld(final Burst burst, final int datagram, final DropReason reason) {
        final int ingress = burst.ingress;
        for (int place = takeHeld(datagram); place != NONE; place = takeHeld(datagram)) {
            burst.from(heldIngress[place]);
            burst.drop(held[place], reason);
        }
        burst.from(ingress);
    }

    /** @return the place of the datagram's first waiting fragment, which is free again; NONE when none waits */
    private int takeHeld(final int datagram) {
        final int place = table.firstHeld[datagram];
        if (place != NONE) {
            table.firstHeld[datagram] = heldNext[place];
            heldNext[place] = freeHeld;
            freeHeld = place;
            heldOfSender[table.senderOf(datagram)]--;
            counters.set(gauge, --heldCount);
        }
        return place;
    }

    /** Ten times a second: datagrams that have been incomplete for too long. */
    void expire(final Burst burst, final long nowMs) {
        if (nowMs - sweptMs >= SWEEP_MS) {
            sweptMs = nowMs;
            end(burst, nowMs, PATIENCE_MS, DropReason.FRAGMENT);
        }
    }

    /** The relay stops: what still waits is dropped by name. */
    void abandon(final Burst burst) {
        end(burst, Long.MAX_VALUE, PATIENCE_MS, DropReason.DRAINING);
    }

    private void end(final Burst burst, final long nowMs, final int patienceMs, final DropReason reason) {
        if (table.count() == 0) {
            return;
        }
        for (int datagram = 0; datagram < FragmentTable.CAPACITY; datagram++) {
            if (table.state[datagram] != FragmentTable.FREE && nowMs - table.sinceMs[datagram] > patienceMs) {
                close(burst, datagram, reason);
            }
        }
        burst.end();
    }
}
