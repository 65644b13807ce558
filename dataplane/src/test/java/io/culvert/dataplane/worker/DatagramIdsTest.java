// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** No id comes twice before all have come, whichever worker gives it. */
class DatagramIdsTest {
    private static final int IDS = 65_536;

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 128})
    @Tag("RFC7857-10")
    void workersShareTheIdsAmongThem(final int workers) {
        final Set<Integer> seen = new HashSet<>();
        final int half = IDS / workers / 2;
        int rising = 0;
        for (int worker = 0; worker < workers; worker++) {
            final DatagramIds ids = new DatagramIds(workers, worker, Short.SIZE);
            int last = -1;
            for (int i = 0; i < 2 * half; i++) {
                final int id = ids.next();
                assertTrue(id >= 0 && id < IDS, "id " + id);
                assertTrue(seen.add(id), "id " + id + " comes twice");
                rising += id == last + 1 ? 1 : 0;
                last = id;
            }
            assertTrue(seen.contains(ids.next()), "then they begin anew");
        }
        assertEquals(2 * half * workers, seen.size());
        assertTrue(rising < 64, rising + " ids follow from the one before");
    }

    /** Who has seen them all does not know the next: each time the same ids come in another order. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 8, 128})
    void theNextTimeTheyComeInAnotherOrder(final int workers) {
        final DatagramIds ids = new DatagramIds(workers, workers - 1, Short.SIZE);
        final int half = IDS / workers / 2;
        final List<Integer> before = take(ids, 2 * half);
        final List<Integer> after = take(ids, 2 * half);
        assertEquals(new HashSet<>(before), new HashSet<>(after));
        final Map<Integer, Integer> followedBy = new HashMap<>();
        for (int i = 1; i < before.size(); i++) {
            followedBy.put(before.get(i - 1), before.get(i));
        }
        final long guessed = IntStream.range(1, after.size())
                .filter(i -> after.get(i).equals(followedBy.get(after.get(i - 1)))).count();
        assertTrue(guessed < 16, guessed + " could be guessed from the time before");
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 128})
    @Tag("RFC7857-10")
    void noneComesBackBeforeHalfOfTheShareHasCome(final int workers) {
        final DatagramIds ids = new DatagramIds(workers, 0, Short.SIZE);
        final int half = IDS / workers / 2;
        final Map<Integer, Integer> lastAt = new HashMap<>();
        for (int i = 0; i < 8 * half; i++) {
            final Integer last = lastAt.put(ids.next(), i);
            assertTrue(last == null || i - last > half, "after " + half);
        }
    }

    /** 32 bits are too many to try them all. */
    @Test
    void thoseOfIpv6AreOfTheWorkersOwnShareToo() {
        final DatagramIds ids = new DatagramIds(3, 2, Integer.SIZE);
        final List<Integer> some = take(ids, IDS);
        assertEquals(IDS, new HashSet<>(some).size());
        assertTrue(some.stream().allMatch(id -> Integer.remainderUnsigned(id, 3) == 2));
        assertTrue(some.stream().anyMatch(id -> Integer.compareUnsigned(id, 1 << 29) > 0), "from all of it");
    }

    private static List<Integer> take(final DatagramIds ids, final int count) {
        return IntStream.range(0, count).mapToObj(i -> ids.next()).toList();
    }
}
