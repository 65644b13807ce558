// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FlowFileTest {
    private static final int PAGE = 4_096;
    private static final int HEADER_AND_RULES = PAGE + 80_000;
    private static final int BOOT_ID_AT = 88;
    private static final byte[] NO_KEY = new byte[FlowFile.SPREAD_KEY_LENGTH];

    private final Arena arena = Arena.ofShared();

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void readsWhatTheWorkerWrote() throws IOException {
        final Path path = directory.resolve("flows-3");
        final FlowTable flows = new FlowTable(FlowFile.create(path, 3, 100, PAGE, arena));
        final FlowFile reader = FlowFile.read(path, arena);
        assertEquals(3, reader.worker());
        assertEquals(100, reader.capacity());
        assertEquals(0, reader.highWater());

        final int slot = flows.take();
        flows.write(slot, 1, FlowEntry.keyHi(2, 0), 0, 7, 0, 0, 0, 0, 5, 6, 1_234);
        flows.write(slot ^ 1, 3, FlowEntry.keyHi(4, 0), FlowEntry.FLAG_REPLY, 8, 0, 0, 0, 0, 5, 6, 1_234);
        assertTrue(flows.publish(slot));
        flows.nowMs(2_345);
        assertEquals(1, reader.highWater());
        assertEquals(2_345, reader.nowMs());
        assertEquals(1, FlowEntry.keyLo(reader.entry(0)));
        assertEquals(7, FlowEntry.adjacency(reader.entry(0)));
        assertEquals(3, FlowEntry.keyLo(reader.entry(1)));
        assertTrue(FlowEntry.isReply(reader.entry(1)));
        assertEquals(1_234, FlowEntry.lastSeenMs(reader.entry(1)));
    }

    @Test
    void readersCannotWrite() throws IOException {
        final Path path = directory.resolve("flows");
        FlowFile.create(path, 0, 1, PAGE, arena);
        final FlowFile reader = FlowFile.read(path, arena);
        assertThrows(IllegalArgumentException.class, () -> reader.nowMs(1));
    }

    @Test
    void aNewFileLeavesReadersOfTheOldOneTheirs() throws IOException {
        final Path path = directory.resolve("flows");
        new FlowTable(FlowFile.create(path, 0, 10, PAGE, arena)).nowMs(11);
        final FlowFile reader = FlowFile.read(path, arena);
        new FlowTable(FlowFile.create(path, 0, 20, PAGE, arena)).nowMs(22);
        assertEquals(11, reader.nowMs());
        assertEquals(20, FlowFile.read(path, arena).capacity());
    }

    @Test
    void sizesAreMultiplesOfThePage() throws IOException {
        final Path path = directory.resolve("flows");
        final long hugePage = 2L << 20;
        FlowFile.create(path, 0, 1, hugePage, arena);
        assertEquals(hugePage, Files.size(path));
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, PAGE - 1, PAGE, 2 * PAGE})
    void refusesAFileThatIsCutShort(final int length) throws IOException {
        final Path path = directory.resolve("flows");
        FlowFile.create(path, 0, 100, PAGE, arena);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.setLength(length);
        }
        final IOException refusal = assertThrows(IOException.class, () -> FlowFile.read(path, arena));
        assertTrue(refusal.getMessage().contains(path.toString()), refusal.getMessage());
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 7, 8})
    void refusesAnotherMagicOrLayout(final int at) throws IOException {
        final Path path = directory.resolve("flows");
        FlowFile.create(path, 0, 1, PAGE, arena);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(at);
            file.write(0x7F);
        }
        final IOException refusal = assertThrows(IOException.class, () -> FlowFile.read(path, arena));
        assertTrue(refusal.getMessage().contains(path.toString()), refusal.getMessage());
    }

    @Test
    void theNextProcessFindsItsOwner() throws IOException {
        final Path path = directory.resolve("flows");
        final FlowFile file = FlowFile.create(path, 0, 10, PAGE, arena);
        final byte[] spreadKey = new byte[FlowFile.SPREAD_KEY_LENGTH];
        new Random(1).nextBytes(spreadKey);
        file.owner(new FlowFile.Owner(3, 2_000_000_000L, spreadKey, new long[] {11, 12}, new long[] {21}));
        final FlowFile.Owner owner = FlowFile.attach(path, arena).owner();
        assertArrayEquals(spreadKey, owner.spreadKey());
        assertEquals(3, owner.workers());
        assertEquals(2_000_000_000L, owner.hz());
        assertArrayEquals(new long[] {11, 12}, owner.rules());
        assertArrayEquals(new long[] {21}, owner.ports());
        file.owner(new FlowFile.Owner(1, 1, NO_KEY, new long[0], new long[0]));
        assertEquals(0, FlowFile.attach(path, arena).owner().rules().length);
    }

    @Test
    void nobodyGoesOnWithAFileThatWasChangingHands() throws IOException {
        final Path path = directory.resolve("flows");
        final FlowFile file = FlowFile.create(path, 0, 10, PAGE, arena);
        assertThrows(IOException.class, () -> FlowFile.attach(path, arena), "never owned");
        file.owner(new FlowFile.Owner(1, 1, NO_KEY, new long[0], new long[0]));
        FlowFile.attach(path, arena);
        file.disown();
        assertThrows(IOException.class, () -> FlowFile.attach(path, arena), "disowned");
    }

    @Test
    void nobodyGoesOnWithAFileFromBeforeAReboot() throws IOException {
        final Path path = directory.resolve("flows");
        FlowFile.create(path, 0, 10, PAGE, arena).owner(new FlowFile.Owner(1, 1, NO_KEY, new long[0], new long[0]));
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            file.seek(BOOT_ID_AT);
            final int byteThere = file.read();
            file.seek(BOOT_ID_AT);
            file.write(~byteThere);
        }
        final IOException refusal = assertThrows(IOException.class, () -> FlowFile.attach(path, arena));
        assertTrue(refusal.getMessage().contains("boot"), refusal.getMessage());
    }

    /** Whatever was written into it by mistake. */
    @ParameterizedTest
    @ValueSource(ints = {24, 28, 52, 56, 60, 64, 68})
    void aDamagedHeaderIsRefusedOrHarmless(final int at) throws IOException {
        final Path path = directory.resolve("flows");
        FlowFile.create(path, 0, 10, PAGE, arena)
                .owner(new FlowFile.Owner(1, 1, NO_KEY, new long[] {1}, new long[] {1}));
        for (final int value : new int[] {-1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 24}) {
            try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
                file.seek(at);
                file.writeInt(Integer.reverseBytes(value));
            }
            try {
                final FlowFile file = FlowFile.attach(path, arena);
                file.owner();
                final FlowTable flows = new FlowTable(file);
                for (int session = 0; session < flows.highWater(); session++) {
                    flows.discard(session << 1);
                }
                flows.selfCheck();
            } catch (final IOException e) {
                assertTrue(e.getMessage().contains(path.toString()), e.getMessage());
            }
        }
    }

    @Test
    void aTableOfAnotherSizeTakesWhatHasRoom() throws IOException {
        final FlowFile large = FlowFile.inMemory(10, arena);
        final FlowTable before = new FlowTable(large);
        for (int i = 0; i < 10; i++) {
            final int slot = before.take();
            before.write(slot, i, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            before.write(slot ^ 1, i, 18, FlowEntry.FLAG_REPLY, 0, 0, 0, 0, 0, 0, 0, 0);
            assertTrue(before.publish(slot));
        }
        before.close(0);
        before.close(8);
        final FlowFile small = FlowFile.inMemory(5, arena);
        assertEquals(3, small.fill(large));
        assertEquals(5, small.highWater());
        assertEquals(1, FlowEntry.keyLo(small.entry(0)));
        assertEquals(6, FlowEntry.keyLo(small.entry(8)), "close together");
    }

    @Test
    void aSessionTakesAtMost192Bytes() {
        for (int sessions = 1; sessions < 1 << 26; sessions += 1 + sessions / 7) {
            final long bytes = FlowFile.bytesFor(sessions) - HEADER_AND_RULES;
            assertTrue(bytes <= 192L * Math.max(sessions, 2), sessions + " sessions take " + bytes + " bytes");
            final long lanes = (bytes - 128L * sessions) / FlowIndex.BUCKET_LENGTH * FlowIndex.LANES;
            assertTrue(lanes >= 4L * sessions, "half of the lanes stay free with " + sessions + " sessions");
        }
    }

    @Test
    void everyTableHasASeedOfItsOwn() {
        final FlowFile first = FlowFile.inMemory(1, arena);
        final FlowFile second = FlowFile.inMemory(1, arena);
        assertNotEquals(first.seedLo(), second.seedLo());
        assertNotEquals(first.seedHi(), second.seedHi());
    }
}
