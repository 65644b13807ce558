// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeded.class)
class SnatPoolTest {
    private static final RuleTable NO_RULES = new RuleTable(List.of());
    /** 203.0.113.1 and so on. */
    private static final int FIRST_ADDRESS = 0x0171_00CB;

    @Test
    @Tag("RFC4787-REQ-2")
    @Tag("RFC6888-REQ-2")
    @Tag("RFC7857-4")
    void aClientKeepsItsExternalAddressWhileItCan(final SplittableRandom random) {
        final SnatPool pool = pool(3, 2_000, 2_009, random);
        final int client = random.nextInt();
        final int external = SnatPool.external(pool.lend(client, 1, 0, 0, 0));
        for (int i = 1; i < 10; i++) {
            assertEquals(external, SnatPool.external(pool.lend(client, 1, 0, 0, 0)), "lease " + i);
        }
        for (int i = 0; i < 20; i++) {
            final int lease = pool.lend(client, 1, 0, 0, 0);
            assertTrue(lease != SnatPool.EXHAUSTED && SnatPool.external(lease) != external, "the others help out");
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(client, 1, 0, 0, 0));
        assertEquals(30, pool.lent());
        assertEquals(30, pool.size());
    }

    /** However close together clients live, no address of the pool is left to the last resort. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 8, 16})
    @Tag("RFC6888-REQ-3")
    void neighbouringClientsSpreadOverTheAddresses(final int addresses, final SplittableRandom random) {
        final SnatPool pool = pool(addresses, 1_024, 65_535, random);
        final int[] clients = new int[addresses];
        final int network = random.nextInt();
        for (int host = 0; host < 256; host++) {
            clients[SnatPool.external(pool.lend(network & 0xFF_FFFF | host << 24, 5_004, 0, 0, 0))]++;
        }
        for (final int count : clients) {
            assertTrue(count >= 256 / addresses / 4, "256 clients of a /24 share " + addresses + " addresses as "
                    + List.of(IntStream.of(clients).boxed().toArray()));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    @Tag("RFC4787-REQ-3")
    void workersLendFromOnePoolWithoutOverlapOrRest(final int workers, final SplittableRandom random) {
        for (final int[] range : new int[][] {{1_024, 65_535}, {65_529, 65_535}, {2_000, 2_006}, {1, 65_535}}) {
            final SnatPools pools = pools(NO_RULES, random, new SnatPool.Spec(0, List.of(FIRST_ADDRESS), range[0],
                    range[1]));
            final Set<Integer> lent = new HashSet<>();
            for (int i = 0; i < range[1] - range[0] + 1; i++) {
                final int worker = random.nextInt(workers);
                final int preferred = range[0] + i < 1_024 ? 1 : 5_000;
                final int lease = pools.get(0).lend(1, preferred, worker, 2 * i, 0);
                assertTrue(lent.add(SnatPool.port(lease)), "lent by two workers: " + SnatPool.port(lease));
                final ExternalPorts external = pools.find(FIRST_ADDRESS, SnatPool.port(lease));
                assertEquals(worker, external.owner(SnatPool.port(lease)));
                assertEquals(worker, pools.get(0).owner(lease));
                assertEquals(2 * i, pools.get(0).sessionOf(lease));
            }
            assertEquals(SnatPool.EXHAUSTED, pools.get(0).lend(1, 5_000, 0, 0, 0), "with " + workers + " workers");
        }
    }

    @Test
    @Tag("RFC4787-REQ-3a")
    void wellKnownPortsAreForWellKnownPorts(final SplittableRandom random) {
        final SnatPool pool = pool(1, 1_000, 1_040, random);
        for (int i = 0; i < 24; i++) {
            assertTrue(SnatPool.port(pool.lend(1, 500, 0, 0, 0)) < 1_024);
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(1, 500, 0, 0, 0), "1000 to 1023 are lent");
        for (int i = 0; i < 17; i++) {
            assertTrue(SnatPool.port(pool.lend(1, 5_000, 0, 0, 0)) >= 1_024);
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(1, 5_000, 0, 0, 0));
        assertEquals(41, pool.size());
    }

    @Test
    void aPoolOfOneClassServesBoth(final SplittableRandom random) {
        assertTrue(SnatPool.port(pool(1, 2_000, 2_009, random).lend(1, 500, 0, 0, 0)) >= 2_000);
        assertTrue(SnatPool.port(pool(1, 500, 509, random).lend(1, 5_000, 0, 0, 0)) < 510);
    }

    @Test
    void aPortThatIsNotLentHasNoOwner(final SplittableRandom random) {
        final SnatPool pool = pool(1, 2_000, 2_009, random);
        final int lease = pool.lend(1, 2_005, 127, 8, 0);
        assertEquals(127, pool.owner(lease));
        assertEquals(ExternalPorts.NO_OWNER, pool.owner(lease + 1));
        pool.giveBack(lease, 0);
        assertEquals(ExternalPorts.NO_OWNER, pool.owner(lease));
    }

    @Test
    void claimsALeaseOnce(final SplittableRandom random) {
        final SnatPool pool = pool(2, 2_000, 2_009, random);
        final int lease = SnatPool.lease(1, 2_003);
        assertTrue(pool.claim(lease, 3, 14));
        assertEquals(3, pool.owner(lease));
        assertEquals(14, pool.sessionOf(lease));
        assertFalse(pool.claim(lease, 4, 16), "claimed already");
        assertFalse(pool.claim(SnatPool.lease(2, 2_003), 0, 0), "no such address");
        assertFalse(pool.claim(SnatPool.lease(1, 2_010), 0, 0), "no such port");
        pool.giveBack(lease, 0);
        assertFalse(pool.claim(lease, 4, 16), "rests");
    }

    @Test
    @Tag("RFC4787-REQ-3")
    void poolsThatNameTheSameAddressShareItsPorts(final SplittableRandom random) {
        final SnatPools pools = pools(NO_RULES, random,
                new SnatPool.Spec(0, List.of(FIRST_ADDRESS, 7), 2_000, 2_009),
                new SnatPool.Spec(1, List.of(7), 2_000, 2_009), new SnatPool.Spec(2, List.of(7), 3_000, 3_009));
        final int first = pools.get(1).lend(1, 2_005, 0, 2, 0);
        assertEquals(2_005, SnatPool.port(first));
        assertFalse(pools.get(0).claim(SnatPool.lease(1, 2_005), 0, 4), "lent by the other pool");
        assertEquals(2, pools.find(7, 2_005).sessionOf(2_005));
        assertEquals(3_005, SnatPool.port(pools.get(2).lend(1, 3_005, 0, 6, 0)), "another range of the address");
    }

    /** Four threads in the place of workers: a port that two hold at a time would show. */
    @Test
    @Tag("RFC4787-REQ-3")
    void threadsNeverHoldTheSamePort(final SplittableRandom random) throws Exception {
        final int threads = 4;
        final SnatPool pool = pool(1, 2_000, 2_030, random);
        final AtomicIntegerArray holders = new AtomicIntegerArray(1 << Short.SIZE);
        final List<Callable<Void>> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            final int worker = i;
            final SplittableRandom own = random.split();
            workers.add(() -> {
                final Deque<Integer> mine = new ArrayDeque<>();
                for (int step = 0; step < 20_000; step++) {
                    final int lease = own.nextBoolean() ? pool.lend(1, own.nextInt(1 << 16), worker, step, step)
                            : SnatPool.EXHAUSTED;
                    if (lease != SnatPool.EXHAUSTED) {
                        assertEquals(1, holders.incrementAndGet(SnatPool.port(lease)), "holders of a port");
                        assertEquals(worker, pool.owner(lease));
                        mine.add(lease);
                    } else if (!mine.isEmpty()) {
                        holders.decrementAndGet(SnatPool.port(mine.peek()));
                        pool.giveBack(mine.remove(), step);
                    }
                }
                for (final int lease : mine) {
                    holders.decrementAndGet(SnatPool.port(lease));
                    pool.giveBack(lease, 0);
                }
                return null;
            });
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(threads)) {
            for (final Future<Void> done : executor.invokeAll(workers)) {
                done.get();
            }
        }
        assertEquals(0, pool.lent());
    }

    @Test
    @Tag("RFC4787-REQ-3")
    void neverLendsAListenersPort(final SplittableRandom random) {
        final int second = FIRST_ADDRESS + (1 << 24);
        final Rule rule = new Rule(0, "r", second, 2_003, 2_005, List.of(), 1, 7_890, false, 0,
                NatBehavior.STRICT, 1, 1, true, true, Limits.NONE, Limits.NONE);
        final SnatPool pool = pools(new RuleTable(List.of(rule)), random,
                new SnatPool.Spec(0, List.of(FIRST_ADDRESS, second), 2_000, 2_009)).get(0);
        assertEquals(17, pool.size());
        for (int i = 0; i < 17; i++) {
            final int lease = pool.lend(i, 2_004, 0, 0, 0);
            final int port = SnatPool.port(lease);
            assertFalse(pool.address(SnatPool.external(lease)) == second && port >= 2_003 && port <= 2_005,
                    "port " + port);
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(0, 0, 0, 0, 0));
    }

    /** What a refused newcomer costs: no search, wherever replies land; a draw is the beginning of one. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Tag("RFC6888-REQ-11a")
    void anExhaustedPoolIsNotSearched(final boolean isAimed, final SplittableRandom random) {
        final AtomicInteger draws = new AtomicInteger();
        final SnatPool pool = new SnatPools(List.of(new SnatPool.Spec(0, addresses(100), 2_000, 2_009)), NO_RULES,
                () -> {
                    draws.incrementAndGet();
                    return random.nextLong();
                }).get(0);
        final ReplyAim aim = isAimed ? aim(0, 8, random) : null;
        for (int i = 0; i < 1_000; i++) {
            assertTrue(pool.lend(random.nextInt(), random.nextInt(1 << 16), 0, 0, aim, 0) != SnatPool.EXHAUSTED);
        }
        draws.set(0);
        for (int i = 0; i < 1_000; i++) {
            assertEquals(SnatPool.EXHAUSTED, pool.lend(random.nextInt(), random.nextInt(1 << 16), 0, 0, aim, 0));
        }
        assertEquals(0, draws.get(), "ports drawn for 1,000 refused newcomers");
    }

    /** However many addresses are empty, whoever shares them, and wherever among them the client's first one lies. */
    @Test
    void findsTheOneAddressThatHasAPort(final SplittableRandom random) {
        final List<Integer> addresses = addresses(300);
        final SnatPools pools = pools(NO_RULES, random, new SnatPool.Spec(0, addresses.subList(100, 110), 2_000, 2_001),
                new SnatPool.Spec(1, addresses, 2_000, 2_001),
                new SnatPool.Spec(2, addresses.subList(0, 3), 2_000, 2_001));
        final SnatPool pool = pools.get(1);
        for (int i = 0; i < 600; i++) {
            assertTrue(pool.lend(random.nextInt(), 2_000, 0, 0, 0) != SnatPool.EXHAUSTED);
        }
        for (int round = 0; round < 1_000; round++) {
            final int external = random.nextInt(300);
            pool.giveBack(SnatPool.lease(external, 2_001), 0);
            final int lease = pool.lend(random.nextInt(), 2_000, 0, 0, 0);
            assertEquals(SnatPool.lease(external, 2_001), lease);
            assertEquals(addresses.get(external), pool.address(SnatPool.external(lease)));
            assertEquals(SnatPool.EXHAUSTED, pool.lend(random.nextInt(), 2_000, 0, 0, 0));
            assertEquals(SnatPool.EXHAUSTED, pools.get(0).lend(1, 2_000, 0, 0, 0), "a pool of ten of them");
            assertEquals(SnatPool.EXHAUSTED, pools.get(2).lend(1, 2_000, 0, 0, 0), "a pool of three of them");
        }
        pools.get(0).giveBack(SnatPool.lease(4, 2_000), 0);
        assertEquals(SnatPool.lease(104, 2_000), pool.lend(1, 2_000, 0, 0, 0), "given back through another pool");
    }

    /** Against a model that knows for each port whether it is lent and since when it rests. */
    @Test
    void lendsAPairAsSoonAsTwoNeighboursHaveRested(final SplittableRandom random) {
        final SnatPool pool = pool(3, 2_000, 2_007, random);
        final Map<Integer, Long> restedMs = new HashMap<>();
        final List<Integer> lent = new ArrayList<>();
        long nowMs = 0;
        for (int step = 0; step < 20_000; step++) {
            nowMs += 100 * random.nextInt(step / 2_000 % 2 == 0 ? 20 : 1_000);
            if (random.nextInt(5) < 2 && !lent.isEmpty()) {
                final int lease = lent.remove(random.nextInt(lent.size()));
                pool.giveBack(lease, nowMs);
                restedMs.put(lease, nowMs + PortPool.REST_MS);
                continue;
            }
            final long now = nowMs;
            final boolean hasPair = IntStream.range(0, 3 * 8 / 2)
                    .map(pair -> SnatPool.lease(pair / 4, 2_000 + pair % 4 * 2))
                    .anyMatch(even -> restedMs.getOrDefault(even, 0L) <= now
                            && restedMs.getOrDefault(even + 1, 0L) <= now);
            // Rested ports are woken two at a time.
            int even = SnatPool.EXHAUSTED;
            for (int asked = 0; asked < 5 && even == SnatPool.EXHAUSTED; asked++) {
                even = pool.lendPair(random.nextInt(), random.nextInt(1 << 16), 0, nowMs);
            }
            assertEquals(hasPair, even != SnatPool.EXHAUSTED, "step " + step);
            if (hasPair) {
                for (int lease = even; lease <= even + 1; lease++) {
                    assertTrue(restedMs.getOrDefault(lease, 0L) <= nowMs, "lent or resting: " + lease);
                    restedMs.put(lease, Long.MAX_VALUE);
                    lent.add(lease);
                }
            }
        }
    }

    /** Where few ports are left each is tried, so a port that hits is found whenever there is one. */
    @Test
    @Tag("RFC4787-REQ-4")
    void aimsAtTheLastPortsOfAPool(final SplittableRandom random) {
        for (int round = 0; round < 20; round++) {
            final ReplyAim aim = aim(1, 16, random);
            final SnatPool pool = pool(1, 1_024, 65_535, random);
            final List<Integer> left = new ArrayList<>();
            while (left.size() < 40) {
                final int port = random.nextInt(1_024, 65_536) & ~1;
                if (!left.contains(port)) {
                    left.add(port);
                }
            }
            for (int port = 1_024; port <= 65_535; port++) {
                assertTrue((port & 1) == 0 && left.contains(port) || pool.claim(SnatPool.lease(0, port), 0, 0));
            }
            aim.from(FIRST_ADDRESS);
            final boolean canHit = left.stream().anyMatch(aim::isHitBy);
            final int port = SnatPool.port(pool.lend(1, 8_000, 0, 0, aim, 0));
            assertTrue(left.contains(port));
            assertEquals(canHit, aim.isHitBy(port), "of " + left.size() + " ports");
        }
    }

    /** Under this key; under some, whole queues cannot be reached by ports of one parity. */
    @Test
    void nearlyAllLeasesHitTheirAim() {
        final SplittableRandom random = new SplittableRandom(7);
        final ReplyAim aim = aim(3, 8, random);
        final SnatPool pool = pool(1, 1_024, 65_535, random);
        aim.from(FIRST_ADDRESS);
        int missed = 0;
        for (int i = 0; i < 4_000; i++) {
            missed += aim.isHitBy(SnatPool.port(pool.lend(1, random.nextInt(1 << 16), 0, 0, aim, 0))) ? 0 : 1;
        }
        assertTrue(missed <= 40, missed + " of 4,000 miss");
    }

    @Test
    void aLeaseGoesBackToTheAddressItCameFrom(final SplittableRandom random) {
        final SnatPool pool = pool(2, 2_000, 2_000, random);
        final int first = pool.lend(1, 2_000, 0, 0, 0);
        final int second = pool.lend(1, 2_000, 0, 0, 0);
        assertEquals(SnatPool.lease(SnatPool.external(first), 2_000), first);
        pool.giveBack(second, 0);
        assertEquals(1, pool.lent());
        assertEquals(second, pool.lend(1, 2_000, 0, 0, 0));
    }

    @Test
    void findsWhatAPoolCovers(final SplittableRandom random) {
        final SnatPools pools = pools(NO_RULES, random, new SnatPool.Spec(0, List.of(FIRST_ADDRESS, 7), 2_000, 2_009));
        assertEquals(FIRST_ADDRESS, pools.find(FIRST_ADDRESS, 2_000).address());
        assertEquals(7, pools.find(7, 2_009).address());
        assertNull(pools.find(7, 1_999));
        assertNull(pools.find(7, 2_010));
        assertNull(pools.find(8, 2_005));
        assertNull(pools(NO_RULES, random).find(8, 2_005), "without a pool");
    }

    /** Of replies to one of so many workers, behind a NIC with a random key. */
    private static ReplyAim aim(final int worker, final int workers, final SplittableRandom random) {
        final byte[] key = new byte[Toeplitz.IPV6_KEY_LENGTH];
        random.nextBytes(key);
        final ReplyQueues queues = new ReplyQueues(new Toeplitz(key),
                IntStream.range(0, 128).map(i -> i % workers).toArray(), true);
        return new ReplyAim(worker, null, new ReplyQueues[] {queues}).at(0, random.nextInt() & ~0xF0, 7_000);
    }

    private static List<Integer> addresses(final int count) {
        return IntStream.range(0, count).mapToObj(i -> FIRST_ADDRESS + (i << 24) + (i >> 8 << 16)).toList();
    }

    private static SnatPool pool(final int addresses, final int low, final int high, final SplittableRandom random) {
        return pools(NO_RULES, random, new SnatPool.Spec(0, addresses(addresses), low, high)).get(0);
    }

    private static SnatPools pools(final RuleTable rules, final SplittableRandom random,
                                   final SnatPool.Spec... specs) {
        return new SnatPools(List.of(specs), rules, random);
    }
}
