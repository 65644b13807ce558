// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Golden cases whose replies arrive at the queue of another worker than the one that owns the session: the frames are
 * the same as with one worker, and every worker's ledger balances.
 */
class HandoffTest {
    private static final Path CASES = Path.of("src/test/resources/walks");

    @TempDir
    private Path scratch;

    /** Requests come in on the queue of worker 0, replies on that of the last one; the others' queues are silent. */
    @ParameterizedTest
    @CsvSource({
        "client-and-target-talk-across-two-ports, 2, 1", "client-and-target-talk-across-two-ports, 3, 1",
        "snat-none-keeps-the-client-visible, 2, 1", "snat-none-keeps-the-client-visible, 5, 1",
        "snat-none-keeps-the-client-visible, 3, 1"})
    void repliesReachTheOwningWorker(final String name, final int workers, final int hops) throws IOException {
        TestEal.init();
        final Path folder = CASES.resolve(name);
        // The lowest part of the pool is worker 0's, so a pool of many ports keeps the case's source port in it.
        final String text = Files.readString(folder.resolve("config.yaml"))
                .replaceFirst("device: pcap", "device: \"" + device("edge", folder, 1, 0, workers) + "\"")
                .replaceFirst("device: pcap", "device: \"" + device("inner", folder, 2, workers - 1, workers) + "\"")
                + "workers: { cores: auto, count: " + workers + " }\n";
        final RelayConfig config = RelayConfig.parse(text, name);
        final Instance instance = new Instance(Files.createDirectory(scratch.resolve("state")));
        try (Relay relay = Relay.open(config, MemoryPlan.of(config), instance, Clock.tsc())) {
            for (int round = 0; round < 10; round++) {
                relay.workers().forEach(Worker::doWork);
            }
            relay.stopWorkers();
            long handedOff = 0;
            for (final Worker worker : relay.workers()) {
                final WorkerCounters counters = worker.counters();
                assertEquals(0, counters.imbalance(), "packets unaccounted for in a worker's ledger");
                handedOff += counters.get(counters.catalog().of(WorkerCounter.HANDED_OFF));
            }
            assertEquals(hops, handedOff, "packets handed from worker to worker");
            assertEquals(relay.pool().buffers(), relay.pool().available(), "buffers in the mempool");
        }
        assertEquals(Optional.empty(), Pcap.difference(
                Pcap.read(folder.resolve("out-inner.pcap")).subList(0, 1), sent("inner", workers)), "out of inner");
        assertEquals(Optional.empty(), Pcap.difference(
                Pcap.read(folder.resolve("out-edge.pcap")).subList(0, 1), sent("edge", workers)), "out of edge");
    }

    /** A device with a receive and a transmit queue per worker; the case's frames of a step lie on one of them. */
    private String device(final String port, final Path folder, final int step, final int queue, final int queues)
            throws IOException {
        final StringBuilder device = new StringBuilder("net_pcap_" + port + "0");
        for (int i = 0; i < queues; i++) {
            final Path in = scratch.resolve("in-" + port + "." + i + ".pcap");
            final List<byte[]> frames = i == queue
                    ? Pcap.read(folder.resolve("in-" + port + "." + step + ".pcap")).subList(0, 1) : List.of();
            Pcap.write(in, frames);
            device.append(",rx_pcap=").append(in).append(",tx_pcap=").append(out(port, i));
        }
        return device.toString();
    }

    private Path out(final String port, final int queue) {
        return scratch.resolve("out-" + port + "." + queue + ".pcap");
    }

    private List<byte[]> sent(final String port, final int queues) throws IOException {
        final List<byte[]> frames = new ArrayList<>();
        for (int i = 0; i < queues; i++) {
            frames.addAll(Pcap.read(out(port, i)));
        }
        return frames;
    }
}
