// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;

/**
 * The external endpoints that a worker's sessions hold. Where a rule maps by address and port each session has a lease
 * of its own; where it maps endpoint-independently all sessions of a client endpoint share one, which goes back with
 * the last of them (RFC 4787 REQ-1). Owned by one worker.
 */
public final class Leases {
    /** Above port and pool in a mapping's key: the mapping is of a pair of ports. */
    private static final int PAIR = 1 << 31;

    private final int worker;
    private final SnatPools pools;
    /** Null when no rule shares endpoints. */
    private final AddressBook book;
    private final Mappings mappings;
    private final ReplyAim aim;

    /** @param flows the worker's table */
    public Leases(final int worker, final FlowTable flows, final AddressBook book, final RuleTable rules,
                  final SnatPools pools, final Arena arena) {
        this.worker = worker;
        this.book = book;
        this.pools = pools;
        this.aim = new ReplyAim(worker, book, pools.replyQueues());
        this.mappings = rules.sharesEndpoints() ? new Mappings(flows, arena) : null;
    }

    /**
     * Takes an external endpoint for a session.
     *
     * @param link to the target, whose replies come back over it
     * @param forward the session's forward slot
     * @return the lease, or {@link SnatPool#EXHAUSTED}
     */
    int take(final Rule rule, final int link, final int targetPort, final int client, final int clientPort,
             final int forward, final long nowMs) {
        final SnatPool pool = pools.get(rule.pool());
        final ReplyAim replies = aim.at(link, rule.targetAddress(), targetPort);
        if (!rule.behavior().sharesEndpoints()) {
            return pool.lend(book.digest(client), clientPort, worker, forward, replies, nowMs);
        }
        final long key = key(rule, client, clientPort);
        final int place = mappings.find(key);
        if (place != Mappings.NONE) {
            return join(rule, place, clientPort, forward);
        }
        final int lease = rule.behavior().portPairs() ? pool.lendPair(book.digest(client), clientPort, worker, nowMs)
                : pool.lend(book.digest(client), clientPort, worker, forward, replies, nowMs);
        return lease == SnatPool.EXHAUSTED ? lease : join(rule, mappings.add(key, lease), clientPort, forward);
    }

    /** Takes a lease that a session has from before. @return false when it is not to be had */
    boolean claim(final Rule rule, final int lease, final int client, final int clientPort, final int forward) {
        final SnatPool pool = pools.get(rule.pool());
        if (!rule.behavior().sharesEndpoints()) {
            return pool.claim(lease, worker, forward);
        }
        final int base = lease - half(rule, clientPort);
        final long key = key(rule, client, clientPort);
        int place = mappings.find(key);
        if (place == Mappings.NONE) {
            final boolean isFree = rule.behavior().portPairs() ? pool.claimPair(base, worker)
                    : pool.claim(base, worker, forward);
            if (!isFree) {
                return false;
            }
            place = mappings.add(key, base);
        }
        return mappings.lease(place) == base && join(rule, place, clientPort, forward) == lease;
    }

    /** Ends a session's hold on what {@link #take} or {@link #claim} gave. */
    void giveBack(final Rule rule, final int lease, final int client, final int clientPort, final int forward,
                  final long nowMs) {
        final SnatPool pool = pools.get(rule.pool());
        if (!rule.behavior().sharesEndpoints()) {
            pool.giveBack(lease, nowMs);
            return;
        }
        final int place = mappings.find(key(rule, client, clientPort));
        final int half = half(rule, clientPort);
        mappings.leave(place, half, forward >>> 1);
        if (!mappings.isEmpty(place)) {
            final int newest = mappings.first(place, half);
            pool.setSession(lease, newest == Mappings.NONE ? ExternalPorts.NO_SESSION : newest << 1);
            return;
        }
        mappings.remove(place);
        pool.giveBack(lease, nowMs);
        if (rule.behavior().portPairs()) {
            pool.giveBack(lease ^ 1, nowMs);
        }
    }

    /** Another session that holds the same lease: the forward slot, or {@link ExternalPorts#NO_SESSION}. */
    int another(final Rule rule, final int forward) {
        final int session = rule.behavior().sharesEndpoints() ? mappings.next(forward >>> 1) : Mappings.NONE;
        return session == Mappings.NONE ? ExternalPorts.NO_SESSION : session << 1;
    }

    private int join(final Rule rule, final int place, final int clientPort, final int forward) {
        final int half = half(rule, clientPort);
        final int lease = mappings.lease(place) + half;
        mappings.join(place, half, forward >>> 1);
        pools.get(rule.pool()).setSession(lease, forward);
        return lease;
    }

    /** Which port of a pair this client port gets; 0 where there are no pairs. */
    private static int half(final Rule rule, final int clientPort) {
        return rule.behavior().portPairs() ? clientPort & 1 : 0;
    }

    private static long key(final Rule rule, final int client, final int clientPort) {
        final int endpoint = rule.behavior().portPairs() ? PAIR | clientPort >>> 1 : clientPort;
        return Mappings.key(client, rule.pool() << Short.SIZE | endpoint);
    }
}
