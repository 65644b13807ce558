// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class IcmpBudgetTest {
    private static final int RATE = 100;
    private static final int SOURCES = 10_000;

    private final IcmpBudget budget = new IcmpBudget(RATE, 1);

    @Test
    void aSourceIsToldABurstAndThenNoMoreUntilTimePasses() {
        final int first = spendAll(1, 0);
        assertTrue(first >= IcmpBudget.BURST_LOW && first <= IcmpBudget.BURST_HIGH, first + " at once");
        assertFalse(budget.spend(1, 0));
        assertTrue(budget.spend(1, 1_000 * IcmpBudget.SHARES / RATE), "a share earns its part of the rate");
        assertFalse(budget.spend(1, 1_000 * IcmpBudget.SHARES / RATE));
    }

    /** SAD DNS: the attacker's own errors must not say how many went to the address that he forges. */
    @Test
    void whatOneSourceUsesUpIsNotMissedByAnother() {
        spendAll(1, 0);
        int starved = 0;
        for (int other = 2; other < SOURCES; other++) {
            final IcmpBudget fresh = new IcmpBudget(RATE, 1);
            spendAll(fresh, 1, 0);
            starved += fresh.spend(other, 0) ? 0 : 1;
        }
        assertTrue(starved < SOURCES / IcmpBudget.SHARES * 2, starved + " of " + SOURCES + " have the same share");
    }

    @Test
    void whoSharesWithWhomIsSecretAndNewInEachRelay() {
        final Set<Boolean> outcomes = new HashSet<>();
        for (int relay = 0; relay < SOURCES; relay++) {
            final IcmpBudget fresh = new IcmpBudget(RATE, 1);
            spendAll(fresh, 1, 0);
            outcomes.add(fresh.spend(2, 0));
        }
        assertEquals(2, outcomes.size(), "sometimes the same two sources share, mostly they do not");
    }

    @Test
    void aFloodFromEverywhereGetsTheRateAndNoMore() {
        int told = 0;
        for (int ms = 0; ms < 60_000; ms++) {
            for (int packet = 0; packet < 20; packet++) {
                told += budget.spend(ms * 20L + packet, ms) ? 1 : 0;
            }
        }
        final int burst = IcmpBudget.SHARES * IcmpBudget.BURST_HIGH;
        assertTrue(told <= 60 * RATE + burst, told + " in a minute");
        assertTrue(told >= 60 * RATE * 9 / 10, told + " in a minute");
    }

    @Test
    void workersShareTheRate() {
        final IcmpBudget half = new IcmpBudget(RATE, 2);
        spendAll(half, 1, 0);
        assertFalse(half.spend(1, 1_000 * IcmpBudget.SHARES / RATE));
        assertTrue(half.spend(1, 2_000 * IcmpBudget.SHARES / RATE));
    }

    @Test
    void aSourceThatWaitsLongFindsAFullShareOfAnUnforeseeableSize() {
        final Set<Integer> bursts = new HashSet<>();
        for (int round = 0; round < 200; round++) {
            bursts.add(spendAll(1, round * 100_000));
        }
        assertEquals(IcmpBudget.BURST_HIGH - IcmpBudget.BURST_LOW + 1, bursts.size(), "bursts seen: " + bursts);
    }

    private int spendAll(final long source, final long nowMs) {
        return spendAll(budget, source, nowMs);
    }

    private static int spendAll(final IcmpBudget budget, final long source, final long nowMs) {
        int spent = 0;
        while (budget.spend(source, nowMs)) {
            spent++;
        }
        return spent;
    }
}
