// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.wire.Wire;
import java.util.SplittableRandom;
import java.util.function.IntToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Tuples as they occur, one after the other, shall meet no more often than random ones. */
@ExtendWith(Seeded.class)
class FlowHashProperties {
    private static final int BUCKETS = 1 << 12;
    private static final int KEYS = 10 * BUCKETS;
    private static final int TAGS = 1 << 7;
    private static final int SEEDS = 20;
    /** Mean and standard deviation of chi-square are k - 1 and sqrt(2 (k - 1)); six of the latter never happen. */
    private static final double LIMIT = BUCKETS - 1 + 6 * Math.sqrt(2.0 * (BUCKETS - 1));

    private static final long LISTENER = 0x0100_000AL << 32;

    @Test
    void spreadsOneClientsPorts(final SplittableRandom random) {
        spreads(random, i -> 0x0900_000A | LISTENER, i -> keyHi(1_024 + i));
    }

    @Test
    void spreadsNeighbouringClients(final SplittableRandom random) {
        spreads(random, i -> Integer.reverseBytes(0x0A00_0000 + i) & 0xFFFF_FFFFL | LISTENER, i -> keyHi(5_004));
    }

    @Test
    void spreadsTheRepliesOfOneTarget(final SplittableRandom random) {
        spreads(random, i -> LISTENER >>> 32 | 0x0200_000AL << 32,
                i -> FlowEntry.keyHi(Wire.net16(7_890) & 0xFFFF | Wire.net16(1_024 + i) << 16, 17));
    }

    @Test
    void differentSeedsPlaceDifferently(final SplittableRandom random) {
        int together = 0;
        final long seedLo = random.nextLong();
        final long seedHi = random.nextLong();
        for (int i = 0; i < KEYS; i++) {
            final long hash = FlowHash.of(LISTENER, keyHi(i), seedLo, seedHi);
            final long other = FlowHash.of(LISTENER, keyHi(i), seedLo ^ 1L << i % 64, seedHi);
            together += (hash - other & BUCKETS - 1) == 0 ? 1 : 0;
        }
        assertTrue(together < 100, together + " keys share a bucket under both seeds; 10 would be chance");
    }

    private static void spreads(final SplittableRandom random, final IntToLongFunction keyLo,
                                final IntToLongFunction keyHi) {
        for (int seed = 0; seed < SEEDS; seed++) {
            final long seedLo = random.nextLong();
            final long seedHi = random.nextLong();
            final int[] buckets = new int[BUCKETS];
            final int[] tags = new int[TAGS];
            for (int i = 0; i < KEYS; i++) {
                final long hash = FlowHash.of(keyLo.applyAsLong(i), keyHi.applyAsLong(i), seedLo, seedHi);
                buckets[(int) hash & BUCKETS - 1]++;
                tags[FlowIndex.tag(hash) >>> 1]++;
            }
            final double chiSquare = chiSquare(buckets);
            assertTrue(chiSquare < LIMIT, "chi-square over buckets is " + chiSquare + ", limit " + LIMIT);
            final double ofTags = chiSquare(tags);
            assertTrue(ofTags < TAGS + 6 * Math.sqrt(2.0 * TAGS), "chi-square over tags is " + ofTags);
        }
    }

    private static double chiSquare(final int[] counts) {
        final double expected = (double) KEYS / counts.length;
        double sum = 0;
        for (final int count : counts) {
            sum += (count - expected) * (count - expected) / expected;
        }
        return sum;
    }

    private static long keyHi(final int clientPort) {
        return FlowEntry.keyHi(Wire.net16(clientPort) & 0xFFFF | Wire.net16(7_890) << 16, 17);
    }
}
