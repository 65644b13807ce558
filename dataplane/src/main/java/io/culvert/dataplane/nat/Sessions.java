// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;

/**
 * Opens and closes sessions: both flows, the SNAT port, the references to the next hops. What is taken for a session
 * is given back when it ends, or when it cannot be opened after all. Owned by one worker.
 */
public final class Sessions {
    /** The TTL shares its word with the protocol; it is the low byte as it lies in memory. */
    private static final int TTL_BEFORE = 0x0002;
    private static final int TTL_AFTER = 0x0001;
    /** Sessions of one external endpoint that are asked whether they let a stranger in: the newest. */
    private static final int FILTERS_LIMIT = 16;

    private final int worker;
    private final FlowTable flows;
    private final AddressBook book;
    private final RuleTable rules;
    private final SnatPools pools;
    private final Leases leases;
    private final Neighbors neighbors;
    private final Limits limits;
    private final Strays strays;
    private final OtherTables others;
    private final WorkerCounters counters;

    /** The sweep of {@link #expire} goes on here. */
    private int cursor;

    /** @param worker that owns them */
    public Sessions(final int worker, final FlowTable flows, final AddressBook book, final RuleTable rules,
                    final SnatPools pools, final Leases leases, final Neighbors neighbors, final Limits limits,
                    final Strays strays, final OtherTables others, final WorkerCounters counters) {
        this.worker = worker;
        this.flows = flows;
        this.book = book;
        this.rules = rules;
        this.pools = pools;
        this.leases = leases;
        this.neighbors = neighbors;
        this.limits = limits;
        this.strays = strays;
        this.others = others;
        this.counters = counters;
    }

    /**
     * Opens the session whose first packet has this key.
     *
     * @param keyLo client and listener address
     * @param ports client and listener port, as they lie in the packet
     * @param toTarget and {@code toClient}: adjacencies; that of a client which must be learned is UNKNOWN
     * @param clientLink the link that leads to the client
     * @return the slot of the forward flow, or the complement (~) of a drop reason's ordinal
     */
    public int open(final Rule rule, final long keyLo, final int ports, final int toTarget, final int toClient,
                    final int clientLink, final long nowMs) {
        final int client = (int) keyLo;
        final int clientPort = Wire.host16(ports);
        final int listenPort = Wire.host16(ports >>> Short.SIZE);
        final int forward = flows.take();
        if (forward == FlowTable.NOT_FOUND) {
            return ~DropReason.FLOW_TABLE_FULL.ordinal();
        }
        int external = client;
        int externalPort = clientPort;
        int lease = 0;
        if (rule.pool() != Rule.NO_SNAT) {
            final SnatPool pool = pools.get(rule.pool());
            lease = leases.take(rule, neighbors.link(toTarget), rule.targetPort(listenPort), client, clientPort,
                    forward, nowMs);
            if (lease == SnatPool.EXHAUSTED) {
                flows.putBack(forward);
                return ~DropReason.SNAT_EXHAUSTED.ordinal();
            }
            external = pool.address(SnatPool.external(lease));
            externalPort = SnatPool.port(lease);
        }
        final long relayed = addresses(external, rule.targetAddress());
        final int relayedPorts = ports(externalPort, rule.targetPort(listenPort));
        // Without a pool nobody lends the external endpoint: another listener's session may have it, at any worker.
        if (rule.pool() == Rule.NO_SNAT
                && others.have(swap(relayed), keyHi((int) swap(relayed), swap(relayedPorts)))) {
            flows.putBack(forward);
            return ~DropReason.TUPLE_IN_USE.ordinal();
        }
        writeFlow(forward, rule, 0, keyLo, ports, relayed, relayedPorts, toTarget, SnatPool.external(lease), nowMs);
        // The reply undoes it: what the target sends to the external endpoint comes from the listener to the client.
        writeFlow(forward ^ 1, rule, FlowEntry.FLAG_REPLY, swap(relayed), swap(relayedPorts), swap(keyLo),
                swap(ports), toClient, clientLink, nowMs);
        if (!flows.publish(forward)) {
            if (rule.pool() != Rule.NO_SNAT) {
                leases.giveBack(rule, lease, client, clientPort, forward, nowMs);
            }
            return ~DropReason.TUPLE_IN_USE.ordinal();
        }
        book.reference(client);
        findNextHops(forward, toTarget, toClient, clientLink);
        limits.opened(rule.index(), client, forward >>> 1);
        counters.increment(counters.catalog().created(rule.index()));
        counters.set(counters.catalog().of(CounterCatalog.WorkerCounter.SESSIONS), flows.sessions());
        return forward;
    }

    /** Next hops are asked for when the session is certain: so the first answer need not wait for the client's. */
    private void findNextHops(final int forward, final int toTarget, final int toClient, final int clientLink) {
        neighbors.need(toTarget);
        if (toClient == Neighbors.UNKNOWN) {
            final int client = (int) flows.keyLo(forward);
            flows.adjacency(forward ^ 1, neighbors.acquire(clientLink, book.high(client), book.low(client), true));
        } else {
            neighbors.need(toClient);
        }
    }

    /** Whether there is no room for another. */
    boolean areFull() {
        return flows.isFull();
    }

    /** The client of a live session: its IPv4 address, or a number. */
    int client(final int forward) {
        return (int) flows.keyLo(forward);
    }

    /**
     * Packets of this session's client may come in at another worker. Where sessions share an external endpoint, they
     * are handed to its home and find the session there.
     */
    void openedForAnother(final int forward) {
        if (!rules.rule(flows.rule(forward)).behavior().sharesEndpoints()) {
            stray(forward);
        }
    }

    /** From now on the packets of this live session's client are expected at any worker. */
    public void stray(final int forward) {
        final int client = (int) flows.keyLo(forward);
        flows.markStray(forward);
        strays.add(book.high(client), book.low(client), (int) flows.keyHi(forward));
    }

    /**
     * The session that a packet to a lent external endpoint of this worker reaches, although it does not come from
     * the session's remote: when the rule's filtering lets it in.
     *
     * @return the slot of the reply flow, or NOT_FOUND
     */
    public int filterIn(final ExternalPorts external, final int externalPort, final int source) {
        if (external.owner(externalPort) != worker) {
            return FlowTable.NOT_FOUND;
        }
        int forward = external.sessionOf(externalPort);
        for (int asked = 0; forward != ExternalPorts.NO_SESSION && asked < FILTERS_LIMIT; asked++) {
            final Rule rule = rules.rule(flows.rule(forward));
            if (rule.behavior().filtering().admits(source, (int) flows.keyLo(forward ^ 1))) {
                return forward ^ 1;
            }
            forward = leases.another(rule, forward);
        }
        return FlowTable.NOT_FOUND;
    }

    /** Looks at the next {@code limit} sessions and closes those that have been silent for too long. */
    public void expire(final int limit, final long nowMs) {
        final int highWater = flows.highWater();
        for (int i = 0; i < limit; i++) {
            if (cursor >= highWater) {
                cursor = 0;
                return;
            }
            final int forward = cursor++ << 1;
            if (isOver(forward, nowMs)) {
                close(forward, nowMs);
            }
        }
    }

    /** Whether a live session has been silent for longer than its rule allows. */
    private boolean isOver(final int slot, final long nowMs) {
        final MemorySegment forward = flows.entry(slot);
        if (!FlowEntry.isLive(forward)) {
            return false;
        }
        final MemorySegment reply = flows.entry(slot ^ 1);
        final Rule rule = rules.rule(FlowEntry.rule(forward));
        final boolean answered = FlowEntry.packets(reply) > 0;
        if (answered) {
            limits.answered(slot >>> 1);
        }
        // RFC 4787 REQ-6: outbound packets refresh, inbound ones may.
        final long outboundMs = nowMs - FlowEntry.lastSeenMs(forward);
        final long silentMs = rule.inboundRefresh()
                ? Math.min(outboundMs, nowMs - FlowEntry.lastSeenMs(reply)) : outboundMs;
        return silentMs >= (answered ? rule.idleTimeoutMs() : rule.unansweredTimeoutMs());
    }

    private void close(final int forward, final long nowMs) {
        final Rule rule = rules.rule(flows.rule(forward));
        final int client = (int) flows.keyLo(forward);
        if (rule.pool() != Rule.NO_SNAT) {
            // What the reply is sent to, which is its key: the external endpoint.
            final int externalPort = Wire.host16((int) flows.keyHi(forward ^ 1) >>> Short.SIZE);
            final int clientPort = Wire.host16((int) flows.keyHi(forward));
            leases.giveBack(rule, SnatPool.lease(flows.external(forward), externalPort), client, clientPort, forward,
                    nowMs);
        }
        neighbors.release(flows.adjacency(forward));
        neighbors.release(flows.adjacency(forward ^ 1));
        limits.closed(rule.index(), client, forward >>> 1);
        if (flows.isStray(forward)) {
            strays.remove(book.high(client), book.low(client), (int) flows.keyHi(forward));
        }
        flows.close(forward);
        book.release(client);
        counters.increment(counters.catalog().ended(rule.index()));
        counters.set(counters.catalog().of(CounterCatalog.WorkerCounter.SESSIONS), flows.sessions());
    }

    private void writeFlow(final int slot, final Rule rule, final int direction, final long keyLo, final int ports,
                           final long newAddresses, final int newPorts, final int adjacency, final int external,
                           final long nowMs) {
        final int l3Delta = l3Delta(book, rule, keyLo, newAddresses);
        final int l4Delta = l4Delta(book, keyLo, newAddresses, ports, newPorts);
        final int flags = direction | (rule.decrementsTtl() ? FlowEntry.FLAG_DECREMENT_TTL : 0);
        flows.write(slot, keyLo, keyHi((int) keyLo, ports), flags, adjacency, newAddresses, newPorts, l3Delta,
                l4Delta, rule.index(), external, nowMs);
    }

    static long keyHi(final int source, final int ports) {
        return FlowEntry.keyHi(ports, Ipv4.UDP | (AddressBook.isNumber(source) ? FlowEntry.IPV6_PROTOCOL : 0));
    }

    static int l3Delta(final AddressBook book, final Rule rule, final long addresses, final long newAddresses) {
        final int delta = addressDelta(book, addresses, newAddresses);
        return rule.decrementsTtl() ? Checksum.delta(delta, TTL_BEFORE, TTL_AFTER) : delta;
    }

    static int l4Delta(final AddressBook book, final long addresses, final long newAddresses, final int ports,
                       final int newPorts) {
        return Checksum.delta(addressDelta(book, addresses, newAddresses), ports, newPorts);
    }

    private static int addressDelta(final AddressBook book, final long addresses, final long newAddresses) {
        return addressDelta(book, addressDelta(book, 0, (int) addresses, (int) newAddresses),
                (int) (addresses >>> Integer.SIZE), (int) (newAddresses >>> Integer.SIZE));
    }

    /** Adds to a delta what exchanging an address changes; both are of one family. */
    private static int addressDelta(final AddressBook book, final int sum, final int from, final int to) {
        if (!AddressBook.isNumber(from)) {
            return Checksum.delta(sum, from, to);
        }
        return Checksum.delta(Checksum.delta(sum, book.high(from), book.high(to)), book.low(from), book.low(to));
    }

    static long addresses(final int source, final int destination) {
        return source & 0xFFFF_FFFFL | (long) destination << Integer.SIZE;
    }

    private static int ports(final int source, final int destination) {
        return Wire.net16(source) & 0xFFFF | Wire.net16(destination) << Short.SIZE;
    }

    /** Source for destination. */
    static long swap(final long addresses) {
        return Long.rotateLeft(addresses, Integer.SIZE);
    }

    static int swap(final int ports) {
        return Integer.rotateLeft(ports, Short.SIZE);
    }
}
