// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Limits do what plain maps would do that remember every network and every opening, over random histories. */
@ExtendWith(Seeded.class)
class LimitsProperties {
    private static final int CAPACITY = 500;
    private static final int STEPS = 40_000;
    private static final int CROWD = (1 << 17) - 1;
    private static final Limits.Spec SPEC = new Limits.Spec(24, 60, 24, 48, 7, 2);
    private static final List<Rule> RULES = List.of(rule(0, 30, 12), rule(1, Limits.NONE, Limits.NONE),
            rule(2, 3, 2));

    /** A sender and the number of its network, which the model knows by itself. */
    private record Sender(int client, int network) {
    }

    private record Live(int rule, Sender sender, int session, boolean[] waits) {
    }

    private final List<Live> live = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();
    private final Bucket all = new Bucket(SPEC.newPerSecond());
    private final Map<Integer, Bucket> byRule = new HashMap<>();
    private final Map<Integer, Bucket> bySource = new HashMap<>();
    private SplittableRandom random;
    private AddressBook book;
    private int now;

    /** Tokens counted one by one, in thousandths. */
    private static final class Bucket {
        private final int perSecond;
        private double tokens;
        private long atMs;

        Bucket(final int perSecond) {
            this.perSecond = perSecond;
            this.tokens = perSecond;
        }

        boolean has(final long nowMs) {
            tokens = Math.min(perSecond, tokens + (nowMs - atMs) * (double) perSecond / 1_000);
            atMs = nowMs;
            return perSecond == Limits.NONE || tokens > 1 - 1e-4;
        }
    }

    @Test
    void agreeWithMapsThatRememberEverything(final SplittableRandom seeded) {
        random = seeded;
        now = random.nextInt();
        RULES.forEach(rule -> byRule.put(rule.index(), new Bucket(rule.newPerSecond())));
        try (Arena arena = Arena.ofConfined()) {
            final FlowTable flows = new FlowTable(FlowFile.inMemory(CAPACITY, CAPACITY + 1, arena));
            book = flows.addressBook(List.of());
            final Limits limits = new Limits(SPEC, RULES, 1, flows, book, arena);
            for (int session = 0; session < CAPACITY; session++) {
                free.add(session);
            }
            final int[] verdicts = new int[DropReason.count() + 1];
            long nowMs = 0;
            limits.check(0, 0, Ipv6Address.mapped(1), now);
            for (int step = 0; step < STEPS; step++) {
                final int passed = random.nextInt(50) == 0 ? random.nextInt(3_000) : random.nextInt(4);
                now += passed;
                nowMs += passed;
                verdicts[-tryToOpen(limits, nowMs)]++;
                for (int i = random.nextInt(3); i > 0 && !live.isEmpty(); i--) {
                    endOrAnswer(limits);
                }
            }
            for (final DropReason reason : List.of(DropReason.RATE_LIMITED, DropReason.RULE_RATE_LIMITED,
                    DropReason.SOURCE_RATE_LIMITED, DropReason.RULE_LIMIT, DropReason.SOURCE_LIMIT,
                    DropReason.UNANSWERED_LIMIT)) {
                assertTrue(verdicts[reason.ordinal() + 1] > 0, reason.label() + " occurred");
            }
        }
    }

    /** The fullest that the table of networks can be: just so many sessions that it is not yet made larger. */
    @Test
    void nearlyEverySessionMayBeOfANetworkOfItsOwn() {
        try (Arena arena = Arena.ofConfined()) {
            final FlowTable flows = new FlowTable(FlowFile.inMemory(CROWD, arena));
            final Limits.Spec one = new Limits.Spec(Limits.NONE, Limits.NONE, 32, 64, 1, Limits.NONE);
            final Limits limits = new Limits(one, RULES, 1, flows, flows.addressBook(List.of()), arena);
            int refused = 0;
            for (int session = 0; session < CROWD; session++) {
                final int client = 0x0A | session << Byte.SIZE;
                if (limits.check(1, 0, Ipv6Address.mapped(client), 0) == Limits.ADMITTED) {
                    limits.opened(1, client, session);
                } else {
                    refused++;
                }
            }
            assertTrue(refused * 1_000L < CROWD, refused + " of " + CROWD + " were refused for want of a place");
        }
    }

    private int tryToOpen(final Limits limits, final long nowMs) {
        final int rule = random.nextInt(RULES.size());
        final Sender sender = sender();
        final int verdict = limits.check(rule, book.high(sender.client()), book.low(sender.client()), now);
        assertEquals(expected(rule, sender.network(), nowMs), verdict, "at " + nowMs + " ms");
        if (verdict == Limits.ADMITTED && !free.isEmpty()) {
            final int session = free.remove();
            book.reference(sender.client());
            limits.opened(rule, sender.client(), session);
            live.add(new Live(rule, sender, session, new boolean[] {true}));
            all.tokens--;
            byRule.get(rule).tokens--;
            bySource.get(sender.network()).tokens--;
        }
        book.release(sender.client());
        return verdict;
    }

    /** Half of them by IPv6, with a reference to its number; networks of both families begin with the same bits. */
    private Sender sender() {
        final int network = random.nextInt(8);
        final int host = random.nextInt(200);
        if (random.nextBoolean()) {
            return new Sender(0x20 | network << 8 | host << 24, network);
        }
        final long high = 0x20 | (long) network << 8 | (long) host << 48;
        return new Sender(book.acquire(high, random.nextInt(3)), network | 0x100);
    }

    private int expected(final int rule, final int network, final long nowMs) {
        final boolean source = bySource.computeIfAbsent(network, key -> new Bucket(SPEC.sourceNewPerSecond()))
                .has(nowMs);
        final boolean ofRule = byRule.get(rule).has(nowMs);
        if (!all.has(nowMs)) {
            return ~DropReason.RATE_LIMITED.ordinal();
        }
        if (!ofRule) {
            return ~DropReason.RULE_RATE_LIMITED.ordinal();
        }
        final int limit = RULES.get(rule).sessionsLimit();
        if (limit != Limits.NONE && live.stream().filter(session -> session.rule() == rule).count() >= limit) {
            return ~DropReason.RULE_LIMIT.ordinal();
        }
        if (live.stream().filter(session -> session.waits()[0]).count() >= SPEC.unanswered()) {
            return ~DropReason.UNANSWERED_LIMIT.ordinal();
        }
        if (!source) {
            return ~DropReason.SOURCE_RATE_LIMITED.ordinal();
        }
        return live.stream().filter(session -> session.sender().network() == network).count()
                >= SPEC.sourceSessions() ? ~DropReason.SOURCE_LIMIT.ordinal() : Limits.ADMITTED;
    }

    private void endOrAnswer(final Limits limits) {
        final int at = random.nextInt(live.size());
        final Live session = live.get(at);
        if (random.nextInt(8) == 0) {
            limits.answered(session.session());
            session.waits()[0] = false;
        } else if (random.nextInt(3) == 0) {
            live.remove(at);
            limits.closed(session.rule(), session.sender().client(), session.session());
            book.release(session.sender().client());
            free.add(session.session());
        }
    }

    private static Rule rule(final int index, final int sessions, final int newPerSecond) {
        return new Rule(index, "r" + index, 1, 1, 1, List.of(), 2, 1, false, Rule.NO_SNAT, NatBehavior.STRICT, 1, 1,
                true, true, sessions, newPerSecond);
    }
}
