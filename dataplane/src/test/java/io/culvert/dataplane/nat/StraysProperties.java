// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** What the filter of stray sessions says, against the set of those that there are. */
@ExtendWith(Seeded.class)
class StraysProperties {
    private static final int SESSIONS = 1_000;

    private record Endpoint(long high, long low, int ports) {
        static Endpoint of(final SplittableRandom random) {
            return new Endpoint(random.nextLong(), random.nextLong(), random.nextInt());
        }

        boolean isHeldBy(final Strays strays) {
            return strays.mayHold(high, low, ports);
        }
    }

    @Test
    void noStrayIsEverMissedAndStrangersAreSeldomTakenForOne(final SplittableRandom random) {
        try (Arena arena = Arena.ofConfined()) {
            final Strays strays = new Strays(SESSIONS, arena);
            final List<Endpoint> live = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                live.add(add(strays, Endpoint.of(random)));
            }
            live.forEach(each -> assertTrue(each.isHeldBy(strays)));
            // With as many strays as places three in five strangers meet one; with a tenth of them one in ten.
            assertTrue(mistaken(strays, random) < 0.7 * SESSIONS);
            while (live.size() > SESSIONS / 10) {
                remove(strays, live.removeLast());
                assertTrue(live.getFirst().isHeldBy(strays));
            }
            assertTrue(mistaken(strays, random) < 0.2 * SESSIONS);
            live.forEach(each -> remove(strays, each));
            assertTrue(strays.isEmpty());
            assertTrue(mistaken(strays, random) == 0);
        }
    }

    @Test
    void aSessionOfTheSameEndpointsCountsForItself(final SplittableRandom random) {
        try (Arena arena = Arena.ofConfined()) {
            final Strays strays = new Strays(1, arena);
            final Endpoint endpoint = Endpoint.of(random);
            add(strays, endpoint);
            add(strays, endpoint);
            remove(strays, endpoint);
            assertTrue(endpoint.isHeldBy(strays));
            remove(strays, endpoint);
            assertFalse(endpoint.isHeldBy(strays));
        }
    }

    @Test
    @Timeout(value = 60, unit = TimeUnit.SECONDS)
    void workersThatCountAtTheSameTimeLoseNothing(final SplittableRandom random) throws InterruptedException {
        try (Arena arena = Arena.ofShared()) {
            final Strays strays = new Strays(4, arena);
            final Endpoint kept = add(strays, Endpoint.of(random));
            final List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                final SplittableRandom own = random.split();
                threads.add(Thread.ofPlatform().start(() -> {
                    for (int round = 0; round < 100_000; round++) {
                        remove(strays, add(strays, Endpoint.of(own)));
                    }
                }));
            }
            for (final Thread thread : threads) {
                thread.join();
            }
            assertTrue(kept.isHeldBy(strays));
            remove(strays, kept);
            assertTrue(strays.isEmpty());
            assertFalse(kept.isHeldBy(strays));
        }
    }

    private static Endpoint add(final Strays strays, final Endpoint endpoint) {
        strays.add(endpoint.high, endpoint.low, endpoint.ports);
        return endpoint;
    }

    private static void remove(final Strays strays, final Endpoint endpoint) {
        strays.remove(endpoint.high, endpoint.low, endpoint.ports);
    }

    private static long mistaken(final Strays strays, final SplittableRandom random) {
        return IntStream.range(0, SESSIONS).filter(i -> Endpoint.of(random).isHeldBy(strays)).count();
    }
}
