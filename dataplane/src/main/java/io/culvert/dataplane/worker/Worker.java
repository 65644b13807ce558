// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ethdev.RxQueue;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.AddressSet;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Admission;
import io.culvert.dataplane.nat.EchoRules;
import io.culvert.dataplane.nat.EchoSessions;
import io.culvert.dataplane.nat.Adoption;
import io.culvert.dataplane.nat.Leases;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.nat.RuleTable;
import io.culvert.dataplane.nat.Sessions;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;

/**
 * The packet's walk. One core, one receive and one transmit queue of every port, one flow table of its own: on the walk
 * nothing is shared, so nothing locks. No call allocates and none throws.
 */
public final class Worker {
    private static final int MS_PER_SECOND = 1_000;
    /** Sessions that one cycle may look at for expiry: 2,048 x 128 bytes are some 20 us, a tenth of a full ring. */
    private static final int EXPIRE_LIMIT = 2_048;
    private static final int MAINTAIN_MS = 100;

    final RxQueue[] queues;
    final Burst burst;
    private final VlanTags vlans;
    final Parser parser;
    final Lookup lookup;
    private final Admission admission;
    private final Steering steering;
    final Rewriter rewriter;
    final DatagramIds ids;
    final Egress egress;
    private final Waiting waiting;
    private final Fragmenter fragmenter;
    private final Fragments fragments;
    private final Host host;
    private final Ipv6Host ipv6Host;
    private final Ipv6Walk ipv6;
    private final Icmpv6Relay icmpv6;
    private final Icmpv6Errors errors6;
    private final IcmpRelay icmp;
    private final IcmpErrors errors;
    private final EchoSessions echoes;
    private final FlowTable flows;
    private final Sessions sessions;
    private final Neighbors neighbors;
    private final WorkerCounters counters;
    private final CounterCatalog catalog;
    final Clock clock;
    final long cyclesPerMs;
    private final int number;
    private final Handoff handoff;
    private final RelayPlan plan;
    private final SnatPools pools;
    private final AddressBook book;
    private final Limits limits;
    private final Leases leases;

    long nowMs;
    private long maintainedMs;

    /**
     * @param number of this worker; number 0 also looks after the next hops of all
     * @param rx and {@code tx}: this worker's queue on each link, in the order of the plan
     * @param pools shared by all workers
     * @param arena of the worker's own buffers
     */
    public Worker(final RelayPlan plan, final int number, final RxQueue[] rx, final TxQueue[] tx,
                  final FlowTable flows, final SnatPools pools, final Neighbors neighbors, final Handoff handoff,
                  final Mempool pool, final WorkerCounters counters, final Clock clock, final Arena arena) {
        this.plan = plan;
        this.pools = pools;
        final RuleTable rules = plan.ruleTable();
        final AddressSet own = plan.ownAddresses();
        final Martians martians = new Martians(own, plan.links());
        this.queues = rx;
        this.flows = flows;
        this.neighbors = neighbors;
        this.counters = counters;
        this.catalog = counters.catalog();
        this.clock = clock;
        this.cyclesPerMs = clock.hz() / MS_PER_SECOND;
        this.number = number;
        this.handoff = handoff;
        burst = new Burst(counters, arena);
        vlans = new VlanTags(plan.links());
        egress = new Egress(tx, vlans, counters, arena);
        ipv6Host = new Ipv6Host(plan.links(), own, martians, neighbors, egress, pool, counters, arena);
        host = new Host(plan.links(), own, martians, neighbors, egress, pool, counters, ipv6Host, arena);
        book = flows.addressBook(plan.addresses());
        final ClientHops hops = new ClientHops(neighbors, book);
        waiting = new Waiting(neighbors, hops, counters);
        limits = new Limits(plan.limits(), plan.rules(), plan.workers(), flows, book, arena);
        leases = new Leases(number, flows, book, rules, pools, arena);
        sessions = new Sessions(number, flows, book, rules, pools, leases, neighbors, limits, handoff.strays(),
                (keyLo, keyHi) -> handoff.isHeldElsewhere(number, keyLo, keyHi), counters);
        admission = new Admission(book, rules, pools, martians, plan.routes(), neighbors, limits, sessions);
        steering = new Steering(number, handoff, rules, admission, counters);
        errors = new IcmpErrors(plan.icmp(), plan.workers(), plan.links(), martians, pool, egress, counters, arena);
        echoes = new EchoSessions(new EchoRules(plan.icmp().echoRules().stream().map(rules::rule).toList()),
                plan.pools(), plan.routes(), neighbors, plan.icmp().echoTimeoutMs(), plan.limits().prefix(), number,
                plan.workers());
        ids = new DatagramIds(plan.workers(), number, Short.SIZE);
        icmp = new IcmpRelay(flows, echoes, steering, neighbors, hops, egress, waiting, errors, ids, counters,
                arena);
        final SingleRewriter single = new SingleRewriter(neighbors, hops, counters, arena);
        fragmenter = new Fragmenter(single, waiting, egress, pool, ids, errors, counters, arena);
        handoff.join(number, flows, book, echoes);
        errors6 = new Icmpv6Errors(plan.icmp(), errors.budget(), plan.links(), pool, egress, counters, arena);
        fragments = new Fragments(number, handoff, steering, flows, book,
                new Ipv4FragmentHeader(number, flows, steering, () -> judge(0), this::settle, single, fragmenter, ids,
                        errors, arena),
                new Ipv6FragmentHeader(number, flows, book, steering, this::judgeIpv6, this::settleIpv6, single,
                        new DatagramIds(plan.workers(), number, Integer.SIZE), errors6),
                single, egress, waiting, counters);
        icmpv6 = new Icmpv6Relay(flows, book, martians, steering, neighbors, hops, egress, waiting, counters,
                arena);
        ipv6 = new Ipv6Walk(plan.links().stream().mapToLong(Link::mac).toArray(), flows, book, neighbors, hops,
                ipv6Host, new Ipv6Extensions(ipv6Host, icmpv6, fragments, arena), admission, steering, errors6, egress,
                waiting, counters, arena);
        parser = new Parser(plan.links(), flows, own, martians, host, icmp, fragments, ipv6, arena);
        lookup = new Lookup(flows);
        rewriter = new Rewriter(neighbors, waiting, fragmenter, errors);
    }

    /** Goes on with the sessions that a predecessor left in the table; before the first {@link #doWork}. */
    public Adoption.Outcome adopt(final Adoption.Numbers before) {
        final Adoption.Outcome outcome = new Adoption(flows, book, plan.rules(), pools, leases,
                plan.ownAddresses(), plan.routes(), neighbors, limits, sessions, before, clock.nowMs()).run();
        counters.set(catalog.of(WorkerCounter.SESSIONS), flows.sessions());
        return outcome;
    }

    /** @return packets received; 0 tells the idle strategy that the queues were silent */
    public int doWork() {
        tick(clock.cycles() / cyclesPerMs);
        int work = 0;
        for (int link = 0; link < queues.length; link++) {
            final int received = queues[link].receive(burst.received, Burst.CAPACITY);
            if (received > 0) {
                burst.begin(link, received);
                final long tags = vlans.isTagged(link) ? vlans.takeOff(burst) : 0;
                final long bytes = tags + walk();
                counters.add(catalog.received(link), received);
                counters.add(catalog.received(link) + 1, bytes);
                counters.add(catalog.of(WorkerCounter.PACKETS), received);
                counters.increment(catalog.of(WorkerCounter.BURSTS));
                work += received;
            }
        }
        for (int from = 0; from < handoff.workers(); from++) {
            work += takeOver(from);
        }
        if (waiting.isDue(nowMs)) {
            resume();
        }
        return work;
    }

    /** The walk of one burst, already begun: all came in on one link. @return its bytes */
    private long walk() {
        final long bytes = parser.parse(burst);       // bytes   -> keys, an answer, or a drop reason
        if (lookup.find(burst) > 0) {                 // keys    -> flow slots
            admit();                                  // misses  -> sessions, or a drop reason
        }
        rewriter.rewrite(burst, nowMs);               // addresses, ports, checksums, in place
        if (burst.mayBeCut) {
            ids.stamp(burst);                         // datagrams that a router may cut get an id of ours
        }
        egress.collect(burst);                        // packets by link, rule counters
        walkSlowly();                                 // fragments, and what has to be cut into some
        errors.flush(burst);                          // what senders of dropped packets are told
        if (ipv6.hasPackets()) {
            walkIpv6();                               // the same for those that were set aside
        }
        egress.transmit(burst.ingress);               // one downcall per link; what is not sent is freed and counted
        burst.end();                                  // what was dropped goes back to the mempool
        return bytes;
    }

    /** What the stages have put aside, one packet after the other. */
    void walkSlowly() {
        if (fragmenter.hasWork()) {
            fragmenter.walk(burst, nowMs);
        }
        if (fragments.hasWork()) {
            fragments.walk(burst, nowMs);
        }
    }

    private void walkIpv6() {
        ipv6.parse(burst.ingress, burst.hops);
        if (lookup.find(ipv6.burst) > 0) {
            ipv6.admit(nowMs);
        }
        ipv6.rewrite(nowMs);
        if (fragments.hasWork()) {
            fragments.walkIpv6(ipv6.burst, nowMs);
        }
        ipv6.burst.end();
    }

    private int judgeIpv6(final int udpAt) {
        return ipv6.judgeAlone(udpAt, nowMs);
    }

    private void settleIpv6(final int verdict) {
        ipv6.settleAlone(verdict, nowMs);
    }

    void admit() {
        for (int i = 0; i < burst.count; i++) {
            if (burst.flow(i) == Burst.NO_FLOW) {
                admit(i);
            }
        }
    }

    private void admit(final int i) {
        // An earlier packet of this burst may have opened the session.
        final int known = flows.find(burst.keyLo(i), burst.keyHi(i), burst.hash(i));
        if (known != FlowTable.NOT_FOUND) {
            burst.flow(i, flows.entryAddress(known));
            return;
        }
        final int verdict = judge(i);
        if (verdict < 0) {
            refuse(i, ~verdict);
            return;
        }
        final int opening =
                steering.beginOpening(0, Ipv6Address.mapped((int) burst.keyLo(i)), (int) burst.keyHi(i));
        try {
            open(i, verdict);
        } finally {
            steering.endOpening(opening); // whatever is thrown, others must not wait for it for ever
        }
    }

    /** Ends what {@link #judge} began for the burst's only packet, whose client's lock the caller holds. */
    private void settle(final int verdict) {
        if (verdict < 0) {
            refuse(0, ~verdict);
        } else {
            open(0, verdict);
        }
    }

    /** @return the index of its rule, or the complement (~) of a drop reason's ordinal */
    private int judge(final int i) {
        final int source = (int) burst.keyLo(i);
        final int ttl = NativeMemory.getShort(burst.frame(i) + Ipv4.TTL) & 0xFF;
        return admission.isMartian(source) ? ~DropReason.MARTIAN.ordinal()
                : admission.judge(0, Ipv6Address.mapped(source), (int) (burst.keyLo(i) >>> Integer.SIZE),
                        (int) burst.keyHi(i), ttl, burst.ingress, nowMs);
    }

    private void open(final int i, final int rule) {
        if (isHandedOn(i)) {
            return;
        }
        final int slot = admission.open(rule, burst.keyLo(i), (int) burst.keyHi(i), nowMs);
        if (slot >= 0) {
            steering.opened(burst, slot, false);
            burst.flow(i, flows.entryAddress(slot));
        } else {
            end(i, ~slot);
        }
    }

    /** A packet that may open nothing here may be of a session all the same. */
    private void refuse(final int i, final int reason) {
        if (Steering.isOfNoClient(DropReason.of(reason))) {
            if (!filterIn(i, reason)) {
                end(i, reason);
            }
            return;
        }
        steering.awaitOpening(burst, 0, Ipv6Address.mapped((int) burst.keyLo(i)), (int) burst.keyHi(i));
        if (!isHandedOn(i)) {
            end(i, reason);
        }
    }

    /** Hands a packet on whose session lives at another worker, or is to. */
    private boolean isHandedOn(final int i) {
        final boolean isGiven = steering.handToStray(burst, i)
                || steering.handHome(burst, i, 0, Ipv6Address.mapped((int) burst.keyLo(i)));
        if (isGiven) {
            burst.leave(i);
        }
        return isGiven;
    }

    private void end(final int i, final int reason) {
        if (!handOff(i, reason)) {
            errors.tell(burst, i, DropReason.of(reason));
            burst.drop(i, DropReason.of(reason));
        }
    }

    /** Lets a packet of a stranger join a session whose rule's filtering allows it. @return false when none does */
    private boolean filterIn(final int i, final int reason) {
        final int reply = reason == DropReason.NO_SESSION.ordinal()
                ? admission.filterIn(burst.keyLo(i), (int) burst.keyHi(i)) : FlowTable.NOT_FOUND;
        if (reply != FlowTable.NOT_FOUND) {
            SourceReplacer.replace(burst.frame(i), (int) flows.keyLo(reply), (short) flows.keyHi(reply));
            burst.flow(i, flows.entryAddress(reply));
        }
        return reply != FlowTable.NOT_FOUND;
    }

    /** Gives a packet to the worker that may know its session. @return false when there is none */
    private boolean handOff(final int i, final int reason) {
        final boolean mayBeKnown =
                reason == DropReason.NO_SESSION.ordinal() || reason == DropReason.NO_RULE.ordinal();
        final boolean isGiven = Steering.isOfASessionPerhaps(reason) ? steering.handToHolder(burst, i)
                : mayBeKnown && steering.handOff(burst, burst.mbuf(i), burst.keyLo(i), (int) burst.keyHi(i));
        if (isGiven) {
            burst.leave(i);
        }
        return isGiven;
    }

    /** Walks what another worker handed to this one. @return how many */
    private int takeOver(final int from) {
        final int taken = handoff.take(from, number, burst.received, Burst.CAPACITY);
        final int packets = Handoff.count(taken);
        if (packets > 0) {
            burst.begin(Handoff.link(taken), packets, Handoff.hops(taken));
            walk();
            counters.add(catalog.of(WorkerCounter.TAKEN_OVER), packets);
        }
        return packets;
    }

    /** What waited for a next hop walks again from the start. */
    private void resume() {
        final int generation = neighbors.generation();
        for (int link = 0; link < queues.length; link++) {
            int released = waiting.release(burst, link, nowMs);
            while (released > 0) {
                burst.begin(link, released, Burst.SETTLED);
                walk();
                released = waiting.release(burst, link, nowMs);
            }
        }
        waiting.seen(generation);
    }

    /** Once a millisecond: the clock that flows see, a slice of expiry, the next hops. */
    void tick(final long now) {
        if (now != nowMs) {
            final long elapsed = Math.max(now - nowMs, 1);
            nowMs = now;
            host.nowMs(now);
            ipv6Host.nowMs(now);
            icmpv6.nowMs(now);
            errors6.nowMs(now);
            icmp.nowMs(now);
            errors.nowMs(now);
            flows.nowMs(now);
            // A slice that visits every session once a second, whatever the table's size.
            final long slice = flows.highWater() * elapsed / MS_PER_SECOND + 1;
            sessions.expire((int) Math.min(slice, EXPIRE_LIMIT), now);
            fragments.expire(burst, now);
            if (!echoes.isEmpty()) {
                echoes.expire(elapsed, now);
                counters.set(catalog.of(WorkerCounter.ICMP_ECHO_SESSIONS), echoes.count());
            }
        }
        if (number == 0 && (neighbors.isWanted() || now - maintainedMs >= MAINTAIN_MS)) {
            maintainedMs = now;
            neighbors.maintain(host, now);
            egress.transmit(0);
        }
    }

    public WorkerCounters counters() {
        return counters;
    }

    /** Ends the work: nothing is held any more. Called when no worker runs any longer, by whoever ran them. */
    public void stop() {
        for (int from = 0; from < handoff.workers(); from++) {
            while (takeOver(from) > 0) {
                // What was handed to this worker still walks.
            }
        }
        fragments.abandon(burst);
        waiting.abandon(burst);
    }
}
