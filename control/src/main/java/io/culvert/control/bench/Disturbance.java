// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.Failure;
import io.culvert.control.boot.Housekeeper;
import io.culvert.control.demo.JavaProgram;
import io.culvert.control.instance.Instance;
import io.culvert.control.metrics.RelayInfo;
import io.culvert.control.metrics.StatusServer;
import io.culvert.dataplane.stats.CounterFile;
import java.io.File;
import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * All that a relay's process and its operators do beside the packets, and more often than they would: metrics are
 * scraped, all sessions are dumped in a loop, the heap is collected every second, the housekeeper keeps house.
 */
final class Disturbance implements AutoCloseable {
    private static final int SCRAPE_MS = 200;
    private static final String DUMP_LOOP = "while kill -0 $PPID && \"$@\" > /dev/null; do echo dumped; done";

    private final StatusServer status;
    private final ScheduledExecutorService clockwork = Executors.newScheduledThreadPool(2);
    private final List<Process> children = new ArrayList<>();
    private final Path scraped;
    private final Path dumped;
    private final long collectedBefore = collections();

    /** How often each happened, so far. */
    record Count(long scrapes, long dumps, long collections) { }

    Disturbance(final Bed bed) {
        final Instance instance = bed.instance();
        scraped = instance.directory().resolve("scraped");
        dumped = instance.directory().resolve("dumped");
        try {
            status = new StatusServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                    bed.relay().counters(), bed.relay().flowFiles(),
                    new RelayInfo(instance.name(), Map.of(), List.of()));
            bed.relay().counters().state(CounterFile.State.READY);
            final List<String> dump = new ArrayList<>(List.of("sh", "-c", DUMP_LOOP, "sh"));
            dump.addAll(JavaProgram.command("cli", List.of("flows", "-o", "json", "--instance", instance.name())));
            start(dump, instance, dumped);
            start(JavaProgram.command("cli", Scraper.class.getName(), List.of(
                    "http://127.0.0.1:" + status.address().getPort() + "/metrics", Integer.toString(SCRAPE_MS))),
                    instance, scraped);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot start what shall disturb the worker: " + e.getMessage()
                    + ". Fix: free a port of 127.0.0.1, and memory", e);
        }
        clockwork.scheduleAtFixedRate(new Housekeeper(bed.relay())::publish, 0, 1, TimeUnit.SECONDS);
        clockwork.scheduleAtFixedRate(System::gc, 1, 1, TimeUnit.SECONDS);
    }

    /** Its stdin is a pipe that ends with this process. */
    private void start(final List<String> command, final Instance instance, final Path output) throws IOException {
        final ProcessBuilder builder = new ProcessBuilder(command).redirectOutput(output.toFile())
                .redirectError(ProcessBuilder.Redirect.to(new File("/dev/null")));
        builder.environment().put(Instance.STATE_VARIABLE, instance.directory().getParent().toString());
        children.add(builder.start());
    }

    Count count() {
        return new Count(lines(scraped), lines(dumped), collections() - collectedBefore);
    }

    private static long lines(final Path file) {
        try {
            return Files.readAllLines(file).size();
        } catch (final IOException e) {
            return 0;
        }
    }

    /** Of the whole heap, where the collector tells them from others. */
    private static long collections() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .filter(collector -> !collector.getName().contains("Minor")
                        && !collector.getName().contains("Pauses"))
                .mapToLong(GarbageCollectorMXBean::getCollectionCount).sum();
    }

    @Override
    public void close() {
        for (final Process child : children) {
            final List<ProcessHandle> family = new ArrayList<>(child.descendants().toList());
            family.addFirst(child.toHandle());
            family.forEach(ProcessHandle::destroy);
            family.forEach(process -> process.onExit().join());
        }
        clockwork.shutdownNow();
        clockwork.close();
        status.close();
    }
}
