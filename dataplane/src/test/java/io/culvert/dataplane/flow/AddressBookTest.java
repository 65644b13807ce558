// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeded.class)
class AddressBookTest {
    private static final List<IpAddress> PLAN = List.of(new IpAddress(1, 1), new IpAddress(1, 2));
    private static final int CAPACITY = 64;

    private final Arena arena = Arena.ofShared();
    private final AddressBook book = new AddressBook(FlowFile.inMemory(1, CAPACITY, arena), PLAN);

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void numbersReadAsAddressesThatNoHostHas() {
        assertEquals("240.0.0.0", Ipv4Address.format(AddressBook.number(0)));
        assertEquals("240.1.0.2", Ipv4Address.format(AddressBook.number(65_538)));
        for (int id = 0; id < 1 << 28; id += 9_973) {
            assertTrue(AddressBook.isNumber(AddressBook.number(id)));
            assertTrue(Ipv4Address.cannotBeSource(AddressBook.number(id)));
            assertEquals(id, AddressBook.id(AddressBook.number(id)));
        }
    }

    @Test
    void theAddressesOfThePlanKeepTheNumbersOfTheirPlaces() {
        for (int place = 0; place < PLAN.size(); place++) {
            final IpAddress address = PLAN.get(place);
            final int number = AddressBook.number(place);
            for (int i = 0; i < 3; i++) {
                book.release(number);
                assertEquals(number, book.find(address.high(), address.low()));
            }
            assertEquals(address, new IpAddress(book.high(number), book.low(number)));
        }
    }

    @Test
    void anIpv4AddressStandsForItself() {
        book.reference(0x0100_000A);
        book.release(0x0100_000A);
        assertEquals(0, book.high(0x0100_000A));
        assertEquals(Ipv6Address.mapped(0x0100_000A), book.low(0x0100_000A));
    }

    @Test
    void digestsDoNotDependOnNumbers(final SplittableRandom random) {
        final AddressBook other = new AddressBook(FlowFile.inMemory(1, CAPACITY, arena), List.of());
        int same = 0;
        for (int i = 0; i < 20; i++) {
            final long high = random.nextLong();
            final int here = book.acquire(high, i);
            final int there = other.acquire(high, i);
            assertNotEquals(here, there);
            assertEquals(book.digest(here), other.digest(there));
            same += book.digest(here) == book.digest(book.acquire(high, i + 100L)) ? 1 : 0;
        }
        assertEquals(0, same, "neighbours differ");
        assertEquals(0x0100_000A, book.digest(0x0100_000A));
    }

    @Test
    void aFullBookRefusesNewcomersAndForgetsNobody() {
        for (int low = 0; book.size() < CAPACITY; low++) {
            assertNotEquals(AddressBook.NONE, book.acquire(7, low));
        }
        assertEquals(AddressBook.NONE, book.acquire(8, 0));
        final int known = book.acquire(7, 3);
        book.release(known);
        assertEquals(known, book.find(7, 3), "one reference is left");
        book.release(known);
        assertEquals(AddressBook.NONE, book.find(7, 3));
        assertEquals(known, book.acquire(8, 0));
    }

    @Test
    void agreesWithAMapUnderAnyOrderOfReferences(final SplittableRandom random) {
        final Map<IpAddress, Integer> references = new HashMap<>();
        final Map<IpAddress, Integer> numbers = new HashMap<>();
        for (int step = 0; step < 100_000; step++) {
            final IpAddress address = new IpAddress(random.nextInt(2), random.nextInt(3, 50));
            final int held = references.getOrDefault(address, 0);
            if (random.nextBoolean() && (held > 0 || book.size() < CAPACITY)) {
                numbers.put(address, book.acquire(address.high(), address.low()));
                references.put(address, held + 1);
            } else if (held > 0) {
                book.release(numbers.get(address));
                references.put(address, held - 1);
            }
            final int expected = references.getOrDefault(address, 0) == 0 ? AddressBook.NONE : numbers.get(address);
            assertEquals(expected, book.find(address.high(), address.low()));
        }
        final List<Integer> live = new ArrayList<>();
        references.forEach((address, held) -> {
            if (held > 0) {
                live.add(numbers.get(address));
                assertEquals(numbers.get(address), book.find(address.high(), address.low()));
            }
        });
        assertEquals(live.size(), live.stream().distinct().count());
        assertEquals(live.size() + PLAN.size(), book.size());
    }

    /** The owner moves addresses in a full book while another worker asks: each answer comes, and is right. */
    @Test
    @Timeout(60)
    void whoAsksFromAnotherThreadFindsEachAddressThatStays(final SplittableRandom random) throws Exception {
        final int[] stay = IntStream.range(0, 16).map(low -> book.acquire(9, low)).toArray();
        final AtomicBoolean ends = new AtomicBoolean();
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            final Future<Long> asked = other.submit(() -> {
                long questions = 0;
                while (!ends.get()) {
                    final int low = (int) questions % stay.length;
                    assertEquals(stay[low], book.findFromOutside(9, low), "missed, or mistaken");
                    assertEquals(AddressBook.NONE, book.findFromOutside(10, 10), "was never there");
                    questions++;
                }
                return questions;
            });
            for (int step = 0; step < 300_000; step++) {
                final int number = book.acquire(7, random.nextInt(1_000));
                final int another = book.acquire(8, step % 40);
                book.release(number);
                book.release(another);
            }
            ends.set(true);
            assertTrue(asked.get(30, TimeUnit.SECONDS) > 0);
        }
    }
}
