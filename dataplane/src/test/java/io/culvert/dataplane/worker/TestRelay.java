// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.RxQueue;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.TestEal;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.WorkerCounters;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

/**
 * A worker, or as many as the plan says, between two links whose wires the test holds in its hands. A net_ring loops
 * its transmit side to its receive side, so each link is two of them: the test sends into the one that the worker
 * receives from, and receives from the other. Time is the test's too.
 *
 * <p>Whatever a test does here, a {@link Bystander} talks in between: in every burst that has room its packets come
 * first and last, and must leave as if the test did nothing; what the test sees and counts does not have them in it. So
 * every packet test is also one of isolation, in both directions.
 */
final class TestRelay implements AutoCloseable {
    static final int EDGE = 0;
    static final int INNER = 1;
    /** As long as a ring of net_ring. */
    static final int RING = 1_023;
    static final int MTU = 1_500;
    static final int IDLE_MS = 60_000;
    static final int UNANSWERED_MS = 10_000;

    static final int EDGE_ADDRESS = 0x0A02_00C0;    // 192.0.2.10
    static final int INNER_ADDRESS = 0x0A00_000A;   // 10.0.0.10
    static final int CLIENT = 0x6402_00C0;          // 192.0.2.100
    static final int TARGET = 0x1400_000A;          // 10.0.0.20
    static final int OTHER_TARGET = 0x1500_000A;    // 10.0.0.21
    static final long[] MAC = {0x0A00_0000_0002L, 0x0B00_0000_0002L};
    static final long CLIENT_MAC = 0x6400_0000_0002L;
    static final long TARGET_MAC = 0x1400_0000_0002L;
    /** Relayed to the same offset behind {@link #TARGET_PORT}. */
    static final int LISTEN = 9_000;
    static final int TARGET_PORT = 7_000;
    /** Relayed to a target that nothing is known of. */
    static final int LISTEN_OTHER = 9_500;
    static final int POOL_LOW = 20_000;
    static final int POOL_HIGH = 29_999;

    private static final int BUFFERS = 4_095;
    private static final int DATA_ROOM = 2_176;
    private static int pools;

    private final Arena arena = Arena.ofShared();
    private final Mempool pool;
    private final Port[] in = new Port[2];
    private final Port[] out = new Port[2];
    /** What the test has sent since the workers last worked, by link and queue. */
    private final List<List<List<byte[]>>> wire = new ArrayList<>();
    /** Packets of bursts to come: what was sent was more than one. */
    private final int[] backlog = new int[2];
    private final MemorySegment mbufs = arena.allocate(JAVA_LONG, Burst.CAPACITY);
    private final CounterCatalog catalog;
    private final List<WorkerCounters> counters = new ArrayList<>();
    private final int buffersAtStart;
    private final Bystander bystander;
    private int bystandersTurn = 1;
    private int works;
    /** Whether the bystander has to be silent: the mempool is empty, on purpose. */
    private boolean isDry;
    private long cycles;
    private long draws;

    private final SnatPools snatPools;
    final Neighbors neighbors;
    /** Of the first worker. */
    final FlowTable flows;
    /** All workers, with the bystander in between. */
    final Accompanied worker = new Accompanied();
    final List<Worker> workers = new ArrayList<>();
    private final List<FlowTable> tables = new ArrayList<>();

    TestRelay(final Path scratch, final int sessions) {
        this(scratch, sessions, plan -> plan);
    }

    /** @param change what is different from the usual plan */
    TestRelay(final Path scratch, final int sessions, final UnaryOperator<RelayPlan> change) {
        this(scratch, sessions, change, true);
    }

    private TestRelay(final Path scratch, final int sessions, final UnaryOperator<RelayPlan> change,
                      final boolean isAccompanied) {
        TestEal.init();
        pool = Mempool.create("test-relay-" + pools++, BUFFERS, DATA_ROOM, -1);
        final RelayPlan own = change.apply(plan(NatBehavior.STRICT));
        bystander = isAccompanied ? Bystander.of(own) : null;
        final RelayPlan plan = isAccompanied ? bystander.join(own) : own;
        for (int link = 0; link < 2; link++) {
            in[link] = open("net_ring_in" + link, plan.workers());
            out[link] = open("net_ring_out" + link, plan.workers());
            wire.add(IntStream.range(0, plan.workers()).<List<byte[]>>mapToObj(i -> new ArrayList<>()).toList());
        }
        buffersAtStart = pool.available();
        catalog = new CounterCatalog(List.of("edge", "inner"), plan.rules().stream().map(Rule::name).toList());
        snatPools = new SnatPools(plan.pools(), plan.ruleTable(), random());
        neighbors = new Neighbors(plan.links(), arena);
        plan.configure(neighbors);
        if (isAccompanied) {
            bystander.introduce(neighbors);
        }
        openWorkers(plan, sessions + (isAccompanied ? bystander.sessions() : 0), scratch);
        flows = tables.getFirst();
    }

    private void openWorkers(final RelayPlan plan, final int sessions, final Path scratch) {
        final CounterFile file;
        try {
            file = CounterFile.create(scratch.resolve("counters"), catalog, List.of(), plan.workers(), 1_000_000,
                    arena);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        final Handoff handoff = new Handoff(plan.workers(), plan.workers() * sessions, arena);
        for (int i = 0; i < plan.workers(); i++) {
            counters.add(file.worker(i, catalog));
            tables.add(new FlowTable(FlowFile.inMemory(sessions, plan.addressesFor(sessions), arena)));
            workers.add(new Worker(plan, i, new RxQueue[] {in[0].rxQueue(i), in[1].rxQueue(i)},
                    new TxQueue[] {out[0].txQueue(i), out[1].txQueue(i)}, tables.get(i), snatPools,
                    neighbors, handoff, pool, counters.get(i), clock(), arena));
        }
    }

    /**
     * {@link #withNeighbors} without the bystander: for tests of what a worker costs, of limits that the bystander
     * would count towards, and of silence that is longer than its session lives.
     */
    static TestRelay alone(final Path scratch, final int sessions, final UnaryOperator<RelayPlan> change) {
        return new TestRelay(scratch, sessions, change, false).knowingNeighbors();
    }

    /** With next hops that are all known. */
    static TestRelay withNeighbors(final Path scratch, final int sessions) {
        return withNeighbors(scratch, sessions, plan -> plan);
    }

    static TestRelay withNeighbors(final Path scratch, final int sessions, final UnaryOperator<RelayPlan> change) {
        return new TestRelay(scratch, sessions, change).knowingNeighbors();
    }

    /** The usual client and target need not be asked for. */
    private TestRelay knowingNeighbors() {
        neighbors.addStatic(EDGE, CLIENT, CLIENT_MAC);
        neighbors.addStatic(INNER, TARGET, TARGET_MAC);
        return this;
    }

    static RelayPlan plan(final NatBehavior behavior) {
        final List<Link> links = List.of(
                new Link(EDGE, "edge", MAC[EDGE], MTU, List.of(new Link.Subnet(EDGE_ADDRESS, 0xFF_FFFF)), 0, 0),
                new Link(INNER, "inner", MAC[INNER], MTU, List.of(new Link.Subnet(INNER_ADDRESS, 0xFF_FFFF)), 0, 0));
        final List<Rule> rules = List.of(
                new Rule(0, "media", EDGE_ADDRESS, LISTEN, LISTEN + 99, List.of(), TARGET, TARGET_PORT, true, 0,
                        behavior, IDLE_MS, UNANSWERED_MS, true, true, Limits.NONE, Limits.NONE),
                new Rule(1, "other", EDGE_ADDRESS, LISTEN_OTHER, LISTEN_OTHER, List.of(), OTHER_TARGET, TARGET_PORT,
                        false, 0, behavior, IDLE_MS, UNANSWERED_MS, true, true, Limits.NONE, Limits.NONE));
        return new RelayPlan(links, rules,
                List.of(new SnatPool.Spec(0, List.of(INNER_ADDRESS), POOL_LOW, POOL_HIGH)), Limits.Spec.UNLIMITED, 1);
    }

    /** The same rule with other limits. */
    static Rule with(final Rule rule, final int sessions, final int newPerSecond) {
        return new Rule(rule.index(), rule.name(), rule.listenAddress(), rule.listenLow(), rule.listenHigh(),
                rule.sources(), rule.targetAddress(), rule.targetLow(), rule.keepsOffset(), rule.pool(),
                rule.behavior(), rule.idleTimeoutMs(), rule.unansweredTimeoutMs(), rule.decrementsTtl(),
                rule.inboundRefresh(), sessions, newPerSecond);
    }

    /** The same rule with other timers. */
    static Rule with(final Rule rule, final int idleMs, final int unansweredMs, final boolean inboundRefresh) {
        return new Rule(rule.index(), rule.name(), rule.listenAddress(), rule.listenLow(), rule.listenHigh(),
                rule.sources(), rule.targetAddress(), rule.targetLow(), rule.keepsOffset(), rule.pool(),
                rule.behavior(), idleMs, unansweredMs, rule.decrementsTtl(), inboundRefresh, rule.sessionsLimit(),
                rule.newPerSecond());
    }

    private Port open(final String name, final int queues) {
        final Port port = Port.open(name);
        port.start(queues, 512, 0, pool);
        return port;
    }

    private RandomGenerator random() {
        final RandomGenerator source = new SplittableRandom(1);
        return () -> {
            draws++;
            return source.nextLong();
        };
    }

    /** How often the worker asked for chance: once for each search of a pool. */
    long draws() {
        return draws;
    }

    /** A cycle is a microsecond. */
    private Clock clock() {
        return new Clock() {
            @Override
            public long cycles() {
                return cycles;
            }

            @Override
            public long hz() {
                return 1_000_000;
            }
        };
    }

    void advanceMs(final long ms) {
        cycles += 1_000L * ms;
    }

    /** Lets time pass a millisecond at a time, the worker at work. */
    void workForMs(final int ms) {
        for (int i = 0; i < ms; i++) {
            advanceMs(1);
            worker.doWork();
        }
    }

    /** Lays frames on the wire to the worker, the first one of several. */
    void send(final int link, final byte[]... frames) {
        sendTo(0, link, frames);
    }

    /** Lays frames on the wire to one worker's queue. */
    void sendTo(final int queue, final int link, final byte[]... frames) {
        wire.get(link).get(queue).addAll(List.of(frames));
    }

    /** Lays {@code count} frames of one length, one behind the other in {@code frames}, on the wire. */
    void send(final int link, final MemorySegment frames, final int length, final int count) {
        lay(0, link, frames, length, count);
    }

    private void lay(final int queue, final int link, final MemorySegment frames, final int length, final int count) {
        assertTrue(pool.allocate(mbufs, count), "the mempool has buffers");
        for (int i = 0; i < count; i++) {
            final MemorySegment mbuf = Mbuf.view(mbufs.getAtIndex(JAVA_LONG, i));
            Mbuf.setLength(mbufs.getAtIndex(JAVA_LONG, i), length);
            MemorySegment.copy(frames, (long) i * length, NativeMemory.view(Mbuf.data(mbuf), length), 0, length);
        }
        assertEquals(count, in[link].txQueue(queue).transmit(mbufs, count), "the wire has room");
    }

    /** The workers as a test has them work: on what it sent, and on what the bystander says before and after that. */
    final class Accompanied {
        /** Each worker works once. @return packets of the test taken in */
        int doWork() {
            final int spoken = layWire();
            return workers.stream().mapToInt(Worker::doWork).sum() - spoken;
        }

        void stop() {
            workers.forEach(Worker::stop);
        }
    }

    /** One worker works and the others do not, on what was sent to them all; without the bystander. */
    void onlyWorker(final int number) {
        layAll(EDGE);
        layAll(INNER);
        workers.get(number).doWork();
    }

    /** The first worker walks what was sent, and behind the rewrite of whole packets something happens elsewhere. */
    void interrupted(final int link, final Runnable elsewhere) {
        layAll(link);
        final Worker first = workers.getFirst();
        final Burst burst = first.burst;
        final int received = first.queues[link].receive(burst.received, Burst.CAPACITY);
        burst.begin(link, received);
        counters().add(catalog.received(link), received);
        counters().add(catalog.received(link) + 1, first.parser.parse(burst));
        if (first.lookup.find(burst) > 0) {
            first.admit();
        }
        first.rewriter.rewrite(burst, first.nowMs);
        elsewhere.run();
        first.egress.collect(burst);
        first.walkSlowly();
        first.egress.transmit(link);
        burst.end();
    }

    /** Lays what the test has sent on the wire, and what the bystander says. @return packets of the bystander */
    private int layWire() {
        int spoken = 0;
        works++;
        for (int link = 0; link < 2; link++) {
            final List<byte[]> first = wire.get(link).getFirst();
            final int waiting = backlog[link] + first.size();
            if (mayJoin(waiting)) {
                final List<byte[]> ours = bystander.speak(link);
                first.addAll(0, ours);
                first.addAll(bystander.speak(link));
                spoken += 2 * ours.size();
            }
            backlog[link] = Math.max(0, waiting - Burst.CAPACITY);
            layAll(link);
        }
        return spoken;
    }

    private void layAll(final int link) {
        for (int queue = 0; queue < workers.size(); queue++) {
            final List<byte[]> frames = wire.get(link).get(queue);
            for (final byte[] frame : frames) {
                lay(queue, link, MemorySegment.ofArray(frame), frame.length, 1);
            }
            frames.clear();
        }
    }

    /** Lets the bystander join only every so many bursts: for tests of very many packets. */
    void bystandersTurn(final int bursts) {
        bystandersTurn = bursts;
    }

    private boolean mayJoin(final int waiting) {
        return bystander != null && !isDry && works % bystandersTurn == 0
                && waiting > 0 && waiting <= Burst.CAPACITY - 2 * bystander.sessions();
    }

    /** Takes all frames off the wire from the workers. */
    List<byte[]> received(final int link) {
        final List<byte[]> frames = new ArrayList<>();
        for (int queue = 0; queue < workers.size(); queue++) {
            final RxQueue fromWorker = out[link].rxQueue(queue);
            for (int count = fromWorker.receive(mbufs, Burst.CAPACITY); count > 0;
                    count = fromWorker.receive(mbufs, Burst.CAPACITY)) {
                for (int i = 0; i < count; i++) {
                    final MemorySegment mbuf = Mbuf.view(mbufs.getAtIndex(JAVA_LONG, i));
                    assertEquals(Mbuf.packetLength(mbuf), Mbuf.dataLength(mbuf));
                    frames.add(NativeMemory.view(Mbuf.data(mbuf), Mbuf.packetLength(mbuf)).toArray(JAVA_BYTE));
                }
                Mempool.free(mbufs, count);
            }
        }
        return bystander == null ? frames : bystander.takeFrom(link, frames);
    }

    /** Takes one burst off the wire, unseen: only without a bystander. @return how many */
    int discard(final int link) {
        final int count = out[link].rxQueue(0).receive(mbufs, Burst.CAPACITY);
        Mempool.free(mbufs, count);
        return count;
    }

    /** Sends, works once, receives. */
    List<byte[]> pass(final int from, final int to, final byte[]... frames) {
        send(from, frames);
        worker.doWork();
        return received(to);
    }

    /** Does something while the mempool is empty; what was sent before is on the wire. */
    void withoutBuffers(final Runnable something) {
        layAll(EDGE);
        layAll(INNER);
        final MemorySegment taken = arena.allocate(JAVA_LONG, BUFFERS);
        final MemorySegment one = arena.allocate(JAVA_LONG);
        int count = 0;
        while (pool.allocate(one, 1)) {
            taken.setAtIndex(JAVA_LONG, count++, one.get(JAVA_LONG, 0));
        }
        isDry = true;
        something.run();
        isDry = false;
        Mempool.free(taken, count);
    }

    static byte[] fromClient(final int clientPort, final int listenPort) {
        return Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, clientPort, EDGE_ADDRESS, listenPort, 100);
    }

    static byte[] fromTarget(final int targetPort, final int externalPort) {
        return Frames.udp(MAC[INNER], TARGET_MAC, TARGET, targetPort, INNER_ADDRESS, externalPort, 100);
    }

    long dropped(final DropReason reason) {
        return IntStream.range(0, 2).mapToLong(link -> sum(catalog.dropped(link) + reason.ordinal())).sum();
    }

    long dropped() {
        return IntStream.range(0, DropReason.count()).mapToLong(i -> dropped(DropReason.of(i))).sum();
    }

    /** Of all workers, the bystander's part taken off. */
    long count(final WorkerCounter counter) {
        final int ofBystander = bystander == null ? 0 : switch (counter) {
            case SESSIONS -> bystander.opened();
            case PACKETS -> bystander.sent();
            default -> 0;
        };
        return sum(catalog.of(counter)) - ofBystander;
    }

    private long sum(final int counter) {
        return counters.stream().mapToLong(each -> each.get(counter)).sum();
    }

    /** The forward entry of the test's session that opened as this one; its twin is the next. */
    MemorySegment entry(final int flow) {
        return flows.entry(flow + (bystander == null ? 0 : 2 * bystander.opened()));
    }

    /** Of the test, in the first worker's table. */
    int sessions() {
        return flows.sessions() - (bystander == null ? 0 : bystander.opened());
    }

    WorkerCounters counters() {
        return counters.getFirst();
    }

    int lentPorts() {
        return snatPools.get(0).lent();
    }

    void assertBalanced() {
        counters.forEach(each -> assertEquals(0, each.imbalance(), "the loss ledger balances"));
    }

    /** Balanced, closed, and with every buffer back in the mempool. */
    @Override
    public void close() {
        worker.stop();
        try {
            for (int link = 0; link < 2; link++) {
                received(link);
            }
            assertBalanced();
            tables.forEach(FlowTable::selfCheck);
            assertEquals(buffersAtStart, pool.available(), "every buffer is back");
        } finally {
            for (int link = 0; link < 2; link++) {
                in[link].close();
                out[link].close();
            }
            pool.close();
            arena.close();
        }
    }
}
