// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.Seeded;
import java.util.SplittableRandom;
import java.util.TreeSet;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeded.class)
class SparseBitsProperties {
    @ParameterizedTest
    @ValueSource(ints = {1, 63, 64, 65, 4_096, 4_097, 32_768})
    void agreesWithATreeSet(final int size, final SplittableRandom random) {
        final SparseBits bits = new SparseBits(size);
        final TreeSet<Integer> set = new TreeSet<>();
        for (int step = 0; step < 20_000; step++) {
            // Mostly sparse, mostly dense, by turns.
            final int number = random.nextInt(size);
            final boolean wanted = random.nextInt(10) < (step / 5_000 % 2 == 0 ? 1 : 9);
            if (wanted && set.add(number)) {
                bits.add(number);
            } else if (!wanted && set.remove(number)) {
                bits.remove(number);
            }
            assertEquals(set.contains(number), bits.contains(number));
            assertEquals(set.size(), bits.count());
            final int start = random.nextInt(size + 2);
            final Integer next = set.ceiling(start) != null ? set.ceiling(start) : set.isEmpty() ? null : set.first();
            assertEquals(next == null ? SparseBits.NONE : next, bits.next(start), "from " + start);
        }
    }
}
