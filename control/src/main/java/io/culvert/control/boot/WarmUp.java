// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.RxQueue;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Arp;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.worker.Burst;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.Handoff;
import io.culvert.dataplane.worker.IcmpPolicy;
import io.culvert.dataplane.worker.RelayPlan;
import io.culvert.dataplane.worker.Worker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Walks synthetic bursts through every branch, before a real port opens, until the compiler has nothing more to do: the
 * first real packet meets compiled code. A relay of its own, on a device that loops what is sent back into its receive
 * queue, with a table, counters and buffers of its own; all of it is gone afterwards.
 */
final class WarmUp {
    private static final int BUFFERS = 1_023;
    private static final int SESSIONS = 4_096;
    // In network order: 10.0.0.1, 10.0.0.2, and 10.1.0.0 with the last byte to be counted up.
    private static final int ADDRESS = 0x0100000A;
    private static final int TARGET = 0x0200000A;
    private static final int CLIENTS = 0x0000010A;
    // fd00::1, fd00::2, and fd00::N for clients.
    private static final long UNIQUE_LOCAL = 0xFD;
    private static final IpAddress ADDRESS6 = new IpAddress(UNIQUE_LOCAL, 1L << 56);
    private static final IpAddress TARGET6 = new IpAddress(UNIQUE_LOCAL, 2L << 56);
    private static final int FIRST_CLIENT6 = 16;
    private static final long MAC = 0x0100_0000_0002L;
    private static final long PEER_MAC = 0x0200_0000_0002L;
    private static final int LISTEN_PORT = 7_890;
    private static final int POOL_LOW = 10_000;
    private static final int POOL_HIGH = 60_000;
    /** More than the warm-up provokes. */
    private static final int ICMP_ERRORS_PER_SECOND = 100_000;

    /** The compiler is done when it was silent for so long while the walk went on. */
    private static final Duration SILENCE = Duration.ofMillis(250);
    static final Duration PATIENCE = Duration.ofSeconds(2);
    /**
     * While streams wait for a relay to come back, it is better to relay them with code that is not at its best yet:
     * enough to load every class and to leave the interpreter.
     */
    static final Duration BRIEF_PATIENCE = Duration.ofMillis(300);
    private static final int BURSTS_PER_LOOK = 200;

    private final Mempool pool;
    /** A relay of IPv4 alone is better compiled for that. */
    private final boolean withIpv6;
    private final MemorySegment fresh;
    private final TxQueue feed;
    private final Worker worker;
    private final SyntheticFrames frames = new SyntheticFrames(MAC, PEER_MAC);
    private int client;

    private WarmUp(final Port port, final Mempool pool, final boolean critical, final boolean withIpv6,
                   final Clock clock, final Arena arena) {
        this.pool = pool;
        this.withIpv6 = withIpv6;
        this.fresh = arena.allocate(JAVA_LONG, Burst.CAPACITY);
        this.feed = port.txQueue(0);
        final Link link = new Link(0, "warm", MAC, 1_500,
                List.of(new Subnet(ADDRESS, Ipv4Address.mask(8)), Subnet.of(ADDRESS6, 64)), Link.NO_GATEWAY,
                Link.UNTAGGED);
        final Rule rule = new Rule(0, "warm", ADDRESS, LISTEN_PORT, LISTEN_PORT, List.of(), TARGET, LISTEN_PORT, true,
                0, NatBehavior.STRICT, 1_000, 1_000, true, true, Limits.NONE, Limits.NONE);
        final SnatPool.Spec spec = new SnatPool.Spec(0, List.of(ADDRESS), POOL_LOW, POOL_HIGH);
        final int own6 = AddressBook.number(0);
        final Rule rule6 = new Rule(1, "warm6", own6, LISTEN_PORT, LISTEN_PORT, List.of(), AddressBook.number(1),
                LISTEN_PORT, true, 1, NatBehavior.STRICT, 1_000, 1_000, true, true, Limits.NONE, Limits.NONE);
        final SnatPool.Spec spec6 = new SnatPool.Spec(1, List.of(own6), POOL_LOW, POOL_HIGH);
        final RelayPlan plan = new RelayPlan(List.of(link), List.of(rule, rule6), List.of(spec, spec6),
                Limits.Spec.UNLIMITED, 1, List.of(ADDRESS6, TARGET6),
                new IcmpPolicy(true, ICMP_ERRORS_PER_SECOND, false, List.of(), 1_000));
        final Neighbors neighbors = new Neighbors(plan.links(), arena);
        neighbors.addStatic(0, TARGET, PEER_MAC);
        neighbors.addStatic(0, TARGET6.high(), TARGET6.low(), PEER_MAC);
        for (int i = 0; i < Burst.CAPACITY; i++) {
            neighbors.addStatic(0, CLIENTS + (i << Byte.SIZE * 3), PEER_MAC);
            neighbors.addStatic(0, client6(i).high(), client6(i).low(), PEER_MAC);
        }
        final CounterCatalog catalog = new CounterCatalog(List.of("warm"), List.of("warm", "warm6"));
        worker = new Worker(plan, 0, new RxQueue[] {port.rxQueue(0, critical)},
                new TxQueue[] {port.txQueue(0, critical)},
                new FlowTable(FlowFile.inMemory(SESSIONS, plan.addressesFor(SESSIONS), arena)),
                new SnatPools(plan.pools(), plan.ruleTable(), new SplittableRandom(0)), neighbors,
                new Handoff(1, SESSIONS, arena), pool, WorkerCounters.inMemory(catalog, arena), clock, arena);
    }

    /** @return how long it took, which is not much longer than {@code patience} */
    static Duration run(final Clock clock, final Duration patience, final boolean withIpv6) {
        final long start = System.nanoTime();
        try (Arena arena = Arena.ofShared();
                Mempool pool = Mempool.create("warm", BUFFERS, 2_176, -1);
                Port port = Port.open("net_ring_warm0")) {
            port.start(1, Burst.CAPACITY * 8, 0, pool);
            // Both kinds of downcall, or the one that was not walked would be compiled away.
            final WarmUp[] kinds = {
                new WarmUp(port, pool, true, withIpv6, clock, arena),
                new WarmUp(port, pool, false, withIpv6, clock, arena)};
            while (System.nanoTime() - start < patience.toNanos() && !isCompiled(kinds)) {
                // The look is the work.
            }
            for (final WarmUp kind : kinds) {
                kind.worker.stop();
            }
        }
        return Duration.ofNanos(System.nanoTime() - start);
    }

    /** Walks until the compiler was silent for a while; false as soon as it was not. */
    private static boolean isCompiled(final WarmUp[] kinds) {
        final var compiler = ManagementFactory.getCompilationMXBean();
        final long before = compiler.getTotalCompilationTime();
        final long start = System.nanoTime();
        while (System.nanoTime() - start < SILENCE.toNanos()) {
            for (int burst = 0; burst < BURSTS_PER_LOOK; burst++) {
                kinds[burst & 1].walkOneBurst(burst);
            }
            if (compiler.getTotalCompilationTime() != before) {
                return false;
            }
        }
        return true;
    }

    /** What it sends comes back in and is dropped by name, so one burst walks both the good and the bad way. */
    private void walkOneBurst(final int number) {
        if (pool.allocate(fresh, Burst.CAPACITY)) {
            for (int i = 0; i < Burst.CAPACITY; i++) {
                if (withIpv6 && number % 8 == 4) {
                    write6(fresh.getAtIndex(JAVA_LONG, i), i);
                } else {
                    write(fresh.getAtIndex(JAVA_LONG, i), number % 8 == 0 ? i : 0, i);
                }
            }
            final int fed = feed.transmit(fresh, Burst.CAPACITY);
            if (fed < Burst.CAPACITY) {
                Mempool.free(fresh.asSlice((long) fed * Long.BYTES), Burst.CAPACITY - fed);
            }
        }
        worker.doWork();
        worker.doWork();
    }

    private void write(final long mbuf, final int kind, final int i) {
        final int source = CLIENTS + (i << Byte.SIZE * 3);
        final int sourcePort = POOL_LOW + i;
        switch (kind) {
            case 1 -> frames.arp(mbuf, Arp.REQUEST, source, ADDRESS);
            case 2 -> frames.arp(mbuf, Arp.REPLY, source, ADDRESS);
            case 3 -> frames.echoRequest(mbuf, source, ADDRESS);
            case 4 -> frames.udp(mbuf, source, POOL_LOW + (client++ & 0x3FFF), ADDRESS, LISTEN_PORT);
            case 5 -> frames.udp(mbuf, source, sourcePort, ADDRESS, POOL_LOW - 1);
            case 6, 7, 8, 9, 10, 11 -> {
                frames.udp(mbuf, source, sourcePort, ADDRESS, LISTEN_PORT);
                spoil(mbuf, kind);
            }
            case 12 -> frames.udp(mbuf, 0, sourcePort, ADDRESS, LISTEN_PORT);
            // About a packet of the established mix, whose clients are the even ones.
            case 13 -> frames.portUnreachable(mbuf, source - (1 << Byte.SIZE * 3), ADDRESS, LISTEN_PORT,
                    sourcePort - 1);
            case 14, 15 -> {
                // The other fragment of kind 7, twice: once it completes the datagram, once it waits for another.
                frames.udp(mbuf, CLIENTS + (7 << Byte.SIZE * 3), sourcePort, ADDRESS, LISTEN_PORT);
                frames.spoil(mbuf, Ipv4.FRAGMENT + 1, SyntheticFrames.UDP_UNITS, true);
            }
            default -> {
                // The established mix: requests, and replies to the ports that preservation gave them.
                if ((i & 1) == 0) {
                    frames.udp(mbuf, source, sourcePort, ADDRESS, LISTEN_PORT);
                } else {
                    frames.udp(mbuf, TARGET, LISTEN_PORT, ADDRESS, sourcePort - 1);
                }
            }
        }
    }

    /** Requests and replies as in the established mix, among them what else comes of IPv6. */
    private void write6(final long mbuf, final int i) {
        switch (i % 16) {
            case 0 -> frames.solicitation(mbuf, client6(i), ADDRESS6);
            case 1 -> frames.echoRequest6(mbuf, client6(i), ADDRESS6);
            case 2 -> frames.udp6(mbuf, client6(i), POOL_LOW + (client++ & 0x3FFF), ADDRESS6, LISTEN_PORT);
            case 3 -> frames.udp6(mbuf, client6(i), POOL_LOW + i, ADDRESS6, POOL_LOW - 1);
            default -> {
                if ((i & 1) == 0) {
                    frames.udp6(mbuf, client6(i), POOL_LOW + i, ADDRESS6, LISTEN_PORT);
                } else {
                    frames.udp6(mbuf, TARGET6, LISTEN_PORT, ADDRESS6, POOL_LOW + i - 1);
                }
            }
        }
    }

    private static IpAddress client6(final int i) {
        return new IpAddress(UNIQUE_LOCAL, (long) FIRST_CLIENT6 + i << 56);
    }

    private void spoil(final long mbuf, final int kind) {
        switch (kind) {
            case 6 -> frames.spoil(mbuf, Ipv4.TTL, 1, true);
            case 7 -> frames.spoil(mbuf, Ipv4.FRAGMENT, 0x20, true);
            case 8 -> frames.spoil(mbuf, Ipv4.CHECKSUM, 0, false);
            case 9 -> frames.spoil(mbuf, Udp.LENGTH, 0xFF, false);
            case 10 -> frames.spoil(mbuf, Ethernet.DESTINATION, 0x42, false);
            default -> frames.cut(mbuf, Ipv4.SOURCE);
        }
    }
}
