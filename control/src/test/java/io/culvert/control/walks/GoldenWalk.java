// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.ethdev.Port;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A golden case on its way through a relay of one or more workers over net_pcap devices. With several, what comes from
 * a target arrives on the queue of the last worker and everything else on that of the first, so that replies have to
 * be handed over; each worker has room for as many sessions as the case has in all.
 */
final class GoldenWalk {
    static final Path CASES = Path.of("src/test/resources/walks");
    private static final String DROPPED = "culvert_dropped_packets_total";
    /** Polls that find nothing before a step counts as drained. */
    private static final int SILENT_POLLS = 3;
    private static final int POLLS_LIMIT = 10_000;
    private static final int DESCRIPTORS = 512;
    private static final Pattern DEVICE = Pattern.compile("device: pcap");
    /** A port's name stands on the line before its device. */
    private static final Pattern PORT = Pattern.compile("([a-z0-9-]+):\\s*\\{?\\s*device: pcap");
    private static final Pattern FLOWS = Pattern.compile("flows: ([0-9]+)");
    private static final int ETHERTYPE = 12;
    private static final int VLAN_TAG_LENGTH = 4;
    private static final short VLAN = (short) 0x8100;
    private static final int IPV4_SOURCE = 26;
    private static final int IPV6_SOURCE = 22;
    private static final int IPV4_LENGTH = 4;
    /** Time does not pass, so that a limit of new sessions in a second lasts as long as the case. */
    private static final Clock STILL = new Clock() {
        @Override
        public long cycles() {
            return hz();
        }

        @Override
        public long hz() {
            return 1_000_000_000;
        }
    };

    private final Path folder;
    private final int workers;
    private final Path scratch;
    private final RelayConfig config;
    private final int steps;
    private final Optional<WalkBystander> bystander;
    /** How many queues further each step's packets arrive than those of the step before. */
    private int queueShift;

    GoldenWalk(final Path folder, final int workers, final Path scratch) throws IOException {
        this(folder, workers, scratch, false);
    }

    private GoldenWalk(final Path folder, final int workers, final Path scratch, final boolean isAccompanied)
            throws IOException {
        TestEal.init();
        this.folder = folder;
        this.workers = workers;
        this.scratch = scratch;
        final RelayConfig own = config(1, isAccompanied ? 2 : 0);
        this.bystander = isAccompanied ? WalkBystander.of(own) : Optional.empty();
        this.config = bystander.map(present -> present.join(own)).orElse(own);
        this.steps = countSteps();
    }

    /** Through one worker, with a bystander where the case has room for one. */
    static GoldenWalk withBystander(final Path folder, final Path scratch) throws IOException {
        return new GoldenWalk(folder, 1, scratch, true);
    }

    static Stream<Path> cases() throws IOException {
        return Files.list(CASES).filter(Files::isDirectory).sorted();
    }

    /** @return how many packets were handed from worker to worker */
    long run() throws IOException {
        final Instance instance = new Instance(Files.createDirectory(scratch.resolve("state")));
        long handedOff = 0;
        prepareDevices(1);
        try (Relay relay = Relay.open(config, MemoryPlan.of(config), instance, STILL)) {
            for (int step = 1; step <= steps; step++) {
                if (step > 1) {
                    reopen(relay, step);
                }
                drain(relay);
            }
            relay.stopWorkers();
            for (final Worker worker : relay.workers()) {
                assertEquals(0, worker.counters().imbalance(), "packets unaccounted for in a worker's ledger");
                handedOff += worker.counters().get(worker.counters().catalog().of(WorkerCounter.HANDED_OFF));
            }
            assertEquals(relay.pool().buffers(), relay.pool().available(), "buffers in the mempool");
            compareCounters(relay.counters());
        }
        compareFrames();
        return handedOff;
    }

    /**
     * With another relay for each step: its predecessor ends without a word, as one that is killed does.
     *
     * @param shift how many queues further every packet arrives after a restart, as behind a NIC that spreads anew
     */
    void runThroughRestarts(final int shift) throws IOException {
        queueShift = shift;
        final Instance instance = new Instance(Files.createDirectory(scratch.resolve("state")));
        for (int step = 1; step <= steps; step++) {
            prepareDevices(step);
            final RelayConfig here = config(step, 0);
            try (Relay relay = Relay.open(here, MemoryPlan.of(here), instance, STILL)) {
                drain(relay);
                if (step == steps) {
                    relay.stopWorkers();
                    compareCounters(relay.counters());
                }
                for (final Worker worker : relay.workers()) {
                    assertEquals(0, worker.counters().imbalance(), "packets unaccounted for in a worker's ledger");
                }
            }
        }
        compareFrames();
    }

    private static void drain(final Relay relay) {
        int silent = 0;
        for (int poll = 0; silent < SILENT_POLLS; poll++) {
            assertTrue(poll < POLLS_LIMIT, "the step does not end");
            silent = relay.workers().stream().mapToInt(Worker::doWork).sum() == 0 ? silent + 1 : 0;
        }
    }

    /**
     * The port devices of the folder's configuration read and write files of this test's directory.
     *
     * @param flows more than the folder says
     */
    private RelayConfig config(final int step, final int flows) throws IOException {
        final String text = Files.readString(folder.resolve("config.yaml"));
        final Iterator<String> ports = PORT.matcher(text).results().map(match -> match.group(1)).iterator();
        final String withDevices = DEVICE.matcher(text)
                .replaceAll(match -> Matcher.quoteReplacement("device: \"" + device(ports.next(), step) + "\""));
        final String yaml = FLOWS.matcher(withDevices)
                .replaceFirst(match -> "flows: " + (workers * Integer.parseInt(match.group(1)) + flows))
                + "workers: { cores: auto, count: " + workers + " }\n";
        return RelayConfig.parse(yaml, folder.getFileName() + "/config.yaml");
    }

    private String device(final String port, final int step) {
        return "net_pcap_" + port + "0" + IntStream.range(0, workers)
                .mapToObj(queue -> ",rx_pcap=" + in(port, step, queue) + ",tx_pcap=" + out(port, step, queue))
                .reduce("", String::concat);
    }

    private Path in(final String port, final int step, final int queue) {
        return scratch.resolve("in-" + port + "." + step + "." + queue + ".pcap");
    }

    private Path out(final String port, final int step, final int queue) {
        return scratch.resolve("out-" + port + "." + step + "." + queue + ".pcap");
    }

    private void prepareDevices(final int step) throws IOException {
        for (final var port : config.ports()) {
            final Path stepFile = folder.resolve("in-" + port.name() + "." + step + ".pcap");
            final Path source = step == 1 && !Files.exists(stepFile)
                    ? folder.resolve("in-" + port.name() + ".pcap") : stepFile;
            final List<byte[]> ofCase = Pcap.read(source);
            final List<byte[]> frames = bystander.map(present -> present.mix(port.name(), ofCase)).orElse(ofCase);
            for (int queue = 0; queue < workers; queue++) {
                final int arriving = queue;
                Pcap.write(in(port.name(), step, queue),
                        frames.stream().filter(frame -> queueOf(frame, step) == arriving).toList());
            }
        }
    }

    private int queueOf(final byte[] frame, final int step) {
        final boolean isReply = config.rules().stream().anyMatch(rule -> isFrom(rule.targetAddress(), frame));
        return ((isReply ? workers - 1 : 0) + queueShift * (step - 1)) % workers;
    }

    private static boolean isFrom(final InetAddress address, final byte[] frame) {
        final byte[] bytes = address.getAddress();
        final boolean isTagged = frame.length > ETHERTYPE + 1
                && (short) (frame[ETHERTYPE] << Byte.SIZE | frame[ETHERTYPE + 1] & 0xFF) == VLAN;
        final int source = (bytes.length == IPV4_LENGTH ? IPV4_SOURCE : IPV6_SOURCE) + (isTagged ? VLAN_TAG_LENGTH : 0);
        final int end = source + bytes.length;
        return frame.length >= end && Arrays.equals(bytes, Arrays.copyOfRange(frame, source, end));
    }

    /**
     * Gives every port the files of the next step. The devices come back in the same order and so under the same port
     * numbers, which is why the workers' queues and the relay's own ports go on being valid.
     */
    private void reopen(final Relay relay, final int step) throws IOException {
        prepareDevices(step);
        relay.ports().forEach(Port::close);
        for (int i = 0; i < config.ports().size(); i++) {
            final Port port = Port.open(device(config.ports().get(i).name(), step));
            assertEquals(relay.ports().get(i).id(), port.id(), "the port number after opening again");
            port.start(workers, DESCRIPTORS, 0, relay.pool());
        }
    }

    private int countSteps() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).filter(name -> name.matches("in-.*\\.\\d+\\.pcap"))
                    .mapToInt(name -> Integer.parseInt(name.split("\\.")[1])).max().orElse(1);
        }
    }

    /** One worker sends in the order of the case; between several there is none. */
    private void compareFrames() throws IOException {
        for (final var port : config.ports()) {
            final List<byte[]> all = new ArrayList<>();
            for (int step = 1; step <= steps; step++) {
                for (int queue = 0; queue < workers; queue++) {
                    all.addAll(Pcap.read(out(port.name(), step, queue)));
                }
            }
            final List<byte[]> sent = bystander.map(present -> present.takeFrom(port.name(), all)).orElse(all);
            final List<byte[]> expected = Pcap.read(folder.resolve("out-" + port.name() + ".pcap"));
            assertEquals(FragmentIds.count(expected), FragmentIds.count(sent), "ids of fragments");
            assertEquals(Optional.empty(), Pcap.difference(comparable(expected), comparable(sent)),
                    "frames out of " + port.name());
        }
    }

    private List<byte[]> comparable(final List<byte[]> frames) {
        return workers == 1 ? FragmentIds.ranked(frames)
                : FragmentIds.blanked(frames).stream().sorted(Arrays::compare).toList();
    }

    private void compareCounters(final CounterFile counters) throws IOException {
        final Map<String, Long> actual = new TreeMap<>();
        for (int series = 0; series < counters.workerSeries().size(); series++) {
            final String name = counters.workerSeries().get(series);
            final long ofBystander = bystander.map(present -> present.partOf(name)).orElse(0L);
            actual.put(name, counters.total(series) - ofBystander);
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
        // Only what differs: a failure is to fit one screen.
        expected.entrySet().removeIf(counter -> compared.remove(counter.getKey(), counter.getValue()));
        assertEquals(expected, compared, "counters");
    }
}
