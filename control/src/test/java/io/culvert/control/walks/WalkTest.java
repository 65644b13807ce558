// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.ethdev.Port;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Walks every golden case of {@code resources/walks} through the relay over net_pcap devices: frames out and counters
 * are exactly as the folder says, the ledger balances and every buffer is back. The folder is the test; see its README.
 */
class WalkTest {
    private static final Path CASES = Path.of("src/test/resources/walks");
    private static final String DROPPED = "culvert_dropped_packets_total";
    /** Polls that find nothing before a step counts as drained. */
    private static final int SILENT_POLLS = 3;
    private static final int POLLS_LIMIT = 10_000;
    private static final Pattern DEVICE = Pattern.compile("device: pcap");
    /** A port's name stands on the line before its device. */
    private static final Pattern PORT = Pattern.compile("([a-z0-9-]+):\\s*\\{?\\s*device: pcap");

    @TempDir
    private Path scratch;

    static Stream<Path> cases() throws IOException {
        return Files.list(CASES).filter(Files::isDirectory).sorted();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void walksAsTheFolderSays(final Path folder) throws IOException {
        TestEal.init();
        final RelayConfig config = RelayConfig.parse(configOf(folder), folder.getFileName() + "/config.yaml");
        final Instance instance = new Instance(Files.createDirectory(scratch.resolve("state")));
        final int steps = steps(folder);
        prepareDevices(folder, config, 1);
        try (Relay relay = Relay.open(config, MemoryPlan.of(config), instance, Clock.tsc())) {
            final Worker worker = relay.workers().getFirst();
            for (int step = 1; step <= steps; step++) {
                if (step > 1) {
                    reopen(relay, folder, config, step);
                }
                drain(worker);
            }
            relay.stopWorkers();
            assertEquals(0, worker.counters().imbalance(), "packets unaccounted for in the ledger");
            assertEquals(relay.pool().buffers(), relay.pool().available(), "buffers in the mempool");
            compareCounters(folder, relay.counters());
        }
        compareFrames(folder, config, steps);
    }

    private static void drain(final Worker worker) {
        int silent = 0;
        for (int poll = 0; silent < SILENT_POLLS; poll++) {
            assertTrue(poll < POLLS_LIMIT, "the step does not end");
            silent = worker.doWork() == 0 ? silent + 1 : 0;
        }
    }

    /** The port devices of the folder's configuration read and write files of this test's directory. */
    private String configOf(final Path folder) throws IOException {
        final Iterator<String> ports = PORT.matcher(Files.readString(folder.resolve("config.yaml"))).results()
                .map(match -> match.group(1)).iterator();
        return DEVICE.matcher(Files.readString(folder.resolve("config.yaml")))
                .replaceAll(match -> Matcher.quoteReplacement("device: \"" + device(ports.next(), 1) + "\""));
    }

    private String device(final String port, final int step) {
        return "net_pcap_" + port + "0,rx_pcap=" + in(port, step) + ",tx_pcap=" + out(port, step);
    }

    private Path in(final String port, final int step) {
        return scratch.resolve("in-" + port + "." + step + ".pcap");
    }

    private Path out(final String port, final int step) {
        return scratch.resolve("out-" + port + "." + step + ".pcap");
    }

    private void prepareDevices(final Path folder, final RelayConfig config, final int step) throws IOException {
        for (final var port : config.ports()) {
            final Path stepFile = folder.resolve("in-" + port.name() + "." + step + ".pcap");
            final Path source = step == 1 && !Files.exists(stepFile)
                    ? folder.resolve("in-" + port.name() + ".pcap") : stepFile;
            Pcap.write(in(port.name(), step), Pcap.read(source));
        }
    }

    /**
     * Gives every port the files of the next step. The devices come back in the same order and so under the same port
     * numbers, which is why the worker's queues and the relay's own ports go on being valid.
     */
    private void reopen(final Relay relay, final Path folder, final RelayConfig config, final int step)
            throws IOException {
        prepareDevices(folder, config, step);
        relay.ports().forEach(Port::close);
        for (int i = 0; i < config.ports().size(); i++) {
            final Port port = Port.open(device(config.ports().get(i).name(), step));
            assertEquals(relay.ports().get(i).id(), port.id(), "the port number after opening again");
            port.start(1, 512, 0, relay.pool());
        }
    }

    private static int steps(final Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.matches("in-.*\\.\\d+\\.pcap"))
                    .mapToInt(name -> Integer.parseInt(name.split("\\.")[1])).max().orElse(1);
        }
    }

    private void compareFrames(final Path folder, final RelayConfig config, final int steps) throws IOException {
        for (final var port : config.ports()) {
            final List<byte[]> sent = new ArrayList<>();
            for (int step = 1; step <= steps; step++) {
                sent.addAll(Pcap.read(out(port.name(), step)));
            }
            final List<byte[]> expected = Pcap.read(folder.resolve("out-" + port.name() + ".pcap"));
            assertEquals(Optional.empty(), Pcap.difference(expected, sent), "frames out of " + port.name());
        }
    }

    private static void compareCounters(final Path folder, final CounterFile counters) throws IOException {
        final Map<String, Long> actual = new TreeMap<>();
        for (int series = 0; series < counters.workerSeries().size(); series++) {
            actual.put(counters.workerSeries().get(series), counters.total(series));
        }
        final Map<String, Long> expected = new TreeMap<>();
        for (final String line : Files.readAllLines(folder.resolve("counters"))) {
            final int space = line.lastIndexOf(' ');
            expected.put(line.substring(0, space), Long.parseLong(line.substring(space + 1)));
        }
        actual.keySet().stream().filter(series -> series.startsWith(DROPPED))
                .forEach(series -> expected.putIfAbsent(series, 0L));
        final Map<String, Long> compared = new TreeMap<>();
        expected.keySet().forEach(series -> compared.put(series, actual.get(series)));
        assertEquals(expected, compared, "counters");
    }
}
