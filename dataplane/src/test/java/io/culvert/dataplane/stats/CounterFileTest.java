// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CounterFileTest {
    private final Arena arena = Arena.ofShared();
    private final CounterCatalog catalog = new CounterCatalog(List.of("edge", "inner"), List.of("a", "b", "c"));

    @TempDir
    private Path directory;

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void everyCounterHasASeriesOfItsOwn() {
        assertEquals(catalog.series().size(), new HashSet<>(catalog.series()).size());
        assertEquals("culvert_port_receive_bytes_total{port=\"inner\"}", catalog.series().get(catalog.received(1) + 1));
        assertEquals("culvert_port_transmit_packets_total{port=\"edge\"}", catalog.series().get(catalog.sent(0)));
        assertEquals("culvert_dropped_packets_total{port=\"inner\",reason=\"draining\"}",
                catalog.series().get(catalog.dropped(1) + DropReason.DRAINING.ordinal()));
        assertEquals("culvert_rule_bytes_total{rule=\"c\",direction=\"reply\"}",
                catalog.series().get(catalog.ruleTraffic(2) + 3));
        assertEquals("culvert_worker_waiting_packets", catalog.series().get(catalog.of(WorkerCounter.WAITING)));
    }

    @Test
    void readsWhatTheWorkersWrote() throws IOException {
        final Path path = directory.resolve("counters");
        final CounterFile file = CounterFile.create(path, catalog, List.of("uptime"), 3, 1_000, arena);
        file.setProcess(0, 99);
        file.state(CounterFile.State.READY);
        for (int worker = 0; worker < 3; worker++) {
            for (int series = 0; series < catalog.series().size(); series++) {
                file.worker(worker, catalog).add(series, 1_000L * worker + series);
            }
        }
        final CounterFile reader = CounterFile.read(path, arena);
        assertEquals(catalog.series(), reader.workerSeries());
        assertEquals(List.of("uptime"), reader.processSeries());
        assertEquals(99, reader.process(0));
        assertEquals(CounterFile.State.READY, reader.state());
        assertEquals(ProcessHandle.current().pid(), reader.pid());
        for (int series = 0; series < catalog.series().size(); series++) {
            assertEquals(2_000L + series, reader.worker(2, series));
            assertEquals(3_000L + 3L * series, reader.total(series));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 4_095, 4_096, 8_192, 40_960})
    void refusesAFileThatIsCutShort(final int length) throws IOException {
        final Path path = directory.resolve("counters");
        CounterFile.create(path, catalog, List.of(), 1, 1_000, arena);
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
            assertTrue(length < file.length(), "the file is longer to begin with");
            file.setLength(length);
        }
        final IOException refusal = assertThrows(IOException.class, () -> CounterFile.read(path, arena));
        assertTrue(refusal.getMessage().contains(path.toString()), refusal.getMessage());
    }

    @Test
    void theLedgerSeesEachWayAPacketCanGo() throws IOException {
        final WorkerCounters counters = CounterFile
                .create(directory.resolve("counters"), catalog, List.of(), 1, 1, arena)
                .worker(0, catalog);
        counters.add(catalog.received(0), 7);
        counters.add(catalog.received(1), 5);
        assertEquals(12, counters.imbalance());
        counters.add(catalog.sent(1), 4);
        counters.increment(catalog.puntedArp(0));
        counters.increment(catalog.dropped(0) + DropReason.TRUNCATED.ordinal());
        counters.increment(catalog.dropped(1) + DropReason.DRAINING.ordinal());
        counters.set(catalog.of(WorkerCounter.WAITING), 2);
        counters.increment(catalog.of(WorkerCounter.HANDED_OFF));
        assertEquals(2, counters.imbalance());
        counters.increment(catalog.of(WorkerCounter.TAKEN_OVER));
        counters.increment(catalog.of(WorkerCounter.ORIGINATED));
        counters.add(catalog.sent(0), 4);
        assertEquals(0, counters.imbalance());
    }

    @Test
    void everyGapHasABucketWhoseBoundIsAboveIt() {
        for (int bit = 0; bit < 40; bit++) {
            for (final long cycles : new long[] {(1L << bit) - 1, 1L << bit, (1L << bit) + 1}) {
                final int bucket = LoopHistogram.bucket(cycles);
                final boolean isLast = bucket == LoopHistogram.BUCKETS - 1;
                assertTrue(isLast || cycles < Long.parseLong(LoopHistogram.below(bucket)), cycles + " cycles");
                assertTrue(bucket == 0 || cycles >= Long.parseLong(LoopHistogram.below(bucket - 1)),
                        cycles + " cycles");
            }
        }
        assertEquals("+Inf", LoopHistogram.below(LoopHistogram.BUCKETS - 1));
    }
}
