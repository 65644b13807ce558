// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static io.culvert.bindings.CacheLines.BYTE;
import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;
import static io.culvert.bindings.CacheLines.SHORT;

import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowHash;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.host.Routes;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;

/**
 * The echo queries that rules relay (RFC 5508 section 3): a client's identifier towards a listener is mapped to one of
 * ours towards the target. Our identifier is the place in this table, in the worker's own slice of all identifiers, so
 * a reply names its session and its owner. Places are taken in a random order, the one that was free for longest first.
 * Bounded in all and per client, so that who pings under ever new identifiers takes his own share. Arrays alone, owned
 * by one worker; a restart forgets them.
 */
public final class EchoSessions {
    public static final int NOT_FOUND = -1;

    private static final int IDENTIFIERS = 1 << Short.SIZE;
    private static final int CAPACITY_LIMIT = 4_096;
    /** Of all sessions, a client's network may have one part in so many: 256 of 4,096. */
    private static final int SHARES = 16;
    private static final int MS_PER_SECOND = 1_000;

    private final EchoRules rules;
    private final List<SnatPool.Spec> pools;
    private final Routes routes;
    private final Neighbors neighbors;
    private final int timeoutMs;
    private final int capacity;
    /** The first identifier of this worker. */
    private final int first;
    private final long seedLo;
    private final long seedHi;

    private final Rule[] rule;
    private final int[] client;
    private final int[] external;
    private final char[] identifier;
    private final int[] toTarget;
    /** UNKNOWN while the client, in a connected network, has not answered. */
    private final int[] toClient;
    private final int[] clientLink;
    /** Sessions of the clients whose addresses meet here, by the keyed hash of the client's network. */
    private final char[] held;
    private final int networkMask;
    private final long[] seenMs;
    /** Chains of sessions with the same hash. */
    private final int[] bucket;
    private final int[] next;
    /** A ring of the places that are free, the one that was so for longest at its head. */
    private final int[] free;
    private int freeHead;
    private int count;
    private int cursor;

    public EchoSessions(final EchoRules rules, final List<SnatPool.Spec> pools, final Routes routes,
                        final Neighbors neighbors, final int timeoutMs, final int prefix, final int worker,
                        final int workers) {
        this.rules = rules;
        this.pools = pools;
        this.routes = routes;
        this.neighbors = neighbors;
        this.timeoutMs = timeoutMs;
        this.capacity = rules.isEmpty() ? 0 : capacity(workers);
        this.first = worker * capacity(workers);
        this.rule = new Rule[capacity];
        this.client = new int[capacity];
        this.external = new int[capacity];
        this.identifier = new char[capacity];
        this.toTarget = new int[capacity];
        this.toClient = new int[capacity];
        this.clientLink = new int[capacity];
        this.held = new char[capacity];
        this.networkMask = Ipv4Address.mask(prefix);
        this.seenMs = new long[capacity];
        this.bucket = new int[capacity];
        this.next = new int[capacity];
        this.free = new int[capacity];
        Arrays.fill(bucket, NOT_FOUND);
        final SecureRandom random = new SecureRandom();
        this.seedLo = random.nextLong();
        this.seedHi = random.nextLong();
        for (int place = 0; place < capacity; place++) {
            final int other = random.nextInt(place + 1);
            free[place] = free[other];
            free[other] = place;
        }
    }

    private static int capacity(final int workers) {
        return Math.min(CAPACITY_LIMIT, Integer.highestOneBit(IDENTIFIERS / workers));
    }

    /** The worker whose slice has this identifier; there may be no such worker. */
    public static int owner(final int identifier, final int workers) {
        return identifier / capacity(workers);
    }

    /** Whether an echo request of this client to this address of ours is relayed; otherwise it is for us. */
    public boolean relays(final int source, final int listener) {
        return rules.find(listener, source) != null;
    }

    public boolean isEmpty() {
        return rules.isEmpty();
    }

    /** How many sessions are live. */
    public int count() {
        return count;
    }

    /** @return the session of a client's request, or of an error about what we answered it; or NOT_FOUND */
    public int findForward(final int source, final int listener, final int id) {
        if (count == 0) {
            return NOT_FOUND;
        }
        for (int place = bucket[home(source, listener, id)]; place != NOT_FOUND; place = next[place]) {
            if (client[place] == source && rule[place].listenAddress() == listener && identifier[place] == id) {
                return place;
            }
        }
        return NOT_FOUND;
    }

    /** @return the session that an answer to this identifier of ours belongs to, if it is live and of that target */
    public int findReply(final int target, final int destination, final int id) {
        final int place = id - first;
        return place >= 0 && place < capacity && rule[place] != null && rule[place].targetAddress() == target
                && external[place] == destination ? place : NOT_FOUND;
    }

    /**
     * {@link #findReply} for a thread that does not own the sessions: whether there is one. One that comes or goes may
     * be taken for there or not.
     */
    public boolean isAwaited(final int target, final int destination, final int id) {
        final int place = id - first;
        final Rule relaying = place >= 0 && place < capacity ? rule[place] : null;
        return relaying != null && relaying.targetAddress() == target && external[place] == destination;
    }

    /** @return the new session, or the complement (~) of a drop reason's ordinal */
    public int open(final int source, final int listener, final int id, final int ingress, final long nowMs) {
        final Rule relaying = rules.find(listener, source);
        final long target = Ipv6Address.mapped(relaying.targetAddress());
        final long sender = Ipv6Address.mapped(source);
        final int targetRoute = routes.find(0, target, ingress);
        final int clientRoute = routes.find(0, sender, ingress);
        if (targetRoute == Routes.NONE || clientRoute == Routes.NONE) {
            return ~DropReason.NO_ROUTE.ordinal();
        }
        if (!routes.believes(clientRoute, ingress)) {
            return ~DropReason.REVERSE_PATH.ordinal();
        }
        if (held[holder(source)] >= Math.max(1, capacity / SHARES)) {
            return ~DropReason.SOURCE_LIMIT.ordinal();
        }
        if (count == capacity) {
            return ~DropReason.FLOW_TABLE_FULL.ordinal();
        }
        final int targetHop = routes.nextHop(neighbors, targetRoute, 0, target);
        if (targetHop == Neighbors.UNKNOWN) {
            return ~DropReason.NEIGHBOR_TABLE_FULL.ordinal();
        }
        final int clientHop = routes.nextHop(neighbors, clientRoute, 0, sender);
        neighbors.need(targetHop);
        held[holder(source)]++;
        final int place = free[freeHead];
        freeHead = (freeHead + 1) % capacity;
        count++;
        rule[place] = relaying;
        client[place] = source;
        external[place] = relaying.pool() == Rule.NO_SNAT ? source
                : SnatPool.addressFor(source, pools.get(relaying.pool()).addresses());
        identifier[place] = (char) id;
        toTarget[place] = targetHop;
        toClient[place] = clientHop;
        clientLink[place] = Routes.link(clientRoute);
        seenMs[place] = nowMs;
        final int home = home(source, listener, id);
        next[place] = bucket[home];
        bucket[home] = place;
        return place;
    }

    public void refresh(final int place, final long nowMs) {
        seenMs[place] = nowMs;
    }

    /** The place for whose answer a packet of this direction may wait, or {@link Neighbors#NO_PLACE}. */
    public int placeToWaitFor(final int place, final boolean reply) {
        if (!reply) {
            return toTarget[place];
        }
        bind(place);
        return toClient[place] != Neighbors.UNKNOWN ? toClient[place]
                : neighbors.placeToWaitFor(clientLink[place], 0, Ipv6Address.mapped(client[place]));
    }

    /** Names the client's next hop if it has answered by now. */
    private void bind(final int place) {
        if (toClient[place] == Neighbors.UNKNOWN) {
            toClient[place] = neighbors.acquire(clientLink[place], 0, Ipv6Address.mapped(client[place]), false);
        }
    }

    /**
     * Writes one direction of a session as a {@link FlowEntry}: an identifier stands where the port of its end does.
     *
     * @param reply whether from the target to the client
     */
    public void write(final int place, final boolean reply, final MemorySegment flow) {
        if (reply) {
            bind(place);
        }
        final int ours = Short.reverseBytes((short) (first + place)) & 0xFFFF;
        final int theirs = Short.reverseBytes((short) identifier[place]) & 0xFFFF;
        final long outside = addresses(client[place], rule[place].listenAddress());
        final long inside = addresses(external[place], rule[place].targetAddress());
        final int decrement = rule[place].decrementsTtl() ? FlowEntry.FLAG_DECREMENT_TTL : 0;
        flow.set(LONG, FlowEntry.KEY_LO, reply ? Long.rotateLeft(inside, Integer.SIZE) : outside);
        flow.set(LONG, FlowEntry.KEY_HI, FlowEntry.keyHi(reply ? ours << Short.SIZE : theirs, Ipv4.ICMP));
        flow.set(BYTE, FlowEntry.FLAGS,
                (byte) (FlowEntry.FLAG_LIVE | decrement | (reply ? FlowEntry.FLAG_REPLY : 0)));
        flow.set(SHORT, FlowEntry.ADJACENCY, (short) (reply ? toClient[place] : toTarget[place]));
        flow.set(LONG, FlowEntry.NEW_ADDRESSES, reply ? Long.rotateLeft(outside, Integer.SIZE) : inside);
        flow.set(INT, FlowEntry.NEW_PORTS, reply ? theirs << Short.SIZE : ours);
    }

    /** Looks at so many sessions that all are seen once a second, and ends those that were silent for too long. */
    public void expire(final long elapsedMs, final long nowMs) {
        if (count == 0) {
            return;
        }
        final int slice = (int) Math.min(capacity * elapsedMs / MS_PER_SECOND + 1, capacity);
        for (int i = 0; i < slice; i++) {
            cursor = (cursor + 1) % capacity;
            if (rule[cursor] != null && nowMs - seenMs[cursor] >= timeoutMs) {
                close(cursor);
            }
        }
    }

    private void close(final int place) {
        final int home = home(client[place], rule[place].listenAddress(), identifier[place]);
        if (bucket[home] == place) {
            bucket[home] = next[place];
        } else {
            int before = bucket[home];
            while (next[before] != place) {
                before = next[before];
            }
            next[before] = next[place];
        }
        neighbors.release(toClient[place]);
        held[holder(client[place])]--;
        rule[place] = null;
        count--;
        free[(freeHead + capacity - count - 1) % capacity] = place;
    }

    private int holder(final int source) {
        return (int) FlowHash.of(source & networkMask & 0xFFFF_FFFFL, 0, seedHi, seedLo) & capacity - 1;
    }

    private int home(final int source, final int listener, final int id) {
        return (int) FlowHash.of(addresses(source, listener), id, seedLo, seedHi) & capacity - 1;
    }

    private static long addresses(final int source, final int destination) {
        return source & 0xFFFF_FFFFL | (long) destination << Integer.SIZE;
    }
}
