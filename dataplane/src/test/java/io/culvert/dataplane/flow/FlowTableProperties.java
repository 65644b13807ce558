// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.Seeded;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The flow table against a map, step by step, with its own check after each. */
@ExtendWith(Seeded.class)
class FlowTableProperties {
    /** Buckets that a key may lie from home, and lanes of each. */
    private static final int CHAIN = 16;
    private static final int LANES = 8;
    private static final long LIVE = FlowEntry.keyHi(0, 0);

    private final Arena arena = Arena.ofConfined();

    private record Key(long lo, long hi) { }

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 8, 50, 200})
    void agreesWithHashMap(final int capacity, final SplittableRandom random) {
        final FlowTable flows = table(capacity);
        // Few keys, so that sessions often want one that is taken.
        final List<Key> keys = random.longs(4L * capacity + 2).mapToObj(lo ->
                new Key(lo, lo * 31 & FlowEntry.KEY_HI_MASK | LIVE)).toList();
        new Model(flows, keys, random).run(3_000);
    }

    /** All keys live in few buckets, so that each insertion overflows and each removal pulls others back. */
    @ParameterizedTest
    @ValueSource(ints = {1, 3, 12})
    void agreesWithHashMapWhenKeysCrowd(final int homes, final SplittableRandom random) {
        final FlowTable flows = table(128);
        final int spread = homes == 12 ? 2 : 5;
        final List<Key> keys = keys(flows, random, 400, i -> i % homes * spread);
        new Model(flows, keys, random).run(5_000);
    }

    /** A chain of full buckets may be longer than any key's way in it. */
    @Test
    void findsEveryFlowOfALongChainWhateverLeavesIt(final SplittableRandom random) {
        final FlowTable flows = table(128);
        // 16 buckets full of keys from bucket 0, then keys from bucket 10 behind them.
        final int first = CHAIN * LANES;
        final List<Key> keys = keys(flows, random, first + 3 * LANES, i -> i < first ? 0 : 10);
        final List<Integer> sessions = new ArrayList<>();
        for (int i = 0; i < keys.size(); i += 2) {
            final int slot = write(flows, keys.get(i), keys.get(i + 1));
            assertTrue(flows.publish(slot), "session " + i / 2);
            sessions.add(slot);
        }
        flows.selfCheck();
        while (!sessions.isEmpty()) {
            flows.close(sessions.remove(random.nextInt(Math.min(4, sessions.size()))));
            flows.selfCheck();
        }
    }

    @Test
    void refusesAKeyWhoseChainIsFull(final SplittableRandom random) {
        final FlowTable flows = table(128);
        final int full = CHAIN * LANES;
        final List<Key> keys = keys(flows, random, full + 2, i -> 3);
        for (int i = 0; i < full; i += 2) {
            assertTrue(flows.publish(write(flows, keys.get(i), keys.get(i + 1))));
        }
        assertFalse(flows.publish(write(flows, keys.get(full), keys.get(full + 1))));
        flows.selfCheck();
        assertEquals(full / 2, flows.sessions());
        assertEquals(FlowTable.NOT_FOUND, find(flows, keys.get(full)));
    }

    private FlowTable table(final int sessions) {
        return new FlowTable(FlowFile.inMemory(sessions, arena));
    }

    /** Different random keys, the i-th of which has its home in bucket {@code home(i)}. */
    private static List<Key> keys(final FlowTable flows, final SplittableRandom random, final int count,
                                  final IntUnaryOperator home) {
        final long bucket0 = flows.bucketAddress(0);
        final List<Key> keys = new ArrayList<>();
        while (keys.size() < count) {
            final Key key = new Key(random.nextLong(), random.nextLong() & FlowEntry.KEY_HI_MASK | LIVE);
            final long bucket = (flows.bucketAddress(flows.hash(key.lo, key.hi)) - bucket0) / FlowIndex.BUCKET_LENGTH;
            if (bucket == home.applyAsInt(keys.size())) {
                keys.add(key);
            }
        }
        return keys;
    }

    private static int write(final FlowTable flows, final Key forward, final Key reply) {
        final int slot = flows.take();
        assertEquals(0, slot & 1, "forward flows lie at even slots");
        flows.write(slot, forward.lo, forward.hi, 0, 1, 0, 0, 0, 0, 0, 0, 0);
        flows.write(slot ^ 1, reply.lo, reply.hi, FlowEntry.FLAG_REPLY, 2, 0, 0, 0, 0, 0, 0, 0);
        return slot;
    }

    private static int find(final FlowTable flows, final Key key) {
        final long hash = flows.hash(key.lo, key.hi);
        final int slot = flows.find(key.lo, key.hi, hash);
        final long candidate = flows.entryAddress(FlowTable.candidate(flows.bucketAddress(hash), hash));
        if (FlowEntry.matches(NativeMemory.view(candidate, FlowEntry.LENGTH), key.lo, key.hi)) {
            assertEquals(flows.entryAddress(slot), candidate, "the fast way and the whole search agree");
        }
        return slot;
    }

    /** What the table should hold. */
    private static final class Model {
        private final FlowTable flows;
        private final List<Key> keys;
        private final SplittableRandom random;
        private final Map<Key, Integer> slots = new HashMap<>();
        private final List<Key> opened = new ArrayList<>();

        Model(final FlowTable flows, final List<Key> keys, final SplittableRandom random) {
            this.flows = flows;
            this.keys = keys;
            this.random = random;
        }

        void run(final int steps) {
            for (int step = 0; step < steps; step++) {
                // Fills for a while, then empties for a while.
                if (random.nextInt(10) < (step / 500 % 2 == 0 ? 7 : 3)) {
                    open();
                } else if (!opened.isEmpty()) {
                    end();
                }
                flows.selfCheck();
                assertEquals(opened.size(), flows.sessions());
                for (int i = 0; i < 10; i++) {
                    final Key key = anyKey();
                    assertEquals(slots.getOrDefault(key, FlowTable.NOT_FOUND), find(flows, key), "step " + step);
                }
            }
            slots.forEach((key, slot) -> assertEquals(slot, find(flows, key), "slots are stable"));
        }

        private void open() {
            if (opened.size() == flows.capacity()) {
                assertEquals(FlowTable.NOT_FOUND, flows.take(), "a full table takes nothing");
                return;
            }
            final Key forward = anyKey();
            final Key reply = anyKey();
            final int slot = write(flows, forward, reply);
            if (random.nextInt(10) == 0) {
                flows.putBack(slot);
                return;
            }
            final boolean isNew = !forward.equals(reply) && !slots.containsKey(forward) && !slots.containsKey(reply);
            final boolean published = flows.publish(slot);
            assertTrue(isNew || !published, "a key lives once");
            assertTrue(published || !isNew || opened.size() >= CHAIN * LANES / 4, "nothing stands in the way of a key");
            if (published) {
                slots.put(forward, slot);
                slots.put(reply, slot ^ 1);
                opened.add(forward);
                assertTrue(FlowEntry.isReply(flows.entry(slot ^ 1)));
                assertFalse(FlowEntry.isReply(flows.entry(slot)));
            }
        }

        private void end() {
            final Key forward = opened.remove(random.nextInt(opened.size()));
            final int slot = slots.remove(forward);
            slots.values().remove(slot ^ 1);
            flows.close(slot);
        }

        private Key anyKey() {
            return keys.get(random.nextInt(keys.size()));
        }
    }
}
