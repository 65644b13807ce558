// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.StrictPacket.ETHERNET;
import static io.culvert.dataplane.worker.StrictPacket.word;

import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The sessions that {@link FuzzOracle} saw open, or that may have opened unseen: which endpoints a relayed packet may
 * come from and go to. Knows nothing of the relay but its configuration.
 */
final class FuzzSessions {
    /** Longer than any session lives, the expiry's sweep included. */
    private static final int FORGOTTEN_MS = 10 * FuzzNetwork.IDLE_MS;

    private final FuzzNetwork network;
    /** By external endpoint and target; by client endpoint and listener. */
    private final Map<List<Endpoint>, Set<Session>> byReply = new HashMap<>();
    private final Map<List<Endpoint>, Session> byClient = new HashMap<>();
    private final Map<Endpoint, Set<Session>> byExternal = new HashMap<>();
    /** Clients and listeners of sessions that may have opened unseen, and when. */
    private final Map<List<Endpoint>, Long> attempts = new HashMap<>();
    private final Set<Endpoint> clients = new HashSet<>();
    private long nowMs;
    /** Whether one frame at a time comes in, so that what leaves has one cause. */
    private boolean isAlone;

    /** What is known of a session. */
    private static final class Session {
        private final Endpoint client;
        private final Endpoint listener;
        private final Endpoint external;
        private final Endpoint target;
        private long lastSeenMs;
        /** Not when several frames of a burst, alike but for their senders, may have opened it. */
        private boolean isSure;

        Session(final Endpoint client, final Endpoint listener, final Endpoint external, final Endpoint target) {
            this.client = client;
            this.listener = listener;
            this.external = external;
            this.target = target;
        }

        boolean leads(final Endpoint from, final Endpoint to) {
            return listener.equals(from) && client.equals(to);
        }
    }

    FuzzSessions(final FuzzNetwork network) {
        this.network = network;
    }

    void nowMs(final long now) {
        nowMs = now;
    }

    void isAlone(final boolean now) {
        isAlone = now;
    }

    boolean isAlone() {
        return isAlone;
    }

    /** Whether sessions of this address were seen to open. */
    boolean hasClient(final Endpoint client) {
        return clients.contains(client);
    }

    /**
     * A packet may be dropped behind the point where its session opened: too long, a fragment, without next hop. Of a
     * burst, another that is alike may seem to have opened it.
     */
    void attempt(final StrictPacket in) {
        final Endpoint target = FuzzNetwork.target(in.destination());
        final boolean mayStop = in.isFragment() || in.bytes.length - ETHERNET > network.mtu(TestRelay.INNER);
        if (target != null && (!isAlone || mayStop || network.macOf(target) == 0)) {
            attempts.put(List.of(in.source(), in.destination()), nowMs);
        }
    }

    /** Sessions that have ended by now. */
    void forget() {
        byClient.values().removeIf(this::isOver);
        byReply.values().removeIf(sessions -> sessions.removeIf(this::isOver) && sessions.isEmpty());
        byExternal.values().removeIf(sessions -> sessions.removeIf(this::isOver) && sessions.isEmpty());
        attempts.values().removeIf(ms -> nowMs - ms > FORGOTTEN_MS);
    }

    private boolean isOver(final Session session) {
        return nowMs - session.lastSeenMs > FORGOTTEN_MS;
    }

    /** The endpoints of a whole datagram or of a first fragment are those of the session, which this may open. */
    String translation(final StrictPacket in, final StrictPacket out) {
        final Endpoint target = FuzzNetwork.target(in.destination());
        if (target != null) {
            final Session session = byClient.get(List.of(in.source(), in.destination()));
            if (!out.destination().equals(target) || !isFromPool(out.source())) {
                return "not from the pool to the rule's target";
            }
            if (session != null && isCertain(session) && !session.external.equals(out.source())) {
                return "the session's external endpoint changed";
            }
            for (final Session holder : byReply.getOrDefault(List.of(out.source(), target), Set.of())) {
                if (isCertain(holder) && !holder.client.equals(in.source())) {
                    return "another session holds that external endpoint";
                }
            }
            remember(in.source(), in.destination(), out.source(), target);
            return null;
        }
        final Session session = replying(in.destination(), in.source(), out);
        if (session == null) {
            return "no session answers so";
        }
        session.lastSeenMs = nowMs;
        return null;
    }

    private boolean isCertain(final Session session) {
        return session.isSure && nowMs - session.lastSeenMs < FuzzNetwork.UNANSWERED_MS;
    }

    private static boolean isFromPool(final Endpoint source) {
        return FuzzNetwork.isExternal(source) && source.port() >= FuzzNetwork.POOL_LOW
                && source.port() <= FuzzNetwork.POOL_HIGH;
    }

    private void remember(final Endpoint client, final Endpoint listener, final Endpoint external,
                          final Endpoint target) {
        final List<Endpoint> key = List.of(client, listener);
        Session session = byClient.get(key);
        if (session == null || !session.external.equals(external)) {
            session = new Session(client, listener, external, target);
            session.isSure = isAlone;
            byClient.put(key, session);
            clients.add(client.withoutPort());
        }
        session.lastSeenMs = nowMs;
        byReply.computeIfAbsent(List.of(external, target), reply -> new HashSet<>()).add(session);
        byExternal.computeIfAbsent(external, port -> new HashSet<>()).add(session);
    }

    private Session replying(final Endpoint external, final Endpoint remote, final StrictPacket out) {
        final Set<Session> sessions = network.isOpen() ? byExternal.get(external)
                : byReply.get(List.of(external, remote));
        final Session session = sessions == null ? null : sessions.stream()
                .filter(one -> one.leads(out.source(), out.destination())).findFirst().orElse(null);
        final Endpoint target = FuzzNetwork.target(out.source());
        final boolean mayBeUnseen = attempts.containsKey(List.of(out.destination(), out.source()))
                && isFromPool(external) && (network.isOpen() || remote.equals(target));
        if (session != null || !mayBeUnseen) {
            return session;
        }
        remember(out.destination(), out.source(), external, target);
        final Session unseen = byClient.get(List.of(out.destination(), out.source()));
        unseen.isSure = false;
        return unseen;
    }

    /** The same of the packet that an error quotes, and of the error itself. */
    String errorTranslation(final StrictPacket in, final StrictPacket out, final int addresses, final int ports) {
        final Endpoint ours = endpoint(in, addresses, ports);
        final Endpoint remote = endpoint(in, addresses + in.addressLength(), ports + 2);
        final Endpoint quotedSource = endpoint(out, addresses, ports);
        final Endpoint quotedDestination = endpoint(out, addresses + in.addressLength(), ports + 2);
        if (!ours.withoutPort().equals(in.destination())) {
            return "the error is not about who got it";
        }
        final boolean isFromPeer = in.source().equals(remote.withoutPort());
        for (final Session reply : byReply.getOrDefault(List.of(ours, remote), Set.of())) {
            if (reply.leads(quotedDestination, quotedSource)
                    && out.destination().equals(reply.client.withoutPort())
                    && out.source().equals(isFromPeer ? reply.listener.withoutPort() : in.source())) {
                return null;
            }
        }
        if (attempts.containsKey(List.of(quotedSource, quotedDestination)) && isFromPool(ours)
                && out.destination().equals(quotedSource.withoutPort())) {
            return null;
        }
        if (attempts.containsKey(List.of(remote, ours)) && quotedSource.equals(FuzzNetwork.target(ours))
                && out.destination().equals(quotedSource.withoutPort())) {
            return null;
        }
        final Session forward = byClient.get(List.of(remote, ours));
        final boolean isToTarget = forward != null && quotedSource.equals(forward.target)
                && (!forward.isSure || quotedDestination.equals(forward.external))
                && out.destination().equals(forward.target.withoutPort())
                && FuzzNetwork.isExternal(out.source());
        return isToTarget ? null : "the error is about no packet of a session";
    }

    private static Endpoint endpoint(final StrictPacket packet, final int address, final int port) {
        return StrictPacket.endpoint(packet.bytes, address, packet.etherType, word(packet.bytes, port));
    }
}
