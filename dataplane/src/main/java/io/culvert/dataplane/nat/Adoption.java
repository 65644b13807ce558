// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.AddressSet;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Goes on with the sessions that a predecessor left in a worker's table, however it ended: trusts nothing but entries
 * that are whole and make sense under the rules of now, and takes anew what a session holds, its external port and the
 * references to its next hops and its client's address; limits count it, and do not refuse it. Runs once, before the
 * worker polls.
 */
public final class Adoption {
    private static final int NONE = -1;

    /** What became of a session. */
    public enum Fate {
        /** It goes on with the same external port. */
        KEPT,
        /** Its rule is gone or another now, or its client's address is one of ours. */
        RULE_CHANGED,
        /** The predecessor died while it opened or closed. */
        HALF_WRITTEN,
        /** Its entries contradict each other, the rule or the clock. */
        DAMAGED,
        /** Its external port is a listener's now. */
        PORT_TAKEN,
        /** There is no way to its client or target any more, or no room for another next hop. */
        UNREACHABLE,
        /** The table is smaller now. */
        NO_ROOM
    }

    /**
     * What the numbers in the predecessor's entries stand for.
     *
     * @param rules the index that each of its rules has now, negative for those that are no more
     * @param links the same for links
     * @param addresses both halves of each IPv6 address, by id
     */
    public record Numbers(int[] rules, int[] links, long[] addresses) { }

    /**
     * A worker's table, all gone through.
     *
     * @param fates how many sessions met each, by ordinal
     * @param keptOfRule how many sessions of each rule go on
     */
    public record Outcome(int[] fates, int[] keptOfRule) {
        public int count(final Fate fate) {
            return fates[fate.ordinal()];
        }
    }

    private final FlowTable flows;
    private final AddressBook book;
    private final List<Rule> rules;
    private final SnatPools pools;
    private final Leases leases;
    private final AddressSet own;
    private final Routes routes;
    private final Neighbors neighbors;
    private final Limits limits;
    private final Sessions sessions;
    private final Numbers before;
    private final long nowMs;

    public Adoption(final FlowTable flows, final AddressBook book, final List<Rule> rules, final SnatPools pools,
                    final Leases leases, final AddressSet own, final Routes routes, final Neighbors neighbors,
                    final Limits limits, final Sessions sessions, final Numbers before, final long nowMs) {
        this.flows = flows;
        this.book = book;
        this.rules = rules;
        this.pools = pools;
        this.leases = leases;
        this.own = own;
        this.routes = routes;
        this.neighbors = neighbors;
        this.limits = limits;
        this.sessions = sessions;
        this.before = before;
        this.nowMs = nowMs;
    }

    public Outcome run() {
        final int[] fates = new int[Fate.values().length];
        final int[] keptOfRule = new int[rules.size()];
        // In the order of slots, which is as near as one comes to that in which sessions joined their mappings.
        for (int session = 0; session < flows.highWater(); session++) {
            final int forward = session << 1;
            final FlowTable.Remains remains = flows.remains(forward);
            if (remains == FlowTable.Remains.NOTHING) {
                flows.discard(forward);
                continue;
            }
            final Fate fate = remains == FlowTable.Remains.HALF ? Fate.HALF_WRITTEN : adopt(forward);
            fates[fate.ordinal()]++;
            if (fate == Fate.KEPT) {
                keptOfRule[FlowEntry.rule(flows.entry(forward))]++;
            } else {
                flows.discard(forward);
            }
        }
        return new Outcome(fates, keptOfRule);
    }

    private Fate adopt(final int slot) {
        final MemorySegment forward = flows.entry(slot);
        final MemorySegment reply = flows.entry(slot ^ 1);
        if (!areTwins(forward, reply) || FlowEntry.rule(forward) >= before.rules.length) {
            return Fate.DAMAGED;
        }
        if (before.rules[FlowEntry.rule(forward)] < 0) {
            return Fate.RULE_CHANGED;
        }
        final int client = acquireClient((int) FlowEntry.keyLo(forward));
        if (client == AddressBook.NONE) {
            return Fate.DAMAGED;
        }
        final Fate fate = adopt(rules.get(before.rules[FlowEntry.rule(forward)]), slot, client);
        if (fate != Fate.KEPT) {
            book.release(client);
        }
        return fate;
    }

    private Fate adopt(final Rule rule, final int slot, final int client) {
        final MemorySegment forward = flows.entry(slot);
        final long seen = Sessions.addresses(client, number((int) (FlowEntry.keyLo(forward) >>> Integer.SIZE)));
        final long oldSent = FlowEntry.newAddresses(forward);
        final int source = rule.pool() == Rule.NO_SNAT && (int) oldSent == (int) FlowEntry.keyLo(forward)
                ? client : number((int) oldSent);
        final long sent = Sessions.addresses(source, number((int) (oldSent >>> Integer.SIZE)));
        if (!isRelayedBy(rule, seen, sent, forward) || !fits(rule, forward, seen, sent, false)
                || !fits(rule, flows.entry(slot ^ 1), Sessions.swap(sent), Sessions.swap(seen), true)) {
            return Fate.DAMAGED;
        }
        if (own.contains(book.high(client), book.low(client))) {
            return Fate.RULE_CHANGED;
        }
        if (rule.pool() == Rule.NO_SNAT) {
            return keep(rule, slot, seen, sent);
        }
        final int lease = SnatPool.lease(FlowEntry.external(forward), Wire.host16(FlowEntry.newPorts(forward)));
        final int clientPort = Wire.host16(FlowEntry.ports(forward));
        if (!leases.claim(rule, lease, client, clientPort, slot)) {
            return Fate.PORT_TAKEN;
        }
        final Fate fate = keep(rule, slot, seen, sent);
        if (fate != Fate.KEPT) {
            leases.giveBack(rule, lease, client, clientPort, slot, nowMs);
        }
        return fate;
    }

    /** Takes the next hops, and makes the session findable. */
    private Fate keep(final Rule rule, final int slot, final long seen, final long sent) {
        final int oldLink = FlowEntry.external(flows.entry(slot ^ 1));
        final int link = oldLink < before.links.length ? before.links[oldLink] : NONE;
        final int toTarget = route(rule.targetAddress(), link);
        final int toClient = route((int) seen, link);
        final int targetHop = nextHop(toTarget, rule.targetAddress());
        if (targetHop == Neighbors.UNKNOWN || toClient == Routes.NONE) {
            return Fate.UNREACHABLE;
        }
        final int clientHop = clientHop(toClient, (int) seen);
        if (!flows.adopt(slot, seen, sent, targetHop, clientHop, rule.index(),
                FlowEntry.external(flows.entry(slot)), Routes.link(toClient))) {
            neighbors.release(clientHop);
            return Fate.DAMAGED;
        }
        limits.count(rule.index(), (int) seen, slot >>> 1);
        if (FlowEntry.packets(flows.entry(slot ^ 1)) > 0) {
            limits.answered(slot >>> 1);
        }
        // Nobody promises that the NIC lays the client's packets on the same queue as before.
        sessions.stray(slot);
        return Fate.KEPT;
    }

    /** The way that a packet from the client, which comes in where its replies go out, would take today. */
    private int route(final int destination, final int link) {
        return routes.find(book.high(destination), book.low(destination), Math.max(link, 0));
    }

    private int nextHop(final int route, final int destination) {
        return route == Routes.NONE ? Neighbors.UNKNOWN
                : routes.nextHop(neighbors, route, book.high(destination), book.low(destination));
    }

    /** A client in a connected network is known already if the predecessor knew it; else the flow finds it later. */
    private int clientHop(final int route, final int client) {
        final int configured = nextHop(route, client);
        return configured != Neighbors.UNKNOWN ? configured
                : neighbors.acquire(Routes.link(route), book.high(client), book.low(client), false);
    }

    /** References the client's address. @return its number now, or AddressBook.NONE when it had none */
    private int acquireClient(final int address) {
        if (!AddressBook.isNumber(address)) {
            return address;
        }
        final int at = 2 * AddressBook.id(address);
        return at < before.addresses.length ? book.acquire(before.addresses[at], before.addresses[at + 1])
                : AddressBook.NONE;
    }

    /** What an address of the predecessor's plan has for a number now, or AddressBook.NONE. */
    private int number(final int address) {
        if (!AddressBook.isNumber(address)) {
            return address;
        }
        final int at = 2 * AddressBook.id(address);
        return at < before.addresses.length ? book.find(before.addresses[at], before.addresses[at + 1])
                : AddressBook.NONE;
    }

    /** Whether the reply undoes what the forward flow does. */
    private static boolean areTwins(final MemorySegment forward, final MemorySegment reply) {
        return FlowEntry.keyLo(reply) == Sessions.swap(FlowEntry.newAddresses(forward))
                && FlowEntry.ports(reply) == Sessions.swap(FlowEntry.newPorts(forward))
                && FlowEntry.newAddresses(reply) == Sessions.swap(FlowEntry.keyLo(forward))
                && FlowEntry.newPorts(reply) == Sessions.swap(FlowEntry.ports(forward))
                && FlowEntry.rule(reply) == FlowEntry.rule(forward);
    }

    /** What is computed from the key and the rewrite is what would be computed today, and no time lies ahead. */
    private boolean fits(final Rule rule, final MemorySegment flow, final long seen, final long sent,
                         final boolean isReply) {
        final int l3Delta = Sessions.l3Delta(book, rule, seen, sent);
        final int l4Delta = Sessions.l4Delta(book, seen, sent, FlowEntry.ports(flow), FlowEntry.newPorts(flow));
        return FlowEntry.keyHi(flow) == Sessions.keyHi((int) seen, FlowEntry.ports(flow))
                && FlowEntry.isReply(flow) == isReply
                && FlowEntry.decrementsTtl(flow) == rule.decrementsTtl()
                && FlowEntry.deltas(flow) == (l3Delta | l4Delta << Short.SIZE)
                && FlowEntry.lastSeenMs(flow) <= nowMs
                && FlowEntry.openedMs(flow) <= nowMs;
    }

    /** Whether the rule lets this client in, and sends it where this flow does, from where it may. */
    private boolean isRelayedBy(final Rule rule, final long seen, final long sent, final MemorySegment forward) {
        final int client = (int) seen;
        final int listenPort = Wire.host16(FlowEntry.ports(forward) >>> Short.SIZE);
        final boolean isListened = (int) (seen >>> Integer.SIZE) == rule.listenAddress()
                && listenPort >= rule.listenLow() && listenPort <= rule.listenHigh()
                && rule.admits(book.high(client), book.low(client));
        final boolean isForTarget = (int) (sent >>> Integer.SIZE) == rule.targetAddress()
                && Wire.host16(FlowEntry.newPorts(forward) >>> Short.SIZE) == rule.targetPort(listenPort);
        return isListened && isForTarget && (rule.pool() == Rule.NO_SNAT
                ? (int) sent == client && (short) FlowEntry.newPorts(forward) == (short) FlowEntry.ports(forward)
                : pools.get(rule.pool()).lends(FlowEntry.external(forward), (int) sent));
    }
}
