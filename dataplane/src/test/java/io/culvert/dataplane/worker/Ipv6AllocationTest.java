// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.culvert.bindings.eal.Lcore;
import io.culvert.dataplane.TestEal;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmpv6;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Nd;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** As {@link WorkerAllocationTest}, for IPv6: flows of both directions, new ones, drops, ND, echo, ICMPv6 errors. */
class Ipv6AllocationTest {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    private static final int BLOCK = 100_000;
    private static final int QUIET_BLOCKS = 10;
    private static final int BLOCKS_LIMIT = 300;
    private static final int FRAME_LENGTH = 142;
    private static final int BURST = Burst.CAPACITY;
    private static final int FIRST_PORT = 20_000;

    private static final IpAddress LISTENER = ip("2001:db8::1");
    private static final IpAddress EXTERNAL = ip("2001:db8:1::1");
    private static final IpAddress TARGET = ip("2001:db8:1::17");
    private static final IpAddress CLIENT = ip("2001:db8::7");

    @TempDir
    private Path scratch;

    private TestRelay relay;
    private final MemorySegment forward = burst(i -> request(FIRST_PORT + i, LISTEN));
    private final MemorySegment reply =
            burst(i -> udp(MAC[INNER], TARGET_MAC, TARGET, TARGET_PORT, EXTERNAL, FIRST_PORT + i));
    private final MemorySegment mixed = burst(Ipv6AllocationTest::mixed);
    private int round;
    private long allocated;

    @Test
    void allocatesNothingPerBurst() throws Exception {
        TestEal.init();
        final FutureTask<Void> task = new FutureTask<>(() -> {
            final Lcore lcore = Lcore.enter(Lcore.allowedCpus()[0]);
            try (TestRelay opened = TestRelay.alone(scratch, 10_000, Ipv6AllocationTest::ofIpv6)) {
                relay = opened;
                relay.neighbors.addStatic(EDGE, CLIENT.high(), CLIENT.low(), CLIENT_MAC);
                relay.neighbors.addStatic(INNER, TARGET.high(), TARGET.low(), TARGET_MAC);
                measure();
            } finally {
                lcore.close();
            }
            return null;
        });
        Thread.ofPlatform().name("worker").start(task);
        task.get();
    }

    private void measure() {
        int quiet = 0;
        for (int block = 0; quiet < QUIET_BLOCKS; block++) {
            assertTrue(block < BLOCKS_LIMIT, "still " + allocated + " bytes in the last " + BLOCK + " packets");
            walk(BLOCK);
            quiet = allocated == 0 ? quiet + 1 : 0;
        }
        for (final DropReason reason : List.of(DropReason.NO_RULE, DropReason.UDP_CHECKSUM_ABSENT, DropReason.NOT_UDP,
                DropReason.TTL_EXCEEDED, DropReason.TRUNCATED, DropReason.EXTENSION_HEADERS, DropReason.MARTIAN,
                DropReason.ICMP_UNRELATED)) {
            assertTrue(relay.dropped(reason) > 0, reason.label() + " occurred");
        }
        assertTrue(relay.dropped(DropReason.FRAGMENT) + relay.dropped(DropReason.FRAGMENT_OVERLAP) == 0, "fragments");
        assertTrue(relay.count(WorkerCounter.SESSIONS) > BURST, "sessions opened");
        assertTrue(relay.count(WorkerCounter.SESSIONS) < 10_000, "sessions expired");
        relay.assertBalanced();
    }

    private void walk(final int packets) {
        allocated = 0;
        for (int sent = 0; sent < packets; round++) {
            relay.send(EDGE, forward, FRAME_LENGTH, BURST);
            relay.send(INNER, reply, FRAME_LENGTH, BURST);
            sent += work();
            for (int i = 0; i < 4; i++) {
                mixed.set(Wire.SHORT, (long) i * FRAME_LENGTH + Ipv6.PAYLOAD,
                        Wire.net16(40_000 + (round * 4 + i) % 20_000));
            }
            relay.send(EDGE, mixed, FRAME_LENGTH, BURST);
            sent += work();
            relay.advanceMs(10);
            while (relay.discard(EDGE) + relay.discard(INNER) > 0) { }
        }
    }

    private int work() {
        final long before = THREADS.getCurrentThreadAllocatedBytes();
        final int work = relay.workers.getFirst().doWork();
        allocated += THREADS.getCurrentThreadAllocatedBytes() - before;
        return work;
    }

    private static RelayPlan ofIpv6(final RelayPlan plan) {
        final List<Link> links = List.of(link(EDGE, "edge", LISTENER), link(INNER, "inner", EXTERNAL));
        final List<Rule> rules = plan.rules().stream().map(rule -> new Rule(rule.index(), rule.name(),
                AddressBook.number(1), rule.listenLow(), rule.listenHigh(), List.of(), AddressBook.number(2),
                rule.targetLow(), rule.keepsOffset(), rule.pool(), rule.behavior(), rule.idleTimeoutMs(),
                rule.unansweredTimeoutMs(), true, true, rule.sessionsLimit(), rule.newPerSecond())).toList();
        final SnatPool.Spec pool = new SnatPool.Spec(0, List.of(AddressBook.number(0)), TestRelay.POOL_LOW, 60_000);
        return new RelayPlan(links, rules, List.of(pool), plan.limits(), 1, List.of(EXTERNAL, LISTENER, TARGET),
                new IcmpPolicy(true, 100, true, List.of(), 60_000));
    }

    private static Link link(final int index, final String name, final IpAddress own) {
        return new Link(index, name, MAC[index], TestRelay.MTU, List.of(Link.Subnet.of(own, 64)), Link.NO_GATEWAY,
                Link.UNTAGGED);
    }

    private static byte[] mixed(final int i) {
        final byte[] good = request(FIRST_PORT, LISTEN);
        return switch (i / 4 % 14) {
            case 0 -> request(40_000 + i, LISTEN);
            case 1 -> udp(MAC[EDGE], CLIENT_MAC, new IpAddress(LISTENER.high(), i + 9L << 56), 1, LISTENER, LISTEN);
            case 2 -> request(FIRST_PORT, LISTEN - 1);
            case 3 -> with(good, Ipv6.HOP_LIMIT, 1);
            case 4 -> with(with(good, Ipv6.PAYLOAD + 6, 0), Ipv6.PAYLOAD + 7, 0);
            case 5 -> with(good, Ipv6.PAYLOAD_LENGTH, 1);
            case 6 -> with(good, Ipv6.NEXT_HEADER, i % 2 == 0 ? Ipv6.ROUTING : 6);
            case 7 -> with(good, Ipv6.SOURCE, 0xFF);
            case 8 -> solicitation();
            case 9 -> icmp(Icmpv6.ECHO_REQUEST, LISTENER, null);
            case 10 -> icmp(Icmpv6.UNREACHABLE, LISTENER,
                    udp(CLIENT_MAC, MAC[EDGE], LISTENER, LISTEN, CLIENT, FIRST_PORT + i % 2 * 9_000));
            case 11 -> fragment(i % 4 / 2, i % 2);
            case 12 -> fragment(i % 4 / 2 + 2, 1 - i % 2);
            default -> with(good, Ipv6.NEXT_HEADER, Ipv6.HOP_BY_HOP);
        };
    }

    /** One of the two halves of a datagram. */
    private static byte[] fragment(final int id, final int half) {
        final byte[] whole = request(FIRST_PORT + id, LISTEN);
        final byte[] bytes = with(whole.clone(), Ipv6.NEXT_HEADER, Ipv6.FRAGMENT);
        final int carried = Ipv6.PAYLOAD + Ipv6.EXTENSION_UNIT;
        System.arraycopy(whole, Ipv6.PAYLOAD, bytes, carried, FRAME_LENGTH - carried);
        final MemorySegment header = MemorySegment.ofArray(bytes);
        header.set(Wire.LONG, Ipv6.PAYLOAD, Ipv6.UDP);
        header.set(Wire.SHORT, Ipv6.PAYLOAD + Ipv6.FRAGMENT_OFFSET,
                Wire.net16(half == 0 ? 1 : FRAME_LENGTH - carried));
        header.set(Wire.INT, Ipv6.PAYLOAD + Ipv6.FRAGMENT_ID, id);
        return bytes;
    }

    private static byte[] request(final int clientPort, final int listenPort) {
        return udp(MAC[EDGE], CLIENT_MAC, CLIENT, clientPort, LISTENER, listenPort);
    }

    private static byte[] udp(final long to, final long from, final IpAddress source, final int sourcePort,
                              final IpAddress destination, final int destinationPort) {
        final byte[] bytes = ipv6(to, from, Ipv6.UDP, source, destination);
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.SHORT, Ipv6.PAYLOAD, Wire.net16(sourcePort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 2, Wire.net16(destinationPort));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 4, Wire.net16(FRAME_LENGTH - Ipv6.PAYLOAD));
        frame.set(Wire.SHORT, Ipv6.PAYLOAD + 6, (short) 0x1234);
        return bytes;
    }

    private static byte[] icmp(final int type, final IpAddress destination, final byte[] about) {
        final byte[] bytes = ipv6(MAC[EDGE], CLIENT_MAC, Ipv6.ICMPV6, CLIENT, destination);
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        frame.set(Wire.BYTE, Icmpv6.TYPE, (byte) type);
        if (about != null) {
            System.arraycopy(about, Ethernet.HEADER_LENGTH, bytes, Icmpv6.QUOTE, FRAME_LENGTH - Icmpv6.QUOTE);
        }
        Icmpv6.seal(frame, FRAME_LENGTH - Icmpv6.TYPE);
        return bytes;
    }

    private static byte[] solicitation() {
        final byte[] bytes = new byte[FRAME_LENGTH];
        Nd.writeSolicitation(MemorySegment.ofArray(bytes), CLIENT_MAC, CLIENT.high(), CLIENT.low(), 0,
                LISTENER.high(), LISTENER.low());
        return bytes;
    }

    private static byte[] ipv6(final long to, final long from, final int nextHeader, final IpAddress source,
                               final IpAddress destination) {
        final byte[] bytes = new byte[FRAME_LENGTH];
        final MemorySegment frame = MemorySegment.ofArray(bytes);
        Ethernet.setAddresses(frame, to, from);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV6);
        frame.set(Wire.BYTE, Ipv6.VERSION, (byte) 0x60);
        frame.set(Wire.SHORT, Ipv6.PAYLOAD_LENGTH, Wire.net16(FRAME_LENGTH - Ipv6.PAYLOAD));
        frame.set(Wire.BYTE, Ipv6.NEXT_HEADER, (byte) nextHeader);
        frame.set(Wire.BYTE, Ipv6.HOP_LIMIT, (byte) 64);
        frame.set(Wire.LONG, Ipv6.SOURCE, source.high());
        frame.set(Wire.LONG, Ipv6.SOURCE + Long.BYTES, source.low());
        frame.set(Wire.LONG, Ipv6.DESTINATION, destination.high());
        frame.set(Wire.LONG, Ipv6.DESTINATION + Long.BYTES, destination.low());
        return bytes;
    }

    private static byte[] with(final byte[] frame, final int at, final int value) {
        frame[at] = (byte) value;
        return frame;
    }

    private static MemorySegment burst(final IntFunction<byte[]> frame) {
        final byte[] bytes = new byte[BURST * FRAME_LENGTH];
        for (int i = 0; i < BURST; i++) {
            System.arraycopy(frame.apply(i), 0, bytes, i * FRAME_LENGTH, FRAME_LENGTH);
        }
        return MemorySegment.ofArray(bytes);
    }

    private static IpAddress ip(final String text) {
        return IpAddress.of(InetAddress.ofLiteral(text));
    }
}
