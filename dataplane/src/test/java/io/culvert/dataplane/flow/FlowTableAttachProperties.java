// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.flow.FlowTable.Remains;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processes follow each other on one flow file, each killed at any instant: the next one finds what was whole. */
@ExtendWith(Seeded.class)
class FlowTableAttachProperties {
    private static final long FORWARD = FlowEntry.keyHi(17, 17);
    private static final long REPLY = FlowEntry.keyHi(18, 17);

    private static final int PAGE = 4_096;
    private static final int LIVES = 12;
    private static final int STEPS = 150;

    private final Arena arena = Arena.ofShared();
    /** What each live session's key is, by its forward slot, and how many packets it has counted. */
    private final Map<Integer, Long> keys = new HashMap<>();
    private final Map<Integer, Long> packets = new HashMap<>();
    private long nextKey = 1;

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        arena.close();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7, 50, 300})
    void theNextProcessHasWhatWasWholeAndNothingElse(final int capacity, final SplittableRandom random)
            throws IOException {
        final Path path = directory.resolve("flows");
        final FlowFile first = FlowFile.create(path, 0, capacity, PAGE, arena);
        first.owner(new FlowFile.Owner(1, 1_000, new byte[FlowFile.SPREAD_KEY_LENGTH], new long[] {1}, new long[] {1}));
        FlowTable flows = new FlowTable(first);
        for (int life = 0; life < LIVES; life++) {
            for (int step = 0; step < STEPS; step++) {
                step(flows, random, life);
            }
            final int halves = keys.size() < capacity ? cutShort(flows, random) : 0;
            flows = attach(path, halves);
        }
    }

    private void step(final FlowTable flows, final SplittableRandom random, final int life) {
        // Fills in even lives, empties in odd ones.
        if (random.nextInt(10) < (life % 2 == 0 ? 7 : 3)) {
            if (keys.size() < flows.capacity()) {
                open(flows);
            }
        } else if (!keys.isEmpty()) {
            final int slot = keys.keySet().stream().skip(random.nextInt(keys.size())).findFirst().orElseThrow();
            if (random.nextBoolean()) {
                final MemorySegment entry = flows.entry(slot);
                entry.set(JAVA_LONG, FlowEntry.PACKETS, FlowEntry.packets(entry) + 1);
                packets.merge(slot, 1L, Long::sum);
            } else {
                flows.close(slot);
                keys.remove(slot);
                packets.remove(slot);
            }
        }
    }

    private void open(final FlowTable flows) {
        final int slot = flows.take();
        final long key = nextKey++;
        write(flows, slot, key);
        write(flows, slot ^ 1, key);
        assertTrue(flows.publish(slot));
        keys.put(slot, key);
        packets.put(slot, 0L);
    }

    /** The reply has the key's halves the other way round, as sessions have. */
    private static void write(final FlowTable flows, final int slot, final long key) {
        final boolean isReply = (slot & 1) != 0;
        final long addresses = key << Integer.SIZE | 7;
        final long swapped = Long.rotateLeft(addresses, Integer.SIZE);
        flows.write(slot, isReply ? swapped : addresses, isReply ? REPLY : FORWARD,
                isReply ? FlowEntry.FLAG_REPLY : 0, 3, isReply ? addresses : swapped, 0, 0, 0, 0, 0, 0);
    }

    /** The process dies while it opens or closes a session. @return how many halves are left of it */
    private int cutShort(final FlowTable flows, final SplittableRandom random) {
        final int slot = flows.take();
        final MemorySegment entries = flows.entry(slot);
        switch (random.nextInt(6)) {
            case 0 -> {
                return 0; // taken, nothing written
            }
            case 1 -> FlowEntry.beginChange(entries, 0);
            case 2 -> write(flows, slot, nextKey++);
            case 3 -> {
                write(flows, slot, nextKey++);
                FlowEntry.beginChange(flows.entry(slot ^ 1), 0);
            }
            case 4 -> {
                write(flows, slot, nextKey);
                write(flows, slot ^ 1, nextKey++);
                // As close begins.
                FlowEntry.beginChange(flows.entry(slot ^ 1), 0);
            }
            default -> {
                write(flows, slot, nextKey);
                write(flows, slot ^ 1, nextKey++);
                FlowEntry.beginChange(flows.entry(slot ^ 1), 0);
                flows.entry(slot ^ 1).set(JAVA_BYTE, FlowEntry.FLAGS, (byte) 0);
            }
        }
        return 1;
    }

    private FlowTable attach(final Path path, final int halves) throws IOException {
        final FlowTable flows = new FlowTable(FlowFile.attach(path, arena));
        int found = 0;
        int half = 0;
        for (int session = 0; session < flows.highWater(); session++) {
            final int slot = session << 1;
            final Remains remains = flows.remains(slot);
            found += remains == Remains.SESSION ? 1 : 0;
            half += remains == Remains.HALF ? 1 : 0;
            if (remains == Remains.SESSION) {
                final MemorySegment entry = flows.entry(slot);
                assertTrue(flows.adopt(slot, FlowEntry.keyLo(entry), FlowEntry.newAddresses(entry), 5, 6, 0, 0, 0));
            } else {
                flows.discard(slot);
            }
        }
        flows.selfCheck();
        assertEquals(halves, half, "half-written sessions");
        assertEquals(keys.size(), found);
        assertEquals(keys.size(), flows.sessions());
        keys.forEach((slot, key) -> {
            final long addresses = key << Integer.SIZE | 7;
            assertEquals(slot, flows.find(addresses, FORWARD, flows.hash(addresses, FORWARD)), "slots are stable");
            assertEquals(packets.get(slot), FlowEntry.packets(flows.entry(slot)), "counters go on");
            assertEquals(5, FlowEntry.adjacency(flows.entry(slot)));
            assertEquals(6, FlowEntry.adjacency(flows.entry(slot ^ 1)));
        });
        return flows;
    }
}
