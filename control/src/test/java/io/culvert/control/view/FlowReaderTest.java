// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

class FlowReaderTest {
    private static final List<String> RULES = List.of("a", "b", "c");

    /** Every field of a session follows from this one number, so a record made of two sessions shows. */
    private static long field(final int number, final int which) {
        return RelayFixture.endpoint(number * 31 + which, (number + which) & 0xFFFF);
    }

    private static void open(final FlowTable table, final int slot, final int number) {
        RelayFixture.open(table, slot, number % RULES.size(), field(number, 0), field(number, 1), field(number, 2),
                field(number, 3), number);
    }

    private static boolean isWhole(final Session session) {
        final int number = session.clientAddress().ipv4() / 31;
        return session.clientAddress().ipv4() == number * 31 && session.clientPort() == (number & 0xFFFF)
                && session.listenAddress().ipv4() == number * 31 + 1 && session.listenPort() == (number + 1 & 0xFFFF)
                && session.externalAddress().ipv4() == number * 31 + 2
                && session.externalPort() == (number + 2 & 0xFFFF)
                && session.targetAddress().ipv4() == number * 31 + 3 && session.targetPort() == (number + 3 & 0xFFFF)
                && session.rule().equals(RULES.get(number % RULES.size()));
    }

    private static List<Session> all(final FlowReader reader) {
        final List<Session> sessions = new ArrayList<>();
        reader.forEach(sessions::add);
        return sessions;
    }

    @Test
    @Timeout(60)
    void seesEachSessionWholeWhileTheWorkerOpensAndCloses(@TempDir final Path directory) throws Exception {
        final int sessions = 64;
        final int wanted = 100_000;
        try (Arena arena = Arena.ofShared()) {
            final Path path = directory.resolve("flows-0");
            final FlowTable table = new FlowTable(FlowFile.create(path, 0, sessions, 4096, arena));
            final AtomicBoolean stop = new AtomicBoolean();
            final AtomicLong opened = new AtomicLong();
            final Thread worker = Thread.ofPlatform().start(() -> churn(table, sessions, stop, opened));
            final FlowReader reader = new FlowReader(List.of(FlowFile.read(path, arena)), RULES);
            try {
                final long[] seen = new long[1];
                // However the machine schedules the two, the table must have changed under the reader many times.
                while (seen[0] < wanted || opened.get() < wanted) {
                    reader.forEach(session -> {
                        assertTrue(isWhole(session), () -> "torn: " + session);
                        seen[0]++;
                    });
                }
            } finally {
                stop.set(true);
                worker.join();
            }
        }
    }

    private static void churn(final FlowTable table, final int sessions, final AtomicBoolean stop,
                              final AtomicLong opened) {
        final int[] slots = new int[sessions];
        int number = 1;
        while (!stop.get()) {
            for (int i = 0; i < sessions; i++) {
                slots[i] = table.take();
                open(table, slots[i], number++);
            }
            for (int i = 0; i < sessions; i++) {
                table.close(slots[i]);
            }
            opened.addAndGet(sessions);
            number &= 0x3F_FFFF;
            number++;
        }
    }

    @Test
    void skipsWhatIsClosedHalfWrittenOrNeverUsed() {
        try (Arena arena = Arena.ofConfined()) {
            final FlowFile file = FlowFile.inMemory(16, arena);
            final FlowTable table = new FlowTable(file);
            final int closed = table.take();
            open(table, closed, 1);
            final int live = table.take();
            open(table, live, 2);
            final int cutShort = table.take();
            open(table, cutShort, 3);
            makeOdd(file, cutShort);
            table.take();
            table.close(closed);
            assertEquals(List.of(2L * 31),
                    all(new FlowReader(List.of(file), RULES)).stream()
                            .map(s -> (long) s.clientAddress().ipv4()).toList());
        }
    }

    private static void makeOdd(final FlowFile file, final int slot) {
        final int at = FlowEntry.VERSION;
        file.entry(slot).set(JAVA_SHORT, at, (short) (file.entry(slot).get(JAVA_SHORT, at) | 1));
    }

    @Test
    void givesEachSessionOfAllWorkersAnIdOfItsOwn() {
        try (Arena arena = Arena.ofConfined()) {
            final List<FlowFile> files = List.of(FlowFile.inMemory(16, arena), FlowFile.inMemory(16, arena),
                    FlowFile.inMemory(16, arena));
            for (final FlowFile file : files) {
                final FlowTable table = new FlowTable(file);
                for (int number = 1; number <= 10; number++) {
                    open(table, table.take(), number);
                }
            }
            final Set<Long> ids = new HashSet<>();
            all(new FlowReader(files, RULES)).forEach(session -> ids.add(session.id()));
            assertEquals(30, ids.size());
        }
    }

    @Test
    void tellsAgesAndSilencesOfYears() {
        final long tenYearsMs = 3_653L * 24 * 3_600 * 1_000;
        try (Arena arena = Arena.ofConfined()) {
            final FlowFile file = FlowFile.inMemory(4, arena);
            final FlowTable table = new FlowTable(file);
            open(table, table.take(), 1_000);
            table.nowMs(tenYearsMs);
            final Session session = all(new FlowReader(List.of(file), RULES)).getFirst();
            assertEquals(tenYearsMs - 1_000, session.idleMs());
            assertEquals(tenYearsMs - 1_000, session.ageMs());
        }
    }

    @Test
    void isNotNegativeBeforeTheClockIsPublished() {
        try (Arena arena = Arena.ofConfined()) {
            final FlowFile file = FlowFile.inMemory(4, arena);
            final FlowTable table = new FlowTable(file);
            table.nowMs(99);
            open(table, table.take(), 100);
            final Session session = all(new FlowReader(List.of(file), RULES)).getFirst();
            assertEquals(0, session.idleMs());
            assertEquals(0, session.ageMs());
        }
    }

    @Test
    void refusesAFileThatIsCutShort(@TempDir final Path directory) throws IOException {
        final Path path = directory.resolve("flows-0");
        try (Arena arena = Arena.ofConfined()) {
            FlowFile.create(path, 0, 1000, 4096, arena);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE);
                Arena arena = Arena.ofConfined()) {
            channel.truncate(8192);
            assertThrows(IOException.class, () -> FlowFile.read(path, arena));
        }
    }
}
