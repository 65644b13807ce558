// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Tag;
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
        final int share = IDS / workers;
        int rising = 0;
        for (int worker = 0; worker < workers; worker++) {
            final DatagramIds ids = new DatagramIds(workers, worker, Short.SIZE);
            int last = -1;
            for (int i = 0; i < share; i++) {
                final int id = ids.next();
                assertTrue(id >= 0 && id < IDS, "id " + id);
                assertTrue(seen.add(id), "id " + id + " comes twice");
                rising += id == last + 1 ? 1 : 0;
                last = id;
            }
            assertTrue(seen.contains(ids.next()), "then they begin anew");
        }
        assertEquals(share * workers, seen.size());
        assertTrue(rising < 64, rising + " ids follow from the one before");
    }
}
