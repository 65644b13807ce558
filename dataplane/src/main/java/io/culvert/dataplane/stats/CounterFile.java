// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.dataplane.state.ProcessStart;
import io.culvert.dataplane.state.StateDirectory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The counters of one instance: a file on tmpfs that the daemon maps writable and everybody else read-only. Reading
 * costs the data plane nothing and works when the process is stopped or dead.
 * <pre>
 *     0 | magic   | layout | workers | pid | started, epoch ms | heartbeat, epoch ms | state | worker series
 *    48 | process series | tsc hz
 *  4096 | series names, 256 bytes each: the workers' first, then the process's
 *       | process block, then one block per worker: a long per series, each block on pages of its own
 * </pre>
 */
public final class CounterFile {
    /** The life of an instance, as {@link #state()} tells it. */
    public enum State { STARTING, READY, DRAINING, STOPPED }

    /** "CULVCNTR" read as a little-endian long. */
    private static final long MAGIC = 0x52544E43_564C5543L;
    private static final int LAYOUT_VERSION = 1;

    private static final int MAGIC_AT = 0;
    private static final int LAYOUT_AT = MAGIC_AT + Long.BYTES;
    private static final int WORKERS_AT = LAYOUT_AT + Integer.BYTES;
    private static final int PID_AT = WORKERS_AT + Integer.BYTES;
    private static final int STARTED_AT = PID_AT + Long.BYTES;
    private static final int HEARTBEAT_AT = STARTED_AT + Long.BYTES;
    private static final int STATE_AT = HEARTBEAT_AT + Long.BYTES;
    private static final int WORKER_SERIES_AT = STATE_AT + Integer.BYTES;
    private static final int PROCESS_SERIES_AT = WORKER_SERIES_AT + Integer.BYTES;
    private static final int TSC_HZ_AT = PROCESS_SERIES_AT + Long.BYTES;
    private static final int PROCESS_START_AT = TSC_HZ_AT + Long.BYTES;
    private static final int HEADER_LENGTH = 4096;

    /** Prometheus's convention. */
    private static final Pattern COUNTER = Pattern.compile("\\w+_total(\\{.*)?");

    private static final int NAME_LENGTH = 256;
    private static final int PAGE = StateDirectory.PAGE_BYTES;

    private final MemorySegment file;
    private final List<String> workerSeries;
    private final List<String> processSeries;

    private CounterFile(final MemorySegment file, final List<String> workerSeries, final List<String> processSeries) {
        this.file = file;
        this.workerSeries = List.copyOf(workerSeries);
        this.processSeries = List.copyOf(processSeries);
    }

    /** Writes a new file of zeros in place of what is there and maps it; who has the old one mapped keeps that. */
    public static CounterFile create(final Path path, final CounterCatalog catalog, final List<String> processSeries,
                                     final int workers, final long tscHz, final Arena arena) throws IOException {
        return create(path, catalog, processSeries, workers, tscHz, Optional.empty(), arena);
    }

    /** As above, but counters go on from where the predecessor's of the same name are; gauges are zero. */
    public static CounterFile create(final Path path, final CounterCatalog catalog, final List<String> processSeries,
                                     final int workers, final long tscHz, final Optional<CounterFile> predecessor,
                                     final Arena arena) throws IOException {
        final List<String> workerSeries = catalog.series();
        final long size = blockOffset(workerSeries.size(), processSeries.size(), workers);
        final String name = path.getFileName().toString();
        try (StateDirectory directory = StateDirectory.own(path.getParent())) {
            final MemorySegment file = directory.create(name + ".new", size, PAGE, arena);
            file.set(JAVA_INT, LAYOUT_AT, LAYOUT_VERSION);
            file.set(JAVA_INT, WORKERS_AT, workers);
            file.set(JAVA_LONG, PID_AT, ProcessHandle.current().pid());
            file.set(JAVA_LONG, STARTED_AT, System.currentTimeMillis());
            file.set(JAVA_INT, WORKER_SERIES_AT, workerSeries.size());
            file.set(JAVA_INT, PROCESS_SERIES_AT, processSeries.size());
            file.set(JAVA_LONG, TSC_HZ_AT, tscHz);
            file.set(JAVA_LONG, PROCESS_START_AT, ProcessStart.ticks(ProcessHandle.current().pid()));
            writeNames(file, workerSeries, processSeries);
            final CounterFile counters = new CounterFile(file, workerSeries, processSeries);
            predecessor.ifPresent(counters::carryOn);
            for (int worker = 0; worker < workers; worker++) {
                counters.worker(worker, catalog).settle();
            }
            counters.beat();
            file.set(JAVA_LONG, MAGIC_AT, MAGIC);
            // Readers find the old file or the new one, never half of one.
            directory.rename(name + ".new", name);
            return counters;
        }
    }

    private static void writeNames(final MemorySegment file, final List<String> workerSeries,
                                   final List<String> processSeries) {
        long at = HEADER_LENGTH;
        for (final List<String> names : List.of(workerSeries, processSeries)) {
            for (final String name : names) {
                final byte[] bytes = name.getBytes(StandardCharsets.UTF_8);
                if (bytes.length >= NAME_LENGTH) {
                    throw new IllegalArgumentException("series name longer than " + NAME_LENGTH + ": " + name);
                }
                MemorySegment.copy(MemorySegment.ofArray(bytes), 0, file, at, bytes.length);
                at += NAME_LENGTH;
            }
        }
    }

    /** Of workers that are no more, the first ones go on with the counts. */
    private void carryOn(final CounterFile before) {
        final Map<String, Integer> here = counters(workerSeries);
        for (int series = 0; series < before.workerSeries.size(); series++) {
            final Integer at = here.get(before.workerSeries.get(series));
            for (int worker = 0; at != null && worker < before.workers(); worker++) {
                final long offset = offset(worker % workers()) + (long) at * Long.BYTES;
                file.set(JAVA_LONG, offset, file.get(JAVA_LONG, offset) + before.worker(worker, series));
            }
        }
        final Map<String, Integer> ofProcess = counters(processSeries);
        for (int series = 0; series < before.processSeries.size(); series++) {
            final Integer at = ofProcess.get(before.processSeries.get(series));
            if (at != null) {
                setProcess(at, before.process(series));
            }
        }
    }

    /** The series that only grow, and where each lies. */
    private static Map<String, Integer> counters(final List<String> series) {
        final Map<String, Integer> counters = new HashMap<>();
        for (int i = 0; i < series.size(); i++) {
            if (COUNTER.matcher(series.get(i)).matches()) {
                counters.put(series.get(i), i);
            }
        }
        return counters;
    }

    /** Maps an instance's counters read-only. @throws IOException when the file is none, or of another layout */
    public static CounterFile read(final Path path, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.of(path.getParent());
                FileChannel channel = directory.read(path.getFileName().toString())) {
            if (channel.size() < HEADER_LENGTH) {
                throw new IOException(path + " is too short for a counter file");
            }
            final MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            if (file.get(JAVA_LONG, MAGIC_AT) != MAGIC || file.get(JAVA_INT, LAYOUT_AT) != LAYOUT_VERSION) {
                throw new IOException(path + " is not a counter file of layout " + LAYOUT_VERSION);
            }
            final int workerSeries = file.get(JAVA_INT, WORKER_SERIES_AT);
            final int processSeries = file.get(JAVA_INT, PROCESS_SERIES_AT);
            if (channel.size() < blockOffset(workerSeries, processSeries, file.get(JAVA_INT, WORKERS_AT))) {
                throw new IOException(path + " is cut short");
            }
            final List<String> names = new ArrayList<>();
            for (int i = 0; i < workerSeries + processSeries; i++) {
                names.add(file.getString(HEADER_LENGTH + (long) i * NAME_LENGTH));
            }
            return new CounterFile(file, names.subList(0, workerSeries), names.subList(workerSeries, names.size()));
        }
    }

    /** The block that worker {@code worker} writes. */
    public WorkerCounters worker(final int worker, final CounterCatalog catalog) {
        final long size = (long) workerSeries.size() * Long.BYTES;
        return new WorkerCounters(catalog, file.asSlice(offset(worker), size));
    }

    public List<String> workerSeries() {
        return workerSeries;
    }

    public List<String> processSeries() {
        return processSeries;
    }

    /** One worker's share of a series. */
    public long worker(final int worker, final int series) {
        return file.get(JAVA_LONG, offset(worker) + (long) series * Long.BYTES);
    }

    /** A series over all workers. */
    public long total(final int series) {
        long total = 0;
        for (int worker = 0; worker < workers(); worker++) {
            total += worker(worker, series);
        }
        return total;
    }

    public long process(final int series) {
        return file.get(JAVA_LONG, processOffset() + (long) series * Long.BYTES);
    }

    /** Written by the daemon's housekeeping thread only. */
    public void setProcess(final int series, final long value) {
        file.set(JAVA_LONG, processOffset() + (long) series * Long.BYTES, value);
    }

    public int workers() {
        return file.get(JAVA_INT, WORKERS_AT);
    }

    public long pid() {
        return file.get(JAVA_LONG, PID_AT);
    }

    /** Whether the process that made the file is there. One that began at another time only inherited its number. */
    public boolean isProcessThere() {
        final long start = ProcessStart.ticks(pid());
        return start != ProcessStart.NONE && start == file.get(JAVA_LONG, PROCESS_START_AT);
    }

    public long startedMs() {
        return file.get(JAVA_LONG, STARTED_AT);
    }

    public long heartbeatMs() {
        return file.get(JAVA_LONG, HEARTBEAT_AT);
    }

    /** The housekeeping thread lives. */
    public void beat() {
        file.set(JAVA_LONG, HEARTBEAT_AT, System.currentTimeMillis());
    }

    public long tscHz() {
        return file.get(JAVA_LONG, TSC_HZ_AT);
    }

    public State state() {
        return State.values()[file.get(JAVA_INT, STATE_AT)];
    }

    public void state(final State state) {
        file.set(JAVA_INT, STATE_AT, state.ordinal());
    }

    private long processOffset() {
        return blockOffset(workerSeries.size(), processSeries.size(), -1);
    }

    private long offset(final int worker) {
        return blockOffset(workerSeries.size(), processSeries.size(), worker);
    }

    /** Where the block of a worker starts; the process's is worker -1, and the file ends at worker {@code workers}. */
    private static long blockOffset(final int workerSeries, final int processSeries, final int worker) {
        final long names = HEADER_LENGTH + (long) (workerSeries + processSeries) * NAME_LENGTH;
        final long process = pages(names);
        return worker < 0 ? process
                : process + pages((long) processSeries * Long.BYTES)
                        + worker * pages((long) workerSeries * Long.BYTES);
    }

    private static long pages(final long bytes) {
        return (bytes + PAGE - 1) / PAGE * PAGE;
    }
}
