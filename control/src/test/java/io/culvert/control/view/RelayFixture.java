// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.control.instance.Instance;
import io.culvert.control.metrics.ProcessSeries;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ipv4Address;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.Inet4Address;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The files that a relay leaves behind, written by the data plane's own classes, with no relay at work. */
public final class RelayFixture implements AutoCloseable {
    public static final long TSC_HZ = 1_000_000_000;
    public static final List<String> PORTS = List.of("p0", "p1");
    public static final List<String> RULES = List.of("cam-wall", "intercom");
    public static final List<String> POOLS = List.of("203.0.113.1");

    private static final int UDP = 17;
    private static final int PAGE = 4096;

    public final Instance instance;
    public final CounterCatalog catalog = new CounterCatalog(PORTS, RULES);
    public final ProcessSeries series = new ProcessSeries(PORTS, POOLS);
    public final CounterFile counters;
    public final List<FlowFile> files = new ArrayList<>();
    public final List<FlowTable> tables = new ArrayList<>();

    private final Arena arena = Arena.ofShared();

    public RelayFixture(final String name, final int workers, final int sessions) {
        instance = Instance.named(name);
        try {
            Files.createDirectories(instance.directory());
            counters = CounterFile.create(instance.countersFile(), catalog, series.series(), workers, TSC_HZ, arena);
            for (int worker = 0; worker < workers; worker++) {
                final FlowFile file = FlowFile.create(instance.flowsFile(worker), worker, sessions, PAGE, arena);
                files.add(file);
                tables.add(new FlowTable(file));
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public WorkerCounters worker(final int worker) {
        return counters.worker(worker, catalog);
    }

    /** Opens a session at 0 ms. Addresses and ports as people write them. */
    public int open(final int worker, final int rule, final String client, final String listen, final String external,
                    final String target) {
        final FlowTable table = tables.get(worker);
        final int slot = table.take();
        open(table, slot, rule, endpoint(client), endpoint(listen), endpoint(external), endpoint(target), 0);
        return slot;
    }

    /** Writes both flows; endpoints as {@link #endpoint} packs them. */
    public static void open(final FlowTable table, final int slot, final int rule, final long client, final long listen,
                            final long external, final long target, final long nowMs) {
        table.write(slot, addresses(client, listen), FlowEntry.keyHi(ports(client, listen), UDP), 0, 0,
                addresses(external, target), ports(external, target), 0, 0, rule, 0, nowMs);
        table.write(slot ^ 1, addresses(target, external), FlowEntry.keyHi(ports(target, external), UDP),
                FlowEntry.FLAG_REPLY, 0, addresses(listen, client), ports(listen, client), 0, 0, rule, 0, nowMs);
        if (!table.publish(slot)) {
            throw new IllegalStateException("the table refuses the session");
        }
    }

    /** What the relay counts of one direction. */
    public void count(final int worker, final int slot, final long packets, final long bytes, final long lastSeenMs) {
        final MemorySegment entry = tables.get(worker).entry(slot);
        entry.set(JAVA_LONG, FlowEntry.PACKETS, packets);
        entry.set(JAVA_LONG, FlowEntry.BYTES, bytes);
        final long version = entry.get(JAVA_LONG, FlowEntry.LAST_SEEN) & ~FlowEntry.LAST_SEEN_MASK;
        entry.set(JAVA_LONG, FlowEntry.LAST_SEEN, version | lastSeenMs);
    }

    /** ADDRESS:PORT as wire-order address and, above it, wire-order port. */
    public static long endpoint(final String text) {
        final int colon = text.indexOf(':');
        return endpoint(Ipv4Address.of(Inet4Address.ofLiteral(text.substring(0, colon))),
                Integer.parseInt(text.substring(colon + 1)));
    }

    public static long endpoint(final int address, final int port) {
        return address & 0xFFFF_FFFFL | (long) Short.toUnsignedInt(Short.reverseBytes((short) port)) << Integer.SIZE;
    }

    private static long addresses(final long source, final long destination) {
        return source & 0xFFFF_FFFFL | destination << Integer.SIZE;
    }

    private static int ports(final long source, final long destination) {
        return (int) (source >>> Integer.SIZE) | (int) (destination >>> Integer.SIZE) << Short.SIZE;
    }

    @Override
    public void close() {
        arena.close();
        try (Stream<Path> files = Files.walk(instance.directory())) {
            for (final Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
