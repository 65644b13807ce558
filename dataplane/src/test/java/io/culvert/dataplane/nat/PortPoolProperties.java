// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeded.class)
class PortPoolProperties {
    private static final int REST_MS = 120_000;
    private static final IntPredicate NOTHING = port -> false;

    /** Against a set of what is lent and a queue of what rests, on a clock that jumps. */
    @ParameterizedTest
    @CsvSource({"40000, 40000", "40000, 40001", "1, 63", "64, 127", "30000, 30200", "65500, 65535", "0, 300"})
    @Tag("RFC4787-REQ-3")
    void neverLendsTwice(final int low, final int high, final SplittableRandom random) {
        final BitSet excluded = new BitSet();
        for (int port = low; port < high; port++) {
            excluded.set(port, random.nextInt(4) == 0);
        }
        final PortPool pool = new PortPool(low, high, excluded::get, random.split());
        final int size = high - low + 1 - excluded.cardinality();
        assertEquals(size, pool.size());
        final List<Integer> lent = new ArrayList<>();
        final Deque<Integer> resting = new ArrayDeque<>();
        final Map<Integer, Long> returnedMs = new HashMap<>();
        long nowMs = Integer.MAX_VALUE - 500_000;
        for (int step = 0; step < 20_000; step++) {
            nowMs += random.nextInt(20) == 0 ? random.nextInt(2 * REST_MS) : random.nextInt(100);
            if (random.nextInt(10) < (step / 1_000 % 2 == 0 ? 7 : 3)) {
                final int port = pool.lend(random.nextInt(1 << 16), nowMs);
                if (lent.size() == size) {
                    assertEquals(PortPool.EXHAUSTED, port);
                    continue;
                }
                assertTrue(port >= low && port <= high && !excluded.get(port), port + " is not of the pool");
                assertFalse(lent.contains(port), port + " is lent already");
                if (resting.remove(port) && nowMs - returnedMs.get(port) < REST_MS) {
                    assertEquals(size, lent.size() + resting.size() + 1, port + " was woken though others were free");
                }
                lent.add(port);
            } else if (!lent.isEmpty()) {
                final int port = lent.remove(random.nextInt(lent.size()));
                pool.giveBack(port, nowMs);
                resting.add(port);
                returnedMs.put(port, nowMs);
            }
            assertEquals(lent.size(), pool.lent(), "step " + step);
        }
    }

    @Test
    @Tag("RFC6888-REQ-13")
    void lendsEveryPortOnceBeforeItIsExhausted(final SplittableRandom random) {
        final PortPool pool = new PortPool(1_024, 65_535, port -> port % 5 == 0, random);
        final BitSet lent = new BitSet();
        for (int i = 0; i < pool.size(); i++) {
            final int port = pool.lend(random.nextInt(1 << 16), i);
            assertTrue(port >= 1_024 && port % 5 != 0, "port " + port);
            assertFalse(lent.get(port), "port " + port);
            lent.set(port);
        }
        assertEquals(PortPool.EXHAUSTED, pool.lend(2_001, 1_000));
        assertEquals(pool.size(), pool.lent());
    }

    @Test
    void keepsTheClientsPortWhileItIsFree(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 3_000, NOTHING, random);
        assertEquals(2_000, pool.lend(2_000, 0));
        assertEquals(3_000, pool.lend(3_000, 0));
        assertEquals(2_345, pool.lend(2_345, 0));
        assertNotEquals(2_345, pool.lend(2_345, 0), "lent already");
        assertNotEquals(1_999, pool.lend(1_999, 0), "outside the pool");
    }

    @Test
    @Tag("RFC4787-REQ-4")
    @Tag("RFC7857-8")
    void keepsTheParityOfTheClientsPortWhileItCan(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_099, NOTHING, random);
        for (int i = 0; i < 50; i++) {
            assertEquals(1, pool.lend(5_005, 0) & 1, "odd port " + i);
        }
        for (int i = 0; i < 50; i++) {
            assertEquals(0, pool.lend(5_005, 0) & 1, "no odd port is left");
        }
        assertEquals(PortPool.EXHAUSTED, pool.lend(5_005, 0));
    }

    @Test
    @Tag("RFC6888-REQ-8")
    void aReturnedPortRestsBeforeItIsLentAgain(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_001, NOTHING, random);
        assertEquals(2_000, pool.lend(2_000, 0));
        pool.giveBack(2_000, 1_000);
        assertEquals(2_001, pool.lend(2_000, 1_000 + REST_MS - 1), "its rest is not over");
        pool.giveBack(2_001, 1_000 + REST_MS);
        assertEquals(2_000, pool.lend(2_000, 1_000 + REST_MS), "rested");
        assertEquals(2_001, pool.lend(2_000, 1_001 + REST_MS), "nothing else is left, so its rest ends early");
        assertEquals(PortPool.EXHAUSTED, pool.lend(2_000, 1_001 + REST_MS));
    }

    /** Where 31 and 32 bits of milliseconds end, and 31 of the unit of returns: after 25 days, 50 days and 7 years. */
    @ParameterizedTest
    @ValueSource(longs = {1L << 31, 1L << 32, 100L << 31})
    void theRestIsCountedAcrossTheWrapOfTheClock(final long wrapMs, final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_001, NOTHING, random);
        pool.lend(2_000, wrapMs - 1_000);
        pool.giveBack(2_000, wrapMs - 1_000);
        assertEquals(2_001, pool.lend(2_000, wrapMs + 1_000));
        assertEquals(2_000, pool.lend(2_000, wrapMs + REST_MS - 1_000));
    }

    /** A port that comes back in the midst of a unit rests for the whole time, too. */
    @Test
    void noPortRestsForLess(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_001, NOTHING, random);
        pool.lend(2_000, 1_050);
        pool.giveBack(2_000, 1_050);
        assertEquals(2_001, pool.lend(2_000, 1_049 + REST_MS), "its rest is not over");
    }

    /** RFC 6056: who sees one port shall not know the next. */
    @Test
    @Tag("RFC6888-REQ-15")
    @Tag("RFC7857-9")
    void choosesAnyPortOfASmallRange(final SplittableRandom random) {
        final Map<Integer, Integer> chosen = new HashMap<>();
        for (int i = 0; i < 2_000; i++) {
            chosen.merge(new PortPool(40_000, 40_099, NOTHING, random).lend(5, 0), 1, Integer::sum);
        }
        assertTrue(chosen.size() >= 45, "only " + chosen.size() + " of 50 odd ports were ever chosen first");
        chosen.forEach((port, times) -> assertTrue(times < 200, port + " was chosen " + times + " times of 2000"));
    }

    /** RFC 6056: the first ports of 10,000 pools are as even as chance is (chi-square, 127 degrees of freedom). */
    @Test
    @Tag("RFC6888-REQ-15")
    @Tag("RFC7857-9")
    void choosesPortsThatAreHardToGuess(final SplittableRandom random) {
        final int bins = 128;
        final int[] chosen = new int[bins];
        final PortPool pool = new PortPool(1_024, 65_535, NOTHING, random);
        for (int i = 0; i < 10_000; i++) {
            final int port = pool.lend(1 + 2 * (i & 1), i);
            chosen[(port - 1_024) * bins / (65_536 - 1_024)]++;
            pool.giveBack(port, i);
        }
        double chiSquare = 0;
        for (final int count : chosen) {
            chiSquare += Math.pow(count - 10_000.0 / bins, 2) / (10_000.0 / bins);
        }
        // One in a million random choices lies outside.
        assertTrue(chiSquare > 60 && chiSquare < 222, "chi-square is " + chiSquare);
    }

    @ParameterizedTest
    @CsvSource({"2000, 2001, 1", "2001, 2004, 1", "2000, 2127, 64", "1024, 65535, 32256", "65534, 65535, 1"})
    void lendsEveryPairOfNeighbours(final int low, final int high, final int pairs, final SplittableRandom random) {
        final PortPool pool = new PortPool(low, high, NOTHING, random);
        final BitSet lent = new BitSet();
        for (int i = 0; i < pairs; i++) {
            final int even = pool.lendPair(random.nextInt(1 << 16), 0);
            assertTrue((even & 1) == 0 && even >= low && even + 1 <= high, "pair at " + even);
            assertFalse(lent.get(even) || lent.get(even + 1), "lent twice: " + even);
            lent.set(even, even + 2);
        }
        assertEquals(PortPool.EXHAUSTED, pool.lendPair(2_000, 0));
        assertEquals(2 * pairs, pool.lent());
    }

    @Test
    void lendsNoHalfPairs(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_005, port -> port == 2_003, random);
        assertEquals(2_000, pool.lend(2_000, 0));
        assertEquals(2_004, pool.lendPair(2_001, 0), "the only one left");
        assertEquals(PortPool.EXHAUSTED, pool.lendPair(2_001, 0));
        assertEquals(2_002, pool.lend(2_000, 0), "single ports go on");
    }

    /** What listeners hold must not pile up on the first port behind them. */
    @Test
    void choosesAnyPortBehindTheListeners(final SplittableRandom random) {
        final Map<Integer, Integer> chosen = new HashMap<>();
        for (int i = 0; i < 2_000; i++) {
            chosen.merge(new PortPool(1_024, 65_535, port -> port < 44_000, random).lend(5, 0), 1, Integer::sum);
        }
        chosen.forEach((port, times) -> assertTrue(times < 20, port + " was chosen " + times + " times of 2000"));
    }

    @Test
    void claimsOnlyWhatIsFree(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_001, port -> port == 2_001, random);
        assertFalse(pool.claim(2_001), "excluded");
        assertFalse(pool.claim(1_999), "outside");
        assertTrue(pool.claim(2_000));
        assertFalse(pool.claim(2_000), "claimed already");
        assertEquals(PortPool.EXHAUSTED, pool.lend(2_000, 0));
        pool.giveBack(2_000, 0);
        assertFalse(pool.claim(2_000), "rests");
    }

    /** A draw is the beginning of a search. */
    @Test
    void aPoolWithoutPairsIsNotSearchedForOne() {
        final PortPool pool = new PortPool(20_000, 29_999, port -> false, () -> {
            throw new AssertionError("a search");
        });
        for (int even = 20_000; even <= 29_999; even += 2) {
            assertTrue(pool.claim(even));
        }
        assertEquals(PortPool.EXHAUSTED, pool.lendPair(20_002, 0));
    }

    /** Singles and pairs by turns, in pools of every parity of edges, against the ports that are known to be lent. */
    @ParameterizedTest
    @CsvSource({"40000, 40063", "40001, 40063", "40001, 40064", "1, 7", "65500, 65535"})
    void pairsAndSinglesShareThePorts(final int low, final int high, final SplittableRandom random) {
        final PortPool pool = new PortPool(low, high, port -> port % 7 == 0, random.split());
        final BitSet taken = new BitSet();
        final List<Integer> lent = new ArrayList<>();
        long nowMs = 0;
        for (int step = 0; step < 10_000; step++) {
            nowMs += REST_MS / 4;
            if (random.nextInt(5) < 2 && !lent.isEmpty()) {
                final int port = lent.remove(random.nextInt(lent.size()));
                pool.giveBack(port, nowMs);
                taken.clear(port);
                continue;
            }
            final boolean isPair = random.nextBoolean();
            final int wish = random.nextInt(1 << 16);
            final int port = isPair ? pool.lendPair(wish, nowMs) : pool.lend(wish, nowMs);
            if (port == PortPool.EXHAUSTED) {
                assertTrue(isPair || lent.size() == pool.size(), "a single is refused though ports are left");
                continue;
            }
            for (int each = port; each <= (isPair ? port + 1 : port); each++) {
                assertTrue(each >= low && each <= high && each % 7 != 0, each + " is not of the pool");
                assertFalse(taken.get(each), each + " is lent already");
                taken.set(each);
                lent.add(each);
            }
            assertEquals(lent.size(), pool.lent());
        }
    }

    @Test
    void takesBackOnlyWhatIsLent(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_010, NOTHING, random);
        assertThrows(IllegalStateException.class, () -> pool.giveBack(2_000, 0));
        final int port = pool.lend(2_000, 0);
        pool.giveBack(port, 0);
        assertThrows(IllegalStateException.class, () -> pool.giveBack(port, 0), "twice");
        assertThrows(IllegalStateException.class, () -> pool.giveBack(1_999, 0), "outside");
        assertEquals(0, pool.lent());
    }

    @Test
    void aPoolOfNothingIsExhausted(final SplittableRandom random) {
        final PortPool pool = new PortPool(2_000, 2_010, port -> true, random);
        assertEquals(0, pool.size());
        assertEquals(PortPool.EXHAUSTED, pool.lend(2_000, 0));
    }
}
