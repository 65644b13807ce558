// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
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
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Adoption;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Several workers between two links, as {@link TestRelay} is one: the test lays every packet on the queue it likes, of
 * either family, and may end all workers and go on with their flow tables as a next process does. Time is the test's.
 */
final class SeveralWorkers implements AutoCloseable {
    static final IpAddress LISTENER6 = ip("2001:db8::1");
    static final IpAddress EXTERNAL6 = ip("2001:db8:1::1");
    static final IpAddress TARGET6 = ip("2001:db8:1::17");
    static final int CLIENTS = 40;
    /** 9.9.9.9. */
    private static final int FAR_CLIENT = 0x09090909;

    private static final int BUFFERS = 4_095;
    private static final long HZ = 1_000_000;
    private static int pools;

    private final Arena arena = Arena.ofShared();
    private final Mempool pool;
    private final Port[] in = new Port[2];
    private final Port[] out = new Port[2];
    private final MemorySegment mbufs = arena.allocate(JAVA_LONG, Burst.CAPACITY);
    private final int buffersAtStart;
    private final RelayPlan plan;
    private final int sessions;
    private final List<FlowFile> files;
    private final SplittableRandom random = new SplittableRandom(1);
    private long cycles = HZ;

    final List<Worker> workers = new ArrayList<>();
    final List<WorkerCounters> counters = new ArrayList<>();
    final List<FlowTable> tables = new ArrayList<>();
    Handoff handoff;
    SnatPools snatPools;

    /**
     * @param sessions of each worker
     * @param snat without it the targets see the clients, and all ports of a listener lead to one of the target
     */
    SeveralWorkers(final int count, final int sessions, final NatBehavior behavior, final boolean snat) {
        this(count, sessions, behavior, snat, false);
    }

    /** @param gateways whether each link has a gateway: then clients from afar are believed on both */
    SeveralWorkers(final int count, final int sessions, final NatBehavior behavior, final boolean snat,
                   final boolean gateways) {
        TestEal.init();
        pool = Mempool.create("several-" + pools++, BUFFERS, 2_176, -1);
        for (int link = 0; link < 2; link++) {
            in[link] = Port.open("net_ring_in" + link);
            out[link] = Port.open("net_ring_out" + link);
            in[link].start(count, 512, 0, pool);
            out[link].start(count, 512, 0, pool);
        }
        buffersAtStart = pool.available();
        this.sessions = sessions;
        plan = plan(count, behavior, snat, gateways);
        files = IntStream.range(0, count)
                .mapToObj(i -> FlowFile.inMemory(sessions, plan.addressesFor(sessions), arena)).toList();
        start();
    }

    private static RelayPlan plan(final int workers, final NatBehavior behavior, final boolean snat,
                                  final boolean gateways) {
        final RelayPlan one = TestRelay.plan(behavior);
        final List<Link> links = one.links().stream().map(link -> new Link(link.index(), link.name(), link.mac(),
                link.mtu(), List.of(link.subnets().getFirst(),
                Link.Subnet.of(link.index() == EDGE ? LISTENER6 : EXTERNAL6, 64)),
                gateways ? gateway4(link.index()) : Link.NO_GATEWAY, gateways ? gateway6(link.index()) : IpAddress.NONE,
                Link.UNTAGGED)).toList();
        final Rule media = one.rules().getFirst();
        final List<Rule> rules = List.of(
                rule(media, 0, media.listenAddress(), media.targetAddress(), snat ? 0 : Rule.NO_SNAT),
                rule(media, 1, AddressBook.number(1), AddressBook.number(2), snat ? 1 : Rule.NO_SNAT));
        final List<SnatPool.Spec> pools = !snat ? List.of() : List.of(one.pools().getFirst(),
                new SnatPool.Spec(1, List.of(AddressBook.number(0)), TestRelay.POOL_LOW, TestRelay.POOL_HIGH));
        return new RelayPlan(links, rules, pools, Limits.Spec.UNLIMITED, workers,
                List.of(EXTERNAL6, LISTENER6, TARGET6), new IcmpPolicy(true, 100, false, List.of(0), 60_000));
    }

    private static Rule rule(final Rule as, final int index, final int listener, final int target, final int pool) {
        return new Rule(index, as.name() + index, listener, as.listenLow(), as.listenHigh(), List.of(), target,
                as.targetLow(), as.keepsOffset() && pool != Rule.NO_SNAT, pool, as.behavior(),
                as.idleTimeoutMs(), as.unansweredTimeoutMs(), true, true, Limits.NONE, Limits.NONE);
    }

    private void start() {
        workers.clear();
        counters.clear();
        tables.clear();
        snatPools = new SnatPools(plan.pools(), plan.ruleTable(), random.split());
        handoff = new Handoff(plan.workers(), plan.workers() * sessions, arena);
        final Neighbors neighbors = new Neighbors(plan.links(), arena);
        for (int client = 0; client < CLIENTS; client++) {
            neighbors.addStatic(EDGE, client4(client), CLIENT_MAC);
            neighbors.addStatic(EDGE, client6(client).high(), client6(client).low(), CLIENT_MAC);
        }
        neighbors.addStatic(INNER, TestRelay.TARGET, TARGET_MAC);
        neighbors.addStatic(INNER, TARGET6.high(), TARGET6.low(), TARGET_MAC);
        final CounterCatalog catalog =
                new CounterCatalog(List.of("edge", "inner"), plan.rules().stream().map(Rule::name).toList());
        for (int number = 0; number < plan.workers(); number++) {
            counters.add(WorkerCounters.inMemory(catalog, arena));
            tables.add(new FlowTable(files.get(number)));
            workers.add(new Worker(plan, number,
                    new RxQueue[] {in[EDGE].rxQueue(number), in[INNER].rxQueue(number)},
                    new TxQueue[] {out[EDGE].txQueue(number), out[INNER].txQueue(number)}, tables.get(number),
                    snatPools, neighbors, handoff, pool, counters.get(number), clock(), arena));
        }
    }

    /** Another process goes on with what lies in the flow tables. @return how many sessions it kept */
    int restart() {
        stop();
        final List<long[]> addresses = files.stream().map(FlowFile::copyAddresses).toList();
        start();
        int kept = 0;
        for (int number = 0; number < workers.size(); number++) {
            kept += workers.get(number).adopt(new Adoption.Numbers(new int[] {0, 1}, new int[] {EDGE, INNER},
                    addresses.get(number))).count(Adoption.Fate.KEPT);
        }
        return kept;
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
                return HZ;
            }
        };
    }

    /** Lets time pass ten milliseconds at a time, the workers at work. */
    void workForMs(final int ms) {
        for (int passed = 0; passed < ms; passed += 10) {
            cycles += 10_000;
            workers.forEach(Worker::doWork);
        }
    }

    /** Lays a packet on a queue, and has the workers work until all is done. @return what comes out of a link */
    List<byte[]> pass(final int from, final int queue, final int to, final byte[] frame) {
        send(from, queue, frame);
        work();
        return received(to);
    }

    void send(final int link, final int queue, final byte[] frame) {
        assertTrue(pool.allocate(mbufs, 1), "the mempool has buffers");
        final long mbuf = mbufs.getAtIndex(JAVA_LONG, 0);
        Mbuf.setLength(mbuf, frame.length);
        NativeMemory.write(Mbuf.data(mbuf), MemorySegment.ofArray(frame), frame.length);
        assertEquals(1, in[link].txQueue(queue).transmit(mbufs, 1), "the wire has room");
    }

    /** A packet is handed on twice at most. */
    void work() {
        for (int round = 0; round <= 2; round++) {
            workers.forEach(Worker::doWork);
        }
    }

    List<byte[]> received(final int link) {
        final List<byte[]> frames = new ArrayList<>();
        for (int queue = 0; queue < workers.size(); queue++) {
            final int count = out[link].rxQueue(queue).receive(mbufs, Burst.CAPACITY);
            for (int i = 0; i < count; i++) {
                final long packet = mbufs.getAtIndex(JAVA_LONG, i);
                frames.add(NativeMemory.view(Mbuf.data(packet), Mbuf.packetLength(packet)).toArray(JAVA_BYTE));
            }
            Mempool.free(mbufs, count);
        }
        return frames;
    }

    long total(final WorkerCounter counter) {
        return counters.stream().mapToLong(each -> each.get(each.catalog().of(counter))).sum();
    }

    long dropped(final DropReason reason) {
        return counters.stream().mapToLong(each -> each.get(each.catalog().dropped(EDGE) + reason.ordinal())
                + each.get(each.catalog().dropped(INNER) + reason.ordinal())).sum();
    }

    static int client4(final int client) {
        return TestRelay.CLIENT + (client << 24);
    }

    static IpAddress client6(final int client) {
        return ip("2001:db8::" + Integer.toHexString(0x100 + client));
    }

    private static int gateway4(final int link) {
        return link == EDGE ? client4(0) : TestRelay.TARGET;
    }

    private static IpAddress gateway6(final int link) {
        return link == EDGE ? client6(0) : TARGET6;
    }

    /** A client behind a gateway, whose packet comes in on this link. */
    static byte[] fromAfar(final boolean ipv6, final int link) {
        return ipv6 ? udp6(MAC[link], CLIENT_MAC, ip("2001:db8:ffff::1"), 10_000, LISTENER6, TestRelay.LISTEN)
                : Frames.udp(MAC[link], CLIENT_MAC, FAR_CLIENT, 10_000, TestRelay.EDGE_ADDRESS, TestRelay.LISTEN, 100);
    }

    static byte[] fromClient(final boolean ipv6, final int client, final int port, final int listenPort) {
        return ipv6 ? udp6(MAC[EDGE], CLIENT_MAC, client6(client), port, LISTENER6, listenPort)
                : Frames.udp(MAC[EDGE], CLIENT_MAC, client4(client), port, TestRelay.EDGE_ADDRESS, listenPort, 100);
    }

    /** What answers a packet that came out towards the target. */
    static byte[] answerTo(final boolean ipv6, final byte[] relayed) {
        final int at = ipv6 ? Ipv6.SOURCE : Ethernet.HEADER_LENGTH + 12;
        final int length = ipv6 ? 16 : 4;
        final int ports = ipv6 ? Ipv6.PAYLOAD : Udp.PORTS;
        final byte[] reply = relayed.clone();
        Ethernet.setAddresses(MemorySegment.ofArray(reply), MAC[INNER], TARGET_MAC);
        System.arraycopy(relayed, at, reply, at + length, length);
        System.arraycopy(relayed, at + length, reply, at, length);
        System.arraycopy(relayed, ports, reply, ports + 2, 2);
        System.arraycopy(relayed, ports + 2, reply, ports, 2);
        return reply;
    }

    /** Address and port that a relayed packet comes from. */
    static String sourceOf(final boolean ipv6, final byte[] frame) {
        final MemorySegment segment = MemorySegment.ofArray(frame);
        return ipv6 ? Long.toHexString(segment.get(Wire.LONG, Ipv6.SOURCE)) + ":"
                + Long.toHexString(segment.get(Wire.LONG, Ipv6.SOURCE + Long.BYTES)) + " "
                + Wire.host16(segment.get(Wire.SHORT, Ipv6.PAYLOAD))
                : Integer.toHexString(Frames.source(frame)) + " " + Frames.sourcePort(frame);
    }

    static byte[] udp6(final long to, final long from, final IpAddress source, final int sourcePort,
                       final IpAddress destination, final int destinationPort) {
        final byte[] bytes = new byte[Ipv6.PAYLOAD + Udp.HEADER_LENGTH + 100];
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        Ethernet.setAddresses(frame, to, from);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV6);
        frame.set(Wire.BYTE, Ipv6.VERSION, (byte) 0x60);
        frame.set(Wire.SHORT, Ipv6.PAYLOAD_LENGTH, Wire.net16(Udp.HEADER_LENGTH + 100));
        frame.set(Wire.BYTE, Ipv6.NEXT_HEADER, (byte) Ipv6.UDP);
        frame.set(Wire.BYTE, Ipv6.HOP_LIMIT, (byte) 64);
        frame.set(Wire.LONG, Ipv6.SOURCE, source.high());
        frame.set(Wire.LONG, Ipv6.SOURCE + Long.BYTES, source.low());
        frame.set(Wire.LONG, Ipv6.DESTINATION, destination.high());
        frame.set(Wire.LONG, Ipv6.DESTINATION + Long.BYTES, destination.low());
        frame.set(Wire.SHORT, Ipv6.PAYLOAD, Wire.net16(sourcePort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 2, Wire.net16(destinationPort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 4, Wire.net16(Udp.HEADER_LENGTH + 100));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 6, (short) 0x1234);
        return bytes;
    }

    private static IpAddress ip(final String text) {
        return IpAddress.of(InetAddress.ofLiteral(text));
    }

    private void stop() {
        for (int round = 0; round <= workers.size(); round++) {
            workers.forEach(Worker::stop);
        }
        received(EDGE);
        received(INNER);
        counters.forEach(each -> assertEquals(0, each.imbalance(), "the loss ledger balances"));
        tables.forEach(FlowTable::selfCheck);
        assertEquals(buffersAtStart, pool.available(), "every buffer is back");
    }

    /** Balanced, closed, and with every buffer back in the mempool. */
    @Override
    public void close() {
        try {
            stop();
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
