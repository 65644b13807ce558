// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.ffi.Bench;
import io.culvert.dataplane.worker.Clock;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GapsTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 31, 32, 63, 64, 65, 1_000, 123_456_789, Long.MAX_VALUE})
    void aBucketHoldsItsValueToOnePartIn32(final long cycles) {
        final int bucket = Gaps.bucket(cycles);
        assertTrue(bucket < Bench.CULVERT_BENCH_GAPS_BUCKETS(), "bucket " + bucket);
        assertTrue(Gaps.lowest(bucket) <= cycles, "not above it");
        assertTrue(cycles - Gaps.lowest(bucket) <= cycles / 32, "not far below it");
    }

    @Test
    void percentilesCountFromTheShortest() {
        final Gaps gaps = new Gaps();
        for (int cycles = 1; cycles <= 20; cycles++) {
            gaps.record(cycles);
        }
        gaps.record(1_000_001);
        assertEquals(21, gaps.count());
        assertEquals(11, gaps.percentile(50));
        assertEquals(20, gaps.percentile(95));
        assertEquals(Gaps.lowest(Gaps.bucket(1_000_001)), gaps.percentile(100));
        assertEquals(1_000_001, gaps.longest());
        assertEquals(1, gaps.longerThan(20));
        assertEquals(0, new Gaps().percentile(50));
    }

    @Test
    void theClockCountsWhatLiesBetweenTwoReadingsOnceItIsTime() {
        final AtomicLong now = new AtomicLong(200);
        final Gaps gaps = new Gaps();
        final Clock byHand = new Clock() {
            @Override
            public long cycles() {
                return now.get();
            }

            @Override
            public long hz() {
                return 1_000;
            }
        };
        new GapClock(byHand, 120, gaps).cycles();
        assertEquals(0, gaps.count(), "the first reading ends no gap");

        now.set(100);
        final GapClock clock = new GapClock(byHand, 120, gaps);
        for (final long reading : new long[] {100, 115, 125}) {
            now.set(reading);
            clock.cycles();
        }
        assertEquals(1, gaps.count(), "what ends before 120 is not counted");
        assertEquals(10, gaps.longest());
    }
}
