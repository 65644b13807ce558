// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.control.Failure;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.state.StateDirectory;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.wire.Wire;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A relay as {@code culvert run} builds it, on two ports whose driver is the benchmark's packet source, with its
 * sessions open. Clients are behind the gateway of link 0, the target is a neighbour on link 1.
 */
final class Bed implements AutoCloseable {
    static final int EDGE = 0;
    static final int INNER = 1;
    static final int LINKS = 2;
    static final int WORKERS_LIMIT = 2;

    private static final int CLIENTS_FIRST = 100 << 24 | 64 << 16;
    private static final int STREAMS_PER_CLIENT_BITS = 2;
    private static final int LOWEST_PORT = 1_024;
    /** Together their header and mbuf lines are 4 MB: more than any second-level cache. */
    private static final int MBUFS_PER_STREAM = 1 << 14;
    /** An external address has 64,512 ports; so full, a free one is still found at once. */
    private static final int SESSIONS_PER_ADDRESS = 50_000;
    private static final int SESSIONS_MIN = 32;
    private static final int SPARE_MBUFS = 1_023;
    private static final int DATA_ROOM = 2_176;
    private static final int PAGE_BYTES = 4_096;
    /** For the buffers of two workers and of the ports, each of which takes a page where there are no huge ones. */
    private static final int MEGABYTES = 576;
    /** A neighbour that no session knows. */
    private static final int STRANGER = Integer.reverseBytes(192 << 24 | 2 << 8 | 253);
    private static final long SEED = 0x43756C76657274L;

    private static final long GATEWAY_MAC = mac("02:00:00:00:00:fe");
    private static final long TARGET_MAC = mac("02:00:00:00:01:17");

    private final Arena arena = Arena.ofShared();
    private final BenchClock clock = new BenchClock();
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final MemoryPlan memory;
    private final Relay relay;
    private final boolean flowsOnHugePages;
    private final Mempool pool;
    private final int sessions;
    private final Mix mix;
    private final Payload payload;
    private final Instance instance;
    /** Set while others may read the state: a benchmark that is stopped leaves nothing behind, either. */
    private final Thread wipeAtExit;
    /** By worker, then by link. */
    private final List<List<Stream>> streams = new ArrayList<>();

    /**
     * @param memory as {@link #initEal} settled it
     * @param sessions of each worker
     * @param packetSize bytes of UDP payload
     */
    Bed(final MemoryPlan memory, final int sessions, final int packetSize, final int burst, final Mix mix,
        final int workers) {
        this(memory, sessions, packetSize, burst, mix, workers, false);
    }

    /** @param isReadable whether others may map flows and counters until the bed is closed */
    Bed(final MemoryPlan memory, final int sessions, final int packetSize, final int burst, final Mix mix,
        final int workers, final boolean isReadable) {
        this.sessions = sessions;
        this.mix = mix;
        this.payload = new Payload(packetSize);
        final RelayConfig config = mix == Mix.REFUSED ? RefusedRules.config(sessions, workers, MEGABYTES)
                : config(sessions * workers, workers);
        this.memory = memory;
        this.instance = new Instance(scratch());
        this.wipeAtExit = isReadable ? new Thread(() -> wipe(instance), "bench-wipe") : null;
        try {
            this.relay = Relay.open(config, memory, instance, clock);
            this.flowsOnHugePages = instance.hasTablesOnHugePages();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        } finally {
            if (isReadable) {
                Runtime.getRuntime().addShutdownHook(wipeAtExit);
            } else {
                wipe(instance);
            }
        }
        this.pool = Mempool.create("bench", LINKS * workers * MBUFS_PER_STREAM + SPARE_MBUFS, DATA_ROOM, -1);
        for (int number = 0; number < workers; number++) {
            final List<Stream> links = new ArrayList<>();
            for (int link = EDGE; link <= INNER; link++) {
                final Stream stream = new Stream(
                        pool, MBUFS_PER_STREAM, payload, burst, mix == Mix.DROP || mix == Mix.REFUSED, random, arena);
                stream.plug(relay.ports().get(link), number);
                links.add(stream);
            }
            streams.add(links);
        }
    }

    /** EAL for every bed of this process, which can initialise it once only. */
    static MemoryPlan initEal() {
        final MemoryPlan memory = memoryPlan();
        Eal.init(memory.ealArguments(config(1, WORKERS_LIMIT), Lcore.allowedCpus()[0]));
        return memory;
    }

    /** Enough for any bed. */
    static MemoryPlan memoryPlan() {
        return MemoryPlan.of(config(1, WORKERS_LIMIT));
    }

    private static Path scratch() {
        try {
            final Path shm = Path.of("/dev/shm");
            return Files.isWritable(shm) ? Files.createTempDirectory(shm, "culvert-bench-")
                    : Files.createTempDirectory("culvert-bench-");
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot make a directory for the flow table: " + e.getMessage()
                    + ". Fix: make room in /dev/shm", e);
        }
    }

    /** What is mapped stays; nothing is left behind, however the benchmark ends. */
    private static void wipe(final Instance instance) {
        try (java.util.stream.Stream<Path> left = Files.list(instance.directory())) {
            instance.clear();
            for (final Path file : left.toList()) {
                Files.deleteIfExists(file);
            }
            Files.delete(instance.directory());
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static RelayConfig config(final int sessions, final int workers) {
        final String snat = IntStream.rangeClosed(0, sessions / SESSIONS_PER_ADDRESS)
                .mapToObj(i -> "192.0.2." + (10 + i)).collect(Collectors.joining(", "));
        return RelayConfig.parse("""
                instance: bench
                ports:
                  edge:
                    device: "net_null0,no-rx=1"
                    mac: 02:00:00:00:00:01
                    address: 203.0.113.1/24
                    gateway: 203.0.113.254
                    neighbors: { 203.0.113.254: "02:00:00:00:00:fe" }
                  inner:
                    device: "net_null1,no-rx=1"
                    mac: 02:00:00:00:00:02
                    address: 192.0.2.1/24
                    neighbors: { 192.0.2.254: "02:00:00:00:01:17" }
                workers: { cores: auto, count: %d }
                memory: { megabytes: %d }
                limits: { flows: %d }
                metrics: none
                defaults: { idleTimeout: 300s, unansweredTimeout: 300s }
                rules:
                  - name: bench
                    listen: 203.0.113.1:7890/udp
                    target: 192.0.2.254:7890
                    snat: { address: [%s], ports: 1024-65535 }
                """.formatted(workers, MEGABYTES, 2 * Math.max(sessions, SESSIONS_MIN), snat), "bench");
    }

    /** Has the mix arrive at a worker, whose sessions are open then. Called by the thread that runs the worker. */
    void prepare(final int number) {
        if (mix == Mix.NEW) {
            arrive(number, headers -> {
                final int[] order = shuffled(sessions);
                for (int i = 0; i < sessions; i++) {
                    headers.get(EDGE).udp(i, listenerFrom(order[i]), clientPort(order[i], listenPort()));
                    headers.get(INNER).udp(i, 0, 0);
                }
            });
            return;
        }
        open(number);
        switch (mix) {
            case DROP -> arrive(number, this::fillUnwanted);
            case ICMP -> arrive(number, this::fillEchoes);
            default -> arrive(number, headers -> fillEstablished(relay.flowFiles().get(number), headers));
        }
    }

    /** Opens every session of a worker by its first packet. */
    private void open(final int number) {
        open(number, relay.plan().rules().getFirst(), sessions);
        final int opened = relay.flowFiles().get(number).highWater();
        if (opened != sessions) {
            throw new IllegalStateException("only " + opened + " of " + sessions + " sessions opened");
        }
    }

    /** Has first packets of so many sessions arrive at the rule's listener. */
    void open(final int number, final Rule rule, final int count) {
        final Worker worker = relay.workers().get(number);
        final Stream edge = streams.get(number).get(EDGE);
        try (Arena opening = Arena.ofConfined()) {
            final Headers first = headers(EDGE, count, opening);
            for (int session = 0; session < count; session++) {
                first.udp(session, listenerFrom(number * sessions + session), clientPort(session, rule.listenLow()));
            }
            streams.get(number).forEach(stream -> stream.headers(first));
            edge.rewind(count);
            streams.get(number).get(INNER).rewind(0);
            while (edge.received() < count) {
                worker.doWork();
            }
        }
    }

    /** Has newcomers to this port of the listener arrive at a worker, from clients that have no session there. */
    void arriveNew(final int number, final int listenPort) {
        arrive(number, headers -> {
            for (int i = 0; i < sessions; i++) {
                headers.get(EDGE).udp(i, listenerFrom(WORKERS_LIMIT * sessions + i), clientPort(i, listenPort));
                headers.get(INNER).udp(i, 0, 0);
            }
        });
        rewind(number, Long.MAX_VALUE);
    }

    private void arrive(final int number, final Consumer<List<Headers>> fill) {
        final List<Headers> headers = List.of(headers(EDGE, sessions, arena), headers(INNER, sessions, arena));
        fill.accept(headers);
        for (int link = EDGE; link <= INNER; link++) {
            streams.get(number).get(link).headers(headers.get(link));
        }
    }

    /** Each link in a random order of its own. */
    private void fillEstablished(final FlowFile flows, final List<Headers> headers) {
        for (int link = EDGE; link <= INNER; link++) {
            final int[] order = shuffled(sessions);
            for (int i = 0; i < sessions; i++) {
                final MemorySegment entry = flows.entry(order[i] << 1 | link);
                headers.get(link).udp(i, FlowEntry.keyLo(entry), FlowEntry.ports(entry));
            }
        }
    }

    private void fillUnwanted(final List<Headers> headers) {
        final int external = relay.plan().pools().getFirst().addresses().getFirst();
        final int unused = relay.plan().rules().getFirst().listenLow() + 1;
        for (int i = 0; i < sessions; i++) {
            headers.get(EDGE).udp(i, listenerFrom(i), ports(randomPort(), unused));
            headers.get(INNER).udp(i, addresses(STRANGER, external), ports(randomPort(), randomPort()));
            for (final Headers link : headers) {
                if (random.nextBoolean()) {
                    link.misdirect(i);
                }
            }
        }
    }

    private void fillEchoes(final List<Headers> headers) {
        final int inner = relay.plan().links().get(INNER).subnets().getFirst().address();
        for (int i = 0; i < sessions; i++) {
            headers.get(EDGE).echo(i, listenerFrom(i), random.nextInt());
            headers.get(INNER).echo(i, addresses(relay.plan().rules().getFirst().targetAddress(), inner),
                    random.nextInt());
        }
    }

    private Headers headers(final int link, final int count, final Arena where) {
        final Link to = relay.plan().links().get(link);
        return new Headers(count, payload, to.mac(), link == EDGE ? GATEWAY_MAC : TARGET_MAC,
                mix == Mix.FRAGMENTABLE, where);
    }

    private int[] shuffled(final int count) {
        final int[] order = IntStream.range(0, count).toArray();
        for (int i = count - 1; i > 0; i--) {
            final int other = random.nextInt(i + 1);
            final int swapped = order[i];
            order[i] = order[other];
            order[other] = swapped;
        }
        return order;
    }

    /** Source and destination of a client's packet. */
    private long listenerFrom(final int session) {
        return addresses(Integer.reverseBytes(CLIENTS_FIRST + (session >>> STREAMS_PER_CLIENT_BITS)),
                relay.plan().rules().getFirst().listenAddress());
    }

    private int listenPort() {
        return relay.plan().rules().getFirst().listenLow();
    }

    /** A random port, another one for each stream of a client, and the listener's. */
    private int clientPort(final int session, final int listenPort) {
        final int share = 1 << Short.SIZE - STREAMS_PER_CLIENT_BITS;
        final int low = Math.max((session & (1 << STREAMS_PER_CLIENT_BITS) - 1) * share, LOWEST_PORT);
        final int high = low / share * share + share;
        return ports(random.nextInt(low, high), listenPort);
    }

    private int randomPort() {
        return random.nextInt(LOWEST_PORT, 1 << Short.SIZE);
    }

    private static long addresses(final int source, final int destination) {
        return source & 0xFFFF_FFFFL | (long) destination << Integer.SIZE;
    }

    private static int ports(final int source, final int destination) {
        return Wire.net16(source) & 0xFFFF | Wire.net16(destination) << Short.SIZE;
    }

    /** All streams of a worker start again. @param limit packets of each until it falls silent */
    void rewind(final int number, final long limit) {
        streams.get(number).get(EDGE).rewind(limit);
        streams.get(number).get(INNER).rewind(mix == Mix.NEW || mix == Mix.REFUSED ? 0 : limit);
    }

    /** The C twin of a worker: on the worker's own table, or on one like it if the mix changes the table. */
    Twin twin(final int number) {
        final Worker worker = relay.workers().get(number);
        if (mix != Mix.NEW) {
            return new Twin(relay, number, relay.flowFiles().get(number), worker.counters(), arena);
        }
        final Instance instance = new Instance(scratch());
        try {
            final CounterCatalog catalog = worker.counters().catalog();
            final CounterFile counters = CounterFile.create(
                    instance.countersFile(), catalog, List.of(), 1, clock.hz(), arena);
            return new Twin(relay, number, twinFlows(instance, number), counters.worker(0, catalog), arena);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot make the twin's flow table: " + e.getMessage()
                    + ". Fix: free memory, or ask for fewer --flows", e);
        } finally {
            wipe(instance);
        }
    }

    /** On the same kind of pages as the worker's. */
    private FlowFile twinFlows(final Instance instance, final int number) throws IOException {
        final int capacity = relay.flowFiles().get(number).capacity();
        if (flowsOnHugePages) {
            instance.putTablesOn(memory.pages().mount().orElseThrow());
        }
        return FlowFile.create(instance.flowsFile(number), number, capacity,
                flowsOnHugePages ? memory.pages().pageBytes() : StateDirectory.PAGE_BYTES, arena);
    }

    Instance instance() {
        return instance;
    }

    Relay relay() {
        return relay;
    }

    List<Stream> streams(final int number) {
        return streams.get(number);
    }

    Payload payload() {
        return payload;
    }

    BenchClock clock() {
        return clock;
    }

    int sessions() {
        return sessions;
    }

    Mix mix() {
        return mix;
    }

    boolean flowsOnHugePages() {
        return flowsOnHugePages;
    }

    private static long mac(final String text) {
        return Long.reverseBytes(Long.parseLong(text.replace(":", ""), 16)) >>> Short.SIZE;
    }

    @Override
    public void close() {
        if (wipeAtExit != null && Runtime.getRuntime().removeShutdownHook(wipeAtExit)) {
            wipe(instance);
        }
        relay.close();
        pool.close();
        arena.close();
    }
}
