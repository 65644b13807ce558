// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.nat.Admission;
import io.culvert.dataplane.nat.EchoSessions;
import io.culvert.dataplane.nat.RuleTable;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Wire;

/** The way of a packet from the worker whose queue it came in on to the one that may know its session. */
final class Steering {
    static final int NO_OPENING = -1;

    private final int worker;
    private final Handoff handoff;
    private final Admission admission;
    private final WorkerCounters counters;
    private final int handedOff;
    /** Whether any client endpoint has a home. */
    private final boolean sharesEndpoints;

    Steering(final int worker, final Handoff handoff, final RuleTable rules, final Admission admission,
             final WorkerCounters counters) {
        this.worker = worker;
        this.handoff = handoff;
        this.admission = admission;
        this.counters = counters;
        this.sharesEndpoints = rules.sharesEndpoints();
        this.handedOff = counters.catalog().of(WorkerCounter.HANDED_OFF);
    }

    /**
     * Hands a packet of the burst to who owns the flow of this key; counted as dropped when there is no room there. A
     * flow that may be anybody's is looked for in all tables first: so what is nobody's goes to nobody.
     *
     * @return false when nobody else owns it: the packet is still the caller's
     */
    boolean handOff(final Burst burst, final long mbuf, final long keyLo, final int ports) {
        if (!mayHandOff(burst)) {
            return false;
        }
        final int owner = admission.ownerOf(keyLo, ports);
        return handOffTo(burst, mbuf, owner != Admission.ANY_WORKER ? owner
                : handoff.holderOf(worker, keyLo, FlowEntry.keyHi(ports, Ipv4.UDP)));
    }

    /**
     * {@link #handOff} of IPv6, whose addresses need not have numbers here.
     *
     * @param sourceAt and {@code destinationAt}: where the addresses of the key lie
     */
    boolean handOffIpv6(final Burst burst, final long mbuf, final long keyLo, final int ports, final long sourceAt,
                        final long destinationAt) {
        if (!mayHandOff(burst)) {
            return false;
        }
        final int owner = admission.ownerOf(keyLo, ports);
        return handOffTo(burst, mbuf, owner != Admission.ANY_WORKER ? owner : handoff.holderOfIpv6(worker, sourceAt,
                destinationAt, FlowEntry.keyHi(ports, Ipv6.UDP | FlowEntry.IPV6_PROTOCOL)));
    }

    /** Who was handed a packet knows its flow, or nobody does. */
    private boolean mayHandOff(final Burst burst) {
        return handoff.workers() > 1 && burst.hops == 0;
    }

    /**
     * Hands an ICMP error to who has the flow that leads back to the sender of what it quotes, and to nobody else: who
     * makes errors up is to find no room in the rings that answers need.
     *
     * @return false when nobody has it
     */
    boolean handErrorOff(final Burst burst, final long mbuf, final long keyLo, final int ports) {
        if (!mayHandOff(burst)) {
            return false;
        }
        final long keyHi = FlowEntry.keyHi(ports, Ipv4.UDP);
        final int owner = admission.ownerOf(keyLo, ports);
        return handOffTo(burst, mbuf, owner == Admission.ANY_WORKER ? handoff.holderOf(worker, keyLo, keyHi)
                : owner >= 0 && handoff.has(owner, keyLo, keyHi) ? owner : Handoff.NOBODY);
    }

    /** {@link #handErrorOff} of IPv6. @param sourceAt and {@code destinationAt}: where the addresses of the key lie */
    boolean handErrorOffIpv6(final Burst burst, final long mbuf, final long keyLo, final int ports,
                             final long sourceAt, final long destinationAt) {
        if (!mayHandOff(burst)) {
            return false;
        }
        final long keyHi = FlowEntry.keyHi(ports, Ipv6.UDP | FlowEntry.IPV6_PROTOCOL);
        final int owner = admission.ownerOf(keyLo, ports);
        return handOffTo(burst, mbuf, owner == Admission.ANY_WORKER
                ? handoff.holderOfIpv6(worker, sourceAt, destinationAt, keyHi)
                : owner >= 0 && handoff.hasIpv6(owner, sourceAt, destinationAt, keyHi) ? owner : Handoff.NOBODY);
    }

    /**
     * Hands an answer to an echo request over, or an error about one, to who awaits it.
     *
     * @param target that was asked, and {@code external} and {@code identifier} of ours
     */
    boolean handOffEcho(final Burst burst, final long mbuf, final int target, final int external,
                        final int identifier) {
        final int owner = EchoSessions.owner(identifier, handoff.workers());
        return owner < handoff.workers() && mayHandOff(burst)
                && handoff.echoes(owner).isAwaited(target, external, identifier) && handOffTo(burst, mbuf, owner);
    }

    private boolean handOffTo(final Burst burst, final long mbuf, final int owner) {
        if (owner < 0 || owner == worker) {
            return false;
        }
        give(burst, mbuf, owner, 1);
        return true;
    }

    /**
     * Hands a client's packet to the worker where the sessions of its endpoint share an external endpoint.
     *
     * @param high and {@code low} halves of its source
     * @return false when it is at home: the packet is still the caller's
     */
    boolean handHome(final Burst burst, final int i, final long high, final long low) {
        if (!mayHandOff(burst)) {
            return false;
        }
        final int home = homeOf(high, low, burst.keyLo(i), (int) burst.keyHi(i));
        if (home == Admission.NO_WORKER || home == worker) {
            return false;
        }
        give(burst, burst.mbuf(i), home, 1);
        return true;
    }

    private int homeOf(final long high, final long low, final long keyLo, final int ports) {
        final int destination = (int) (keyLo >>> Integer.SIZE);
        return sharesEndpoints && admission.sharesEndpoint(high, low, destination, ports)
                ? handoff.homeOf(high, low, Wire.host16(ports)) : Admission.NO_WORKER;
    }

    /** Hands a packet of the burst over; counted as dropped when there is no room. */
    void give(final Burst burst, final long mbuf, final int to, final int hops) {
        if (handoff.give(worker, to, mbuf, burst.ingress, hops)) {
            counters.increment(handedOff);
        } else {
            burst.drop(mbuf, DropReason.HANDOFF_FULL);
        }
    }

    /**
     * Who is to look after the flow of a first fragment that this worker does not know: who owns the key by rule, else
     * who has it, else this one.
     */
    int ownerOfFirst(final long keyLo, final long keyHi) {
        final int owner = ownerByRule(0, Ipv6Address.mapped((int) keyLo), keyLo, (int) keyHi);
        final int holder = owner == Admission.ANY_WORKER ? handoff.holderOf(worker, keyLo, keyHi) : owner;
        return holder < 0 ? worker : holder;
    }

    /** {@link #ownerOfFirst(long, long)} of IPv6. @param keyLo in this worker's numbers */
    int ownerOfFirst(final long keyLo, final long keyHi, final long frame) {
        final int owner = ownerByRule(NativeMemory.getLong(frame + Ipv6.SOURCE),
                NativeMemory.getLong(frame + Ipv6.SOURCE + Long.BYTES), keyLo, (int) keyHi);
        final int holder = owner == Admission.ANY_WORKER ? holderOfIpv6(frame, keyHi) : owner;
        return holder < 0 ? worker : holder;
    }

    private int ownerByRule(final long high, final long low, final long keyLo, final int ports) {
        final int home = homeOf(high, low, keyLo, ports);
        return home != Admission.NO_WORKER ? home : admission.ownerOf(keyLo, ports);
    }

    private int holderOfIpv6(final long frame, final long keyHi) {
        return handoff.holderOfIpv6(worker, frame + Ipv6.SOURCE, frame + Ipv6.DESTINATION, keyHi);
    }

    /** Hands a client's packet to the worker that has its stray session. @return false when there is none */
    boolean handToStray(final Burst burst, final int i) {
        final int ports = (int) burst.keyHi(i);
        return mayBeStray(burst, 0, Ipv6Address.mapped((int) burst.keyLo(i)), ports) && handToHolder(burst, i);
    }

    /**
     * {@link #handToStray} of IPv6, whose source need not have a number here.
     *
     * @param strayed whether the packet itself may have come to another worker than the others of its flow
     */
    boolean handToStrayOfIpv6(final Burst burst, final int i, final long high, final long low, final boolean strayed) {
        return (strayed && mayHandOff(burst) || mayBeStray(burst, high, low, (int) burst.keyHi(i)))
                && handTo(burst, i, holderOfIpv6(burst.frame(i), burst.keyHi(i)));
    }

    /**
     * Whether a packet that may open nothing for this reason may be of a session for all that, which came in at another
     * worker: the NIC of another port spreads otherwise, and what has a tuple may be the session itself.
     */
    static boolean isOfASessionPerhaps(final int reason) {
        return reason == DropReason.REVERSE_PATH.ordinal() || reason == DropReason.TUPLE_IN_USE.ordinal();
    }

    /** Whether a packet that may open nothing for this reason is of no client's session: no rule admits its sender. */
    static boolean isOfNoClient(final DropReason reason) {
        return switch (reason) {
            case MARTIAN, UDP_PORT_ZERO, NO_RULE, NO_SESSION, ACL -> true;
            default -> false;
        };
    }

    /** Waits for whoever opens a session of this client endpoint at this moment: then it can be found. */
    void awaitOpening(final Burst burst, final long high, final long low, final int ports) {
        if (mayHandOff(burst)) {
            handoff.openings().await(high, low, ports);
        }
    }

    /** Hands a packet to whichever other worker has its session. @return false when none has */
    boolean handToHolder(final Burst burst, final int i) {
        return mayHandOff(burst) && handTo(burst, i, handoff.holderOf(worker, burst.keyLo(i), burst.keyHi(i)));
    }

    /** {@link #handToHolder} of IPv6. */
    boolean handToHolderOfIpv6(final Burst burst, final int i) {
        return mayHandOff(burst) && handTo(burst, i, holderOfIpv6(burst.frame(i), burst.keyHi(i)));
    }

    private boolean mayBeStray(final Burst burst, final long high, final long low, final int ports) {
        return mayHandOff(burst) && handoff.strays().mayHold(high, low, ports);
    }

    private boolean handTo(final Burst burst, final int i, final int holder) {
        if (holder == Handoff.NOBODY) {
            return false;
        }
        give(burst, burst.mbuf(i), holder, 1);
        return true;
    }

    /**
     * Has this worker alone look for the session of a client endpoint in the other tables, and open it.
     *
     * @return for {@link #endOpening}
     */
    int beginOpening(final long high, final long low, final int ports) {
        return handoff.workers() == 1 ? NO_OPENING : handoff.openings().begin(high, low, ports);
    }

    void endOpening(final int opening) {
        if (opening != NO_OPENING) {
            handoff.openings().end(opening);
        }
    }

    /**
     * A packet of this burst opened a session, here.
     *
     * @param strayed whether others of its flow may come to another worker than it did
     */
    void opened(final Burst burst, final int forward, final boolean strayed) {
        if (handoff.workers() > 1) {
            admission.opened(forward, burst.ingress, burst.hops > 0 || strayed);
        }
    }
}
