// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.util.List;

/**
 * Who may open how many sessions and how fast: in all, by rule, and by the network of the sender; and how many may wait
 * for their first answer. Live sessions never pay for newcomers (RFC 6888 REQ-11): who exceeds a limit is refused. A
 * worker enforces its share of each. A question costs the same however many sessions there are. Owned by one worker.
 */
public final class Limits {
    /** In place of a number: there is no such limit. */
    public static final int NONE = 0;
    static final int ADMITTED = 0;

    private static final int MS_PER_SECOND = 1_000;
    private static final long NS_PER_MS = 1_000_000;

    /**
     * As configured, for all workers together; NONE where there is no limit.
     *
     * @param unanswered sessions that wait for their first answer
     * @param prefix bits that make a sender's network of its IPv4 address, and {@code prefix6} of its IPv6 address
     * @param sourceSessions and {@code sourceNewPerSecond}: of each such network
     */
    public record Spec(int newPerSecond, int unanswered, int prefix, int prefix6, int sourceSessions,
                       int sourceNewPerSecond) {
        public static final Spec UNLIMITED = new Spec(NONE, NONE, 32, 64, NONE, NONE);
    }

    private final boolean limitsAnything;
    private final boolean limitsSources;
    private final AddressBook book;
    private final long networkMask;
    private final long networkMask6;
    private final int unansweredLimit;
    private final int sourceLimit;
    private final int[] ruleLimit;
    /** Between two new sessions at the limit's rate; 0 if there is none. */
    private final long intervalNs;
    private final long sourceIntervalNs;
    private final long[] ruleIntervalNs;

    private int unanswered;
    private final int[] ruleSessions;
    /** When the bucket is full again, on the clock of {@link #nowNs}. */
    private long fullNs;
    private final long[] ruleFullNs;
    private final SourceTable sources;
    /** A bit for each session that counts as unanswered. */
    private final long[] waits;

    /** Of the last question, on the worker's clock. */
    private long nowNs;

    /** @param flows whose hash spreads the senders, and whose capacity bounds them */
    public Limits(final Spec spec, final List<Rule> rules, final int workers, final FlowTable flows,
                  final AddressBook book, final Arena arena) {
        this.book = book;
        limitsSources = spec.sourceSessions() != NONE || spec.sourceNewPerSecond() != NONE;
        limitsAnything = limitsSources || spec.newPerSecond() != NONE || spec.unanswered() != NONE
                || rules.stream().anyMatch(rule -> rule.sessionsLimit() != NONE || rule.newPerSecond() != NONE);
        networkMask = Ipv6Address.mask(Ipv6Address.MAPPED_PREFIX_BITS - Long.SIZE + spec.prefix());
        networkMask6 = Ipv6Address.mask(spec.prefix6());
        unansweredLimit = share(spec.unanswered(), workers);
        sourceLimit = share(spec.sourceSessions(), workers);
        ruleLimit = rules.stream().mapToInt(rule -> share(rule.sessionsLimit(), workers)).toArray();
        intervalNs = intervalNs(spec.newPerSecond(), workers);
        sourceIntervalNs = intervalNs(spec.sourceNewPerSecond(), workers);
        ruleIntervalNs = rules.stream().mapToLong(rule -> intervalNs(rule.newPerSecond(), workers)).toArray();
        ruleSessions = new int[rules.size()];
        ruleFullNs = new long[rules.size()];
        sources = new SourceTable(limitsSources ? flows.capacity() : 0, flows, arena);
        waits = new long[spec.unanswered() == NONE ? 0 : (flows.capacity() + Long.SIZE - 1) / Long.SIZE];
    }

    private static int share(final int limit, final int workers) {
        return limit == NONE ? Integer.MAX_VALUE : Math.max(1, limit / workers);
    }

    private static long intervalNs(final int newPerSecond, final int workers) {
        return newPerSecond == NONE ? 0 : MS_PER_SECOND * NS_PER_MS / share(newPerSecond, workers);
    }

    /**
     * Whether a client may open a session of this rule.
     *
     * @param high and {@code low} halves of its address; IPv4 as ::ffff:a.b.c.d
     * @return ADMITTED, or the complement (~) of a drop reason's ordinal; nothing is taken yet
     */
    int check(final int rule, final long high, final long low, final long nowMs) {
        if (!limitsAnything) {
            return ADMITTED;
        }
        nowNs = nowMs * NS_PER_MS;
        if (!hasToken(fullNs, intervalNs)) {
            return ~DropReason.RATE_LIMITED.ordinal();
        }
        if (!hasToken(ruleFullNs[rule], ruleIntervalNs[rule])) {
            return ~DropReason.RULE_RATE_LIMITED.ordinal();
        }
        if (ruleSessions[rule] >= ruleLimit[rule]) {
            return ~DropReason.RULE_LIMIT.ordinal();
        }
        if (unanswered >= unansweredLimit) {
            return ~DropReason.UNANSWERED_LIMIT.ordinal();
        }
        return limitsSources ? checkSource(networkOf(high, low)) : ADMITTED;
    }

    private int checkSource(final long network) {
        final long source = sources.find(network, nowNs);
        if (source == SourceTable.NOT_FOUND) {
            return sources.hasRoom(network, nowNs) ? ADMITTED : ~DropReason.SOURCE_LIMIT.ordinal();
        }
        if (!hasToken(sources.fullNs(source), sourceIntervalNs)) {
            return ~DropReason.SOURCE_RATE_LIMITED.ordinal();
        }
        return sources.sessions(source) < sourceLimit ? ADMITTED : ~DropReason.SOURCE_LIMIT.ordinal();
    }

    /** A session that was checked at this time has been opened. */
    void opened(final int rule, final int client, final int session) {
        if (!limitsAnything) {
            return;
        }
        fullNs = take(fullNs, intervalNs);
        ruleFullNs[rule] = take(ruleFullNs[rule], ruleIntervalNs[rule]);
        count(rule, client, session);
        final long source = limitsSources ? sources.find(networkOf(client), nowNs) : SourceTable.NOT_FOUND;
        if (source != SourceTable.NOT_FOUND) {
            sources.fullNs(source, take(sources.fullNs(source), sourceIntervalNs));
        }
    }

    /** A session lives, whenever it was opened, and is not known to be answered. */
    void count(final int rule, final int client, final int session) {
        if (!limitsAnything) {
            return;
        }
        ruleSessions[rule]++;
        if (limitsSources) {
            sources.add(networkOf(client), nowNs);
        }
        if (waits.length != 0) {
            waits[session / Long.SIZE] |= 1L << session;
            unanswered++;
        }
    }

    /** A live session has an answer, its first or another. */
    void answered(final int session) {
        if (waits.length != 0 && (waits[session / Long.SIZE] >>> session & 1) != 0) {
            waits[session / Long.SIZE] &= ~(1L << session);
            unanswered--;
        }
    }

    /** A session that was counted ends. */
    void closed(final int rule, final int client, final int session) {
        if (!limitsAnything) {
            return;
        }
        answered(session);
        ruleSessions[rule]--;
        if (limitsSources) {
            sources.remove(networkOf(client), nowNs);
        }
    }

    /**
     * The sender's network: the half of its address that tells networks apart, the first one of an IPv6 address and the
     * second one of ::ffff:a.b.c.d. No IPv6 host has a first half like that.
     */
    private long networkOf(final int client) {
        return networkOf(book.high(client), book.low(client));
    }

    private long networkOf(final long high, final long low) {
        return Ipv6Address.isMapped(high, low) ? low & networkMask : high & networkMask6;
    }

    /**
     * A bucket holds the sessions of one second and fills at the limit's rate. It is kept as the time at which it will
     * be full: as far ahead as tokens are missing.
     */
    private boolean hasToken(final long bucketFullNs, final long bucketIntervalNs) {
        return bucketFullNs + bucketIntervalNs - nowNs <= MS_PER_SECOND * NS_PER_MS;
    }

    private long take(final long bucketFullNs, final long bucketIntervalNs) {
        return Math.max(bucketFullNs, nowNs) + bucketIntervalNs;
    }
}
