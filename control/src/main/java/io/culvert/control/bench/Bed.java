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
import io.culvert.dataplane.worker.Clock;
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
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * A relay as {@code culvert run} builds it, on two ports whose driver is the benchmark's packet source, with its
 * sessions open. Clients are behind the gateway of link 0, the target is a neighbour on link 1.
 */
final class Bed implements AutoCloseable {
    static final int EDGE = 0;
    static final int INNER = 1;

    private static final int CLIENTS_FIRST = 100 << 24 | 64 << 16;
    private static final int STREAMS_PER_CLIENT_BITS = 2;
    private static final int LOWEST_PORT = 1_024;
    /** Together their header and mbuf lines are 4 MB: more than any second-level cache. */
    private static final int MBUFS_PER_STREAM = 1 << 14;
    /** An external address has 64,512 ports; so full, a free one is still found at once. */
    private static final int SESSIONS_PER_ADDRESS = 50_000;
    private static final int DATA_ROOM = 2_176;
    private static final long SEED = 0x43756C76657274L;

    private static final long GATEWAY_MAC = mac("02:00:00:00:00:fe");
    private static final long TARGET_MAC = mac("02:00:00:00:01:17");

    private final Arena arena = Arena.ofShared();
    private final SplittableRandom random = new SplittableRandom(SEED);
    private final Instance instance;
    private final MemoryPlan memory;
    private final Relay relay;
    private final Mempool pool;
    private final int sessions;
    private final Stream.Payload payload;
    /** By worker, then by link. */
    private final List<List<Stream>> streams = new ArrayList<>();

    /** @param sessions of each worker. EAL is initialised here, so one bed is all that a process can have. */
    Bed(final int sessions, final int packetSize, final int burst, final int workers) {
        this.sessions = sessions;
        this.payload = new Stream.Payload(packetSize);
        this.instance = new Instance(scratch());
        final RelayConfig config = RelayConfig.parse(config(sessions * workers, workers), "bench");
        this.memory = MemoryPlan.of(config);
        Eal.init(memory.ealArguments(config, Lcore.allowedCpus()[0]));
        this.relay = Relay.open(config, memory, instance, Clock.tsc());
        this.pool = Mempool.create("bench", 2 * workers * MBUFS_PER_STREAM + 1_023, DATA_ROOM, -1);
        for (int number = 0; number < workers; number++) {
            final List<Stream> links = new ArrayList<>();
            for (int link = EDGE; link <= INNER; link++) {
                final Stream stream = new Stream(pool, MBUFS_PER_STREAM, payload, burst, random, arena);
                stream.plug(relay.ports().get(link), number);
                links.add(stream);
            }
            streams.add(links);
        }
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

    private static String config(final int sessions, final int workers) {
        final String snat = IntStream.rangeClosed(0, sessions / SESSIONS_PER_ADDRESS)
                .mapToObj(i -> "192.0.2." + (10 + i)).collect(Collectors.joining(", "));
        return """
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
                rules:
                  - name: bench
                    listen: 203.0.113.1:7890/udp
                    target: 192.0.2.254:7890
                    snat: { address: [%s], ports: 1024-65535 }
                """.formatted(workers, 192 + 160 * workers, 2 * Math.max(sessions, 32), snat);
    }

    /** Opens every session of a worker by its first packet, and then has both directions arrive at random. */
    void open(final int number) {
        final Worker worker = relay.workers().get(number);
        final Stream edge = streams.get(number).get(EDGE);
        final Stream inner = streams.get(number).get(INNER);
        final FlowFile flows = relay.flowFiles().get(number);
        try (Arena opening = Arena.ofConfined()) {
            final Headers first = headers(EDGE, sessions, opening);
            for (int session = 0; session < sessions; session++) {
                first.set(session, listenerFrom(number * sessions + session), clientPort(session));
            }
            edge.headers(first);
            inner.headers(first);
            edge.rewind(sessions);
            inner.rewind(0);
            while (edge.received() < sessions) {
                worker.doWork();
            }
        }
        if (flows.highWater() != sessions) {
            throw new IllegalStateException("only " + flows.highWater() + " of " + sessions + " sessions opened");
        }
        for (final int link : List.of(EDGE, INNER)) {
            final Headers headers = headers(link, sessions, arena);
            final int[] order = shuffled(sessions);
            for (int i = 0; i < sessions; i++) {
                final MemorySegment entry = flows.entry(order[i] << 1 | link);
                headers.set(i, FlowEntry.keyLo(entry), FlowEntry.ports(entry));
            }
            streams.get(number).get(link).headers(headers);
        }
        rewind(number, Long.MAX_VALUE);
    }

    private Headers headers(final int link, final int count, final Arena where) {
        final Link to = relay.plan().links().get(link);
        return new Headers(count, payload, to.mac(), link == EDGE ? GATEWAY_MAC : TARGET_MAC, where);
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
        final int client = Integer.reverseBytes(CLIENTS_FIRST + (session >>> STREAMS_PER_CLIENT_BITS));
        return client & 0xFFFF_FFFFL | (long) relay.plan().rules().getFirst().listenAddress() << Integer.SIZE;
    }

    /** A random port, another one for each stream of a client. */
    private int clientPort(final int session) {
        final int low = 1 << Short.SIZE - STREAMS_PER_CLIENT_BITS;
        final int stream = session & (1 << STREAMS_PER_CLIENT_BITS) - 1;
        final int port = stream * low + (stream == 0 ? LOWEST_PORT + random.nextInt(low - LOWEST_PORT)
                : random.nextInt(low));
        final int listen = relay.plan().rules().getFirst().listenLow();
        return Short.toUnsignedInt(Short.reverseBytes((short) port))
                | Short.toUnsignedInt(Short.reverseBytes((short) listen)) << Short.SIZE;
    }

    /** All streams of a worker start again. */
    void rewind(final int number, final long limit) {
        streams.get(number).forEach(stream -> stream.rewind(limit));
    }

    Relay relay() {
        return relay;
    }

    List<Stream> streams(final int number) {
        return streams.get(number);
    }

    Stream.Payload payload() {
        return payload;
    }

    Arena arena() {
        return arena;
    }

    /** Where packet buffers and flow tables lie. */
    boolean buffersOnHugePages() {
        return memory.huge();
    }

    boolean flowsOnHugePages() {
        return Files.isSymbolicLink(instance.flowsFile(0));
    }

    private static long mac(final String text) {
        return Long.reverseBytes(Long.parseLong(text.replace(":", ""), 16)) >>> Short.SIZE;
    }

    @Override
    public void close() {
        try {
            for (int number = 0; number < relay.workers().size(); number++) {
                if (Files.isSymbolicLink(instance.flowsFile(number))) {
                    Files.delete(Files.readSymbolicLink(instance.flowsFile(number)));
                }
                Files.deleteIfExists(instance.flowsFile(number));
            }
            Files.deleteIfExists(instance.countersFile());
            Files.delete(instance.directory());
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        relay.close();
        pool.close();
        arena.close();
        Eal.cleanup();
    }
}
