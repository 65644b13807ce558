// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Martians;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ipv6Address;
import io.culvert.dataplane.wire.Wire;

/**
 * Decides about a packet that belongs to no session: may it open one, and if not, why. State is created only after a
 * rule matched. The checks go from the cheapest to the one that takes something.
 */
public final class Admission {
    public static final int NO_WORKER = ExternalPorts.NO_OWNER;
    public static final int ANY_WORKER = -2;

    private final AddressBook book;
    private final RuleTable rules;
    private final SnatPools pools;
    private final Martians martians;
    private final Routes routes;
    private final Neighbors neighbors;
    private final Limits limits;
    private final Sessions sessions;
    private final Roaming roaming;

    // Of the packet that was judged last: the next hops of its session, and the link that leads to its sender.
    private int targetHop;
    private int clientHop;
    private int clientLink;

    public Admission(final AddressBook book, final RuleTable rules, final SnatPools pools, final Martians martians,
                     final Routes routes, final Neighbors neighbors, final Limits limits, final Sessions sessions) {
        this.book = book;
        this.rules = rules;
        this.pools = pools;
        this.martians = martians;
        this.routes = routes;
        this.neighbors = neighbors;
        this.limits = limits;
        this.sessions = sessions;
        this.roaming = new Roaming(routes, pools.replyQueues());
    }

    /** Whether no packet from outside can have this IPv4 source. */
    public boolean isMartian(final int source) {
        return martians.contains(source);
    }

    /** The same of an IPv6 source; a link-local one is judged by who knows the link. */
    public boolean isMartian(final long high, final long low) {
        return martians.contains(high, low);
    }

    /**
     * May a packet, whose source is no martian, open a session? As far as that can be told without taking anything: so
     * it is asked without a lock, and most of what an attacker sends ends here.
     *
     * @param high and {@code low} halves of its source; IPv4 as ::ffff:a.b.c.d
     * @param destination an IPv4 address, or the number of one of IPv6
     * @param ports source and destination port, as they lie in the packet
     * @param ttl of the packet
     * @param ingress the link it came in on
     * @return the index of its rule, for {@link #open}, or the complement (~) of a drop reason's ordinal
     */
    public int judge(final long high, final long low, final int destination, final int ports, final int ttl,
                     final int ingress, final long nowMs) {
        if (AddressBook.isNumber(destination) && Ipv6Address.isMapped(high, low)) {
            // In IPv4 no host has this address; rules and pools that have it mean one of IPv6.
            return ~DropReason.NO_RULE.ordinal();
        }
        if ((ports & 0xFFFF) == 0) {
            return ~DropReason.UDP_PORT_ZERO.ordinal();
        }
        final int destinationPort = Wire.host16(ports >>> Short.SIZE);
        final int found = rules.find(destination, destinationPort, high, low);
        if (found == RuleTable.REFUSED) {
            return ~DropReason.ACL.ordinal();
        }
        if (found == RuleTable.NO_RULE) {
            return ~(pools.find(destination, destinationPort) != null
                    ? DropReason.NO_SESSION : DropReason.NO_RULE).ordinal();
        }
        final Rule rule = rules.rule(found);
        if (rule.decrementsTtl() && ttl <= 1) {
            return ~DropReason.TTL_EXCEEDED.ordinal();
        }
        final int toTarget = routes.find(book.high(rule.targetAddress()), book.low(rule.targetAddress()), ingress);
        final int toClient = routes.find(high, low, ingress);
        if (toTarget == Routes.NONE || toClient == Routes.NONE) {
            return ~DropReason.NO_ROUTE.ordinal();
        }
        if (!routes.believes(toClient, ingress)) {
            return ~DropReason.REVERSE_PATH.ordinal();
        }
        final int verdict = limits.check(found, high, low, nowMs);
        if (verdict != Limits.ADMITTED) {
            return verdict;
        }
        targetHop =
                routes.nextHop(neighbors, toTarget, book.high(rule.targetAddress()), book.low(rule.targetAddress()));
        clientHop = routes.nextHop(neighbors, toClient, high, low);
        clientLink = Routes.link(toClient);
        final boolean mustBeLearned = clientHop == Neighbors.UNKNOWN;
        if (targetHop == Neighbors.UNKNOWN || mustBeLearned && !neighbors.hasRoom(clientLink, high, low)) {
            return ~DropReason.NEIGHBOR_TABLE_FULL.ordinal();
        }
        return sessions.areFull() ? ~DropReason.FLOW_TABLE_FULL.ordinal() : found;
    }

    /**
     * Opens the session of the packet that was judged last.
     *
     * @param index what {@link #judge} said
     * @param keyLo source and destination address: IPv4, or numbers
     * @return the slot of the session's forward flow, or the complement (~) of a drop reason's ordinal
     */
    public int open(final int index, final long keyLo, final int ports, final long nowMs) {
        return sessions.open(rules.rule(index), keyLo, ports, targetHop, clientHop, clientLink, nowMs);
    }

    /**
     * A session was opened a moment ago, at a relay of several workers.
     *
     * @param ingress the link its first packet came in on
     * @param strayed whether others of its flow may come to another worker than that did
     */
    public void opened(final int forward, final int ingress, final boolean strayed) {
        if (strayed || mayRoam(sessions.client(forward), ingress)) {
            sessions.openedForAnother(forward);
        }
    }

    private boolean mayRoam(final int client, final int ingress) {
        return roaming.mayRoam(book.high(client), book.low(client), ingress);
    }

    /**
     * Whether filtering lets in a packet to an external endpoint whose session expects another remote.
     *
     * @return the slot of the reply flow that it follows, with the flow's source in place of its own, or NOT_FOUND
     */
    public int filterIn(final long keyLo, final int ports) {
        final int destinationPort = Wire.host16(ports >>> Short.SIZE);
        final ExternalPorts external = pools.find((int) (keyLo >>> Integer.SIZE), destinationPort);
        return external == null ? FlowTable.NOT_FOUND
                : sessions.filterIn(external, destinationPort, (int) keyLo);
    }

    /**
     * Which worker may know the flow of this key, which the caller does not. A SNAT port has an owner. A flow from a
     * client, which an ICMP error can be about, or from a target that sees the clients' own addresses may be anybody's.
     *
     * @return the owner, ANY_WORKER, or NO_WORKER
     */
    public int ownerOf(final long keyLo, final int ports) {
        final int destination = (int) (keyLo >>> Integer.SIZE);
        final int destinationPort = Wire.host16(ports >>> Short.SIZE);
        if (rules.listens(destination, destinationPort)) {
            return ANY_WORKER;
        }
        final ExternalPorts external = pools.find(destination, destinationPort);
        if (external != null) {
            return external.owner(destinationPort);
        }
        return rules.relaysTransparentlyTo((int) keyLo) ? ANY_WORKER : NO_WORKER;
    }

    /**
     * Whether sessions of this client endpoint share an external one, so that all have to live with one worker.
     *
     * @param high and {@code low} halves of the source, which may be no client at all; IPv4 as ::ffff:a.b.c.d
     */
    public boolean sharesEndpoint(final long high, final long low, final int destination, final int ports) {
        final int found = rules.find(destination, Wire.host16(ports >>> Short.SIZE), high, low);
        return found >= 0 && rules.rule(found).behavior().sharesEndpoints();
    }
}
