// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
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

    /** As pools and listeners have them. Of 254 thrown at random into 1,024 slots some 225 would differ. */
    @Test
    void addressesSideBySideAreSoughtInDifferentPlaces() {
        final long high = 0xB80D_0120L;
        final List<IpAddress> addresses = IntStream.range(1, 255).boxed().flatMap(host -> Stream.of(
                new IpAddress(0, Ipv6Address.mapped(host << 24 | 0x02_00C0)),
                new IpAddress(high, (long) host << 56))).toList();

        final AddressSet set = AddressSet.of(addresses);

        assertTrue(IntStream.range(1, 255).map(host -> set.home(host << 24 | 0x02_00C0)).distinct().count() > 180);
        assertTrue(IntStream.range(1, 255).map(host -> set.home6(high, (long) host << 56)).distinct().count() > 180);
    }
}
