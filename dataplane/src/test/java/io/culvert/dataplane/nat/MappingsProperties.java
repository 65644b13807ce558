// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeded.class)
class MappingsProperties {
    /** A mapping of the model: its lease, and its sessions with the newest first. */
    private record Model(int lease, Deque<Integer> sessions) { }

    /** Against a map of lists, at every filling; each session joins, and later leaves, one mapping. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 64, 500})
    void agreesWithAMap(final int capacity, final SplittableRandom random) {
        try (Arena arena = Arena.ofConfined()) {
            final Mappings mappings = new Mappings(new FlowTable(FlowFile.inMemory(capacity, arena)), arena);
            final Map<Long, Model> model = new HashMap<>();
            final long[] keyOf = new long[capacity];
            for (int step = 0; step < 20_000; step++) {
                final int session = random.nextInt(capacity);
                if (keyOf[session] == 0) {
                    keyOf[session] = Mappings.key(1 + random.nextInt(capacity), 5_004);
                    join(mappings, model, keyOf[session], session, step);
                } else if (random.nextInt(10) < (step / 1_000 % 2 == 0 ? 3 : 7)) {
                    leave(mappings, model, keyOf[session], session);
                    keyOf[session] = 0;
                }
                check(mappings, model, Mappings.key(1 + random.nextInt(capacity), 5_004));
            }
            model.keySet().forEach(key -> check(mappings, model, key));
        }
    }

    private static void join(final Mappings mappings, final Map<Long, Model> model, final long key, final int session,
                             final int lease) {
        int place = mappings.find(key);
        assertEquals(model.containsKey(key), place != Mappings.NONE);
        if (place == Mappings.NONE) {
            place = mappings.add(key, lease);
            model.put(key, new Model(lease, new ArrayDeque<>()));
        }
        mappings.join(place, 1, session);
        model.get(key).sessions().addFirst(session);
    }

    private static void leave(final Mappings mappings, final Map<Long, Model> model, final long key,
                              final int session) {
        final int place = mappings.find(key);
        assertNotEquals(Mappings.NONE, place);
        mappings.leave(place, 1, session);
        assertTrue(model.get(key).sessions().remove(session));
        assertEquals(model.get(key).sessions().isEmpty(), mappings.isEmpty(place));
        if (mappings.isEmpty(place)) {
            mappings.remove(place);
            model.remove(key);
        }
    }

    private static void check(final Mappings mappings, final Map<Long, Model> model, final long key) {
        final int place = mappings.find(key);
        assertEquals(model.containsKey(key), place != Mappings.NONE, "key " + key);
        if (place != Mappings.NONE) {
            assertEquals(model.get(key).lease(), mappings.lease(place));
            int session = mappings.first(place, 1);
            for (final int expected : model.get(key).sessions()) {
                assertEquals(expected, session);
                session = mappings.next(session);
            }
            assertEquals(Mappings.NONE, session, "the list ends");
            assertEquals(Mappings.NONE, mappings.first(place, 0), "nobody joined the other half");
        }
    }
}
