// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeded.class)
class AddressSetTest {
    @Test
    void agreesWithAHashSet(final SplittableRandom random) {
        for (int size = 0; size < 200; size++) {
            final Set<Integer> expected = new HashSet<>();
            // Neighbours and equals as well as strangers.
            for (int i = 0; i < size; i++) {
                expected.add(random.nextBoolean() ? random.nextInt(64) << 24 | 10 : random.nextInt(1, 1 << 30));
            }
            final AddressSet set = new AddressSet(expected);
            expected.forEach(address -> assertTrue(set.contains(address)));
            for (int host = 0; host < 256; host++) {
                assertEquals(expected.contains(host << 24 | 10), set.contains(host << 24 | 10));
                final int any = random.nextInt();
                assertEquals(expected.contains(any), set.contains(any));
            }
            assertFalse(set.contains(0));
        }
    }
}
