// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.CacheLines;
import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.host.Neighbors.State;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6Address;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeded.class)
class NeighborsTest {
    private static final int HOP = 0x0200_000A;
    private static final long MAC = 0x0605_0403_0202L;
    private static final int MTU = 1_500;
    private static final long START_MS = Integer.MAX_VALUE - 2_000;
    private static final List<Link> LINKS = List.of(link(0), link(1));

    private final Arena arena = Arena.ofShared();
    private final Neighbors neighbors = new Neighbors(LINKS, arena);
    private final List<Request> requests = new ArrayList<>();

    private record Request(int link, int address, long mac) { }

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void isAskedForAtOnceAndResolvedByItsReply() {
        final int adjacency = needed(1, HOP);
        assertTrue(neighbors.isWanted());
        assertFalse(neighbors.isResolved(adjacency));
        assertEquals(1, neighbors.count(State.INCOMPLETE));
        assertEquals(List.of(new Request(1, HOP, 0)), maintain(START_MS));
        assertFalse(neighbors.isWanted());

        final int generation = neighbors.generation();
        assertTrue(neighbors.confirm(1, HOP, MAC, START_MS + 1));
        assertTrue(neighbors.isResolved(adjacency));
        assertNotEquals(generation, neighbors.generation());
        assertEquals(1, neighbors.count(State.REACHABLE));
        final MemorySegment entry = entry(adjacency);
        assertEquals(MAC, macOf(adjacency));
        assertEquals(LINKS.get(1).mac(), entry.get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO) >>> 48
                | Integer.toUnsignedLong(entry.get(ValueLayout.JAVA_INT, Neighbors.MACS_HI)) << 16);
        assertEquals(MTU << 16 | 1, entry.get(ValueLayout.JAVA_INT, Neighbors.EGRESS));
    }

    @Test
    void aConfiguredOneIsNotAskedForBeforeItIsNeeded() {
        neighbors.configure(0, HOP);
        assertFalse(neighbors.isWanted());
        assertEquals(List.of(), maintain(START_MS));
        assertEquals(0, neighbors.count(State.INCOMPLETE));
        neighbors.needConfigured();
        assertEquals(List.of(new Request(0, HOP, 0)), maintain(START_MS));
    }

    @Test
    void isGivenUpAfterThreeRequestsAndThenAskedForOnlyIfNeededAndEverLessOften() {
        final int adjacency = needed(0, HOP);
        for (int second = 0; second < 3; second++) {
            final long now = START_MS + 1_000 * second;
            assertEquals(1, maintain(now).size(), "second " + second);
            assertEquals(0, maintain(now + 999).size(), "not yet again");
            assertFalse(neighbors.hasFailed(adjacency, now + 999));
        }
        final int generation = neighbors.generation();
        assertEquals(List.of(), maintain(START_MS + 3_000));
        assertTrue(neighbors.hasFailed(adjacency, START_MS + 3_000));
        assertNotEquals(generation, neighbors.generation());
        assertEquals(List.of(), maintain(START_MS + 600_000), "nobody needs it");

        long now = START_MS + 600_000;
        neighbors.need(adjacency);
        assertFalse(neighbors.hasFailed(adjacency, now), "what needs it waits for the request");
        assertEquals(1, maintain(now).size());
        for (final int waitMs : new int[] {4_000, 8_000, 16_000, 16_000, 16_000}) {
            assertFalse(neighbors.hasFailed(adjacency, now + 999), "and for its answer");
            assertTrue(neighbors.hasFailed(adjacency, now + 1_000));
            neighbors.need(adjacency);
            assertEquals(List.of(), maintain(now + waitMs - 1), "before " + waitMs);
            assertTrue(neighbors.hasFailed(adjacency, now + waitMs - 1));
            now += waitMs;
            assertEquals(List.of(new Request(0, HOP, 0)), maintain(now), "after " + waitMs);
        }
        neighbors.confirm(0, HOP, MAC, now);
        assertTrue(neighbors.isResolved(adjacency));
        assertFalse(neighbors.hasFailed(adjacency, now + 1_500));
    }

    @Test
    void isConfirmedByUnicastAfterThirtySeconds() {
        final int adjacency = resolved(HOP);
        assertEquals(List.of(), maintain(START_MS + 30_000));
        assertEquals(List.of(new Request(0, HOP, MAC)), maintain(START_MS + 30_001));
        assertTrue(neighbors.isResolved(adjacency), "packets go on meanwhile");
        assertEquals(1, neighbors.count(State.PROBING));
        assertEquals(1, maintain(START_MS + 31_001).size());
        assertEquals(1, maintain(START_MS + 32_001).size());
        assertTrue(neighbors.isResolved(adjacency));
        assertEquals(List.of(new Request(0, HOP, 0)), maintain(START_MS + 33_001), "then everybody is asked");
        assertFalse(neighbors.isResolved(adjacency));
        assertFalse(neighbors.hasFailed(adjacency, START_MS + 33_001), "packets wait for the answer");
        for (int second = 34; second < 37; second++) {
            maintain(START_MS + 1_000 * second + 1);
        }
        assertTrue(neighbors.hasFailed(adjacency, START_MS + 36_001));
    }

    @Test
    void aConfirmedNextHopIsLeftInPeaceForThirtySeconds() {
        resolved(HOP);
        maintain(START_MS + 30_001);
        assertTrue(neighbors.confirm(0, HOP, MAC, START_MS + 30_500));
        assertEquals(List.of(), maintain(START_MS + 60_500));
        assertEquals(List.of(new Request(0, HOP, MAC)), maintain(START_MS + 60_501));
    }

    @Test
    void whatAPredecessorKnewIsUsedAtOnceAndAskedForAllTheSame(@TempDir final Path directory) throws IOException {
        final Path file = directory.resolve("neighbors");
        final Neighbors before = new Neighbors(LINKS, NeighborFile.create(file, arena));
        before.configure(0, HOP);
        before.confirm(0, HOP, MAC, START_MS);
        before.configure(0, HOP + 1);
        for (int client = 2; client < 5; client++) {
            before.acquire(client / 4, 0, Ipv6Address.mapped(HOP + client), true);
            before.confirm(client / 4, HOP + client, MAC, START_MS);
        }

        final int known = needed(1, HOP);
        final int unknown = needed(1, HOP + 1);
        // The first link is the second now, and the second is no more.
        neighbors.recall(NeighborFile.read(file, arena), new int[] {1, -1});
        assertTrue(neighbors.isResolved(known));
        assertEquals(MAC, macOf(known));
        assertEquals(MTU << 16 | 1, entry(known).get(ValueLayout.JAVA_INT, Neighbors.EGRESS));
        assertFalse(neighbors.isResolved(unknown));
        final int client = neighbors.acquire(1, 0, Ipv6Address.mapped(HOP + 2), false);
        assertTrue(neighbors.isResolved(client), "a client that a session needs");
        assertEquals(Neighbors.UNKNOWN, neighbors.acquire(1, 0, Ipv6Address.mapped(HOP + 4), false));
        assertEquals(Set.of(new Request(1, HOP, 0), new Request(1, HOP + 1, 0), new Request(1, HOP + 2, 0),
                new Request(1, HOP + 4, 0)), Set.copyOf(maintain(START_MS)), "the client that nobody needs is not");
        neighbors.confirm(1, HOP, MAC + (1L << 40), START_MS);
        assertEquals(MAC + (1L << 40), macOf(known), "the answer counts");
    }

    @Test
    void noFileOrAnotherTellsNothing(@TempDir final Path directory) throws IOException {
        assertEquals(0, NeighborFile.read(directory.resolve("none"), arena).byteSize());
        final Path file = directory.resolve("neighbors");
        NeighborFile.create(file, arena).fill((byte) 1);
        try (RandomAccessFile damaged = new RandomAccessFile(file.toFile(), "rw")) {
            damaged.write(0);
        }
        assertEquals(0, NeighborFile.read(file, arena).byteSize());
    }

    @Test
    void aReplyWithANewMacMovesTheNextHop() {
        final int adjacency = resolved(HOP);
        neighbors.confirm(0, HOP, MAC + 0x0100_0000_0000L, START_MS);
        assertEquals(MAC + 0x0100_0000_0000L, macOf(adjacency));
    }

    @Test
    void aStaticOneIsNeverAskedForNorMoved() {
        neighbors.addStatic(0, HOP, MAC);
        final int adjacency = neighbors.configured(0, 0, Ipv6Address.mapped(HOP));
        neighbors.need(adjacency);
        assertTrue(neighbors.isResolved(adjacency));
        assertTrue(neighbors.confirm(0, HOP, MAC + 0x0100_0000_0000L, START_MS), "known all the same");
        assertEquals(MAC, macOf(adjacency));
        for (int second = 0; second < 100; second++) {
            assertEquals(List.of(), maintain(START_MS + 1_000 * second));
        }
        assertEquals(1, neighbors.count(State.STATIC));
    }

    @Test
    void repliesOfStrangersAreIgnored() {
        needed(0, HOP);
        final int generation = neighbors.generation();
        assertFalse(neighbors.confirm(0, HOP + 1, MAC, START_MS));
        assertFalse(neighbors.confirm(1, HOP, MAC, START_MS), "the same address on another link");
        assertEquals(generation, neighbors.generation());
        assertEquals(0, neighbors.count(State.REACHABLE));
    }

    @Test
    void aClientHasAPlaceFromItsAnswerOnForAsLongAsFlowsNameIt() {
        assertEquals(Neighbors.UNKNOWN, client(7));
        assertEquals(Neighbors.UNKNOWN, client(7), "asked for once");
        assertEquals(1, maintain(START_MS).size());
        neighbors.confirm(0, 7, MAC, START_MS);
        final int place = client(7);
        assertEquals(place, client(7), "shared");
        neighbors.release(place);
        assertEquals(List.of(new Request(0, 7, MAC)), maintain(START_MS + 30_001), "one flow is left");
        neighbors.confirm(0, 7, MAC, START_MS + 30_001);
        neighbors.release(place);
        assertEquals(List.of(), maintain(START_MS + 90_000), "nobody needs it");
        assertEquals(place, client(7), "and it is not forgotten while there is room");
    }

    @Test
    void aClientThatDoesNotAnswerIsAskedForThreeTimes() {
        client(7);
        int requests = 0;
        for (int step = 0; step < 600; step++) {
            requests += maintain(START_MS + 100 * step).size();
        }
        assertEquals(3, requests);
        assertEquals(1, neighbors.count(State.FAILED));
    }

    /** 16,384 places, and a million addresses that nobody has: a client that answers gets its place each time. */
    @Test
    void addressesThatNobodyHasHoldNoPlace() {
        long now = START_MS;
        for (int address = 1; address <= 1_000_000; address++) {
            client(address);
            if (address % 64 == 0) {
                now += 64;
                maintain(now);
            }
            if (address % 100_000 == 0) {
                now += 100;
                maintain(now);
                assertEquals(Neighbors.UNKNOWN, client(-address));
                assertTrue(maintain(now + 1).contains(new Request(0, -address, 0)), "asked for at once");
                neighbors.confirm(0, -address, MAC, now + 1);
                assertNotEquals(Neighbors.UNKNOWN, client(-address));
            }
        }
        assertTrue(neighbors.count(State.INCOMPLETE) + neighbors.count(State.FAILED) <= 1_024 + 10, "and those ten");
    }

    @Test
    void requestsAreBoundedInAllWhoeverNeedsThem() {
        int requests = 0;
        int next = 1;
        for (int ms = 0; ms < 10_000; ms++) {
            for (int i = 0; i < 20; i++) {
                client(next++);
            }
            requests += maintain(START_MS + ms).size();
        }
        assertTrue(requests <= 10_000 + 64, requests + " requests in ten seconds");
        assertTrue(requests >= 9_900, "the budget is used: " + requests);
    }

    @Test
    void whoOpensASessionIsAskedForBeforeWhoNeedsAPacketSent() {
        for (int address = 1; address <= 1_000; address++) {
            neighbors.placeToWaitFor(0, 0, Ipv6Address.mapped(address));
        }
        client(5_000);
        assertTrue(maintain(START_MS).contains(new Request(0, 5_000, 0)));
    }

    @Test
    void clientsThatFlowsNameStayAndTheOthersMakeRoom() {
        final Map<Integer, Integer> kept = new HashMap<>();
        long now = START_MS;
        for (int hop = 1; hop < 40_000; hop++) {
            now += 2;
            client(hop);
            maintain(now);
            neighbors.confirm(0, hop, MAC, now);
            final int adjacency = client(hop);
            assertNotEquals(Neighbors.UNKNOWN, adjacency, "client " + hop);
            if (hop % 100 == 0) {
                kept.put(hop, adjacency);
            } else {
                neighbors.release(adjacency);
            }
        }
        for (final Map.Entry<Integer, Integer> live : kept.entrySet()) {
            neighbors.confirm(0, live.getKey(), MAC, now);
            assertEquals(live.getValue(), client(live.getKey()), "client " + live.getKey());
        }
    }

    @Test
    void aTableFullOfLiveClientsRefusesNewcomersAndRecovers() {
        final List<Integer> held = new ArrayList<>();
        long now = START_MS;
        int hop = 1;
        for (; neighbors.hasRoom(0, 0, Ipv6Address.mapped(hop)); hop++) {
            now += 2;
            client(hop);
            maintain(now);
            neighbors.confirm(0, hop, MAC, now);
            held.add(client(hop));
        }
        assertEquals(Neighbors.CAPACITY - 1, held.size());
        assertEquals(held.size(), held.stream().distinct().count());
        assertEquals(Neighbors.UNKNOWN, client(hop));
        assertTrue(neighbors.hasRoom(0, 0, Ipv6Address.mapped(1)), "for another session of a client that is known");
        held.forEach(neighbors::release);
        assertTrue(neighbors.hasRoom(0, 0, Ipv6Address.mapped(hop)));
        client(hop);
        assertEquals(List.of(new Request(0, hop, 0)), maintain(now + 1));
    }

    @Test
    void theConfigurationLeavesRoomForClients() {
        for (int hop = 1; hop < Neighbors.CAPACITY - Neighbors.LEARNED_ROOM; hop++) {
            neighbors.configure(0, hop);
        }
        assertEquals(1, neighbors.configure(0, 1), "known");
        assertThrows(IllegalStateException.class, () -> neighbors.configure(0, -1));
        client(-1);
        maintain(START_MS);
        neighbors.confirm(0, -1, MAC, START_MS);
        assertNotEquals(Neighbors.UNKNOWN, client(-1));
    }

    /**
     * Two workers: one takes in the answers of clients that come and go, the other gives their places to new clients. A
     * place that a flow names never has the MAC address of another.
     */
    @Test
    @Timeout(60)
    void aPlaceThatChangesHandsNeverKeepsTheMacOfWhoHadIt() throws Exception {
        final int clients = 40_000;
        final AtomicInteger newest = new AtomicInteger();
        try (ExecutorService other = Executors.newSingleThreadExecutor()) {
            final Future<?> answers = other.submit(() -> {
                for (int now = newest.get(); now < clients; now = newest.get()) {
                    for (int hop = Math.max(1, now - 1_100); hop <= now; hop++) {
                        neighbors.confirm(0, hop, macFor(hop), START_MS);
                    }
                }
            });
            for (int hop = 1; hop <= clients; hop++) {
                client(hop);
                newest.set(hop);
                maintain(START_MS + hop);
                final int adjacency = client(hop);
                if (adjacency != Neighbors.UNKNOWN) {
                    assertEquals(macFor(hop), macOf(adjacency), "client " + hop);
                    neighbors.release(adjacency);
                }
            }
            newest.set(clients);
            answers.get(30, TimeUnit.SECONDS);
        }
    }

    private static long macFor(final int hop) {
        return (long) hop << 16 | 2;
    }

    @Test
    @Timeout(60)
    void referencesAreConsistentWhenFourWorkersAcquireAtOnce(final SplittableRandom random) throws Exception {
        final int workers = 4;
        final int hops = 50;
        for (int hop = 1; hop <= hops; hop++) {
            client(hop);
            maintain(START_MS);
            neighbors.confirm(0, hop, macFor(hop), START_MS);
        }
        final List<Callable<List<Integer>>> tasks = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            final SplittableRandom own = random.split();
            tasks.add(() -> acquireAndRelease(own, hops));
        }
        final Map<Integer, Integer> held = new HashMap<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(workers)) {
            for (final Future<List<Integer>> future : executor.invokeAll(tasks)) {
                future.get().forEach(adjacency -> held.merge(adjacency, 1, Integer::sum));
            }
        }
        // What is held is confirmed, and only that.
        requests.clear();
        assertEquals(held.size(), maintain(START_MS + 31_000).size());
        held.forEach((adjacency, times) -> {
            for (int i = 0; i < times; i++) {
                neighbors.release(adjacency);
            }
        });
        assertEquals(List.of(), maintain(START_MS + 61_000), "no reference is left over");
    }

    /** @return the adjacencies still referenced */
    private List<Integer> acquireAndRelease(final SplittableRandom random, final int hops) {
        final List<Integer> held = new ArrayList<>();
        for (int step = 0; step < 50_000; step++) {
            if (held.size() < 20 && random.nextBoolean()) {
                final int hop = random.nextInt(hops) + 1;
                final int adjacency = client(hop);
                assertEquals(macFor(hop), macOf(adjacency));
                held.add(adjacency);
            } else if (!held.isEmpty()) {
                neighbors.release(held.remove(random.nextInt(held.size())));
            }
        }
        return held;
    }

    @Test
    void nextHopsOfIpv6AreToldApartInFull() {
        final long high = 0xB80D_0120L;
        final Map<Long, Integer> held = new HashMap<>();
        for (long low = 1; low <= 1_000; low++) {
            held.put(low, neighbors.configure(0, high, low));
        }
        assertEquals(1_000, held.values().stream().distinct().count());
        assertTrue(neighbors.confirm(0, high, 7, MAC, true, true, START_MS));
        assertFalse(neighbors.confirm(0, high + 1, 7, MAC, true, true, START_MS), "another network");
        held.forEach((low, adjacency) -> {
            assertEquals(adjacency, neighbors.configured(0, high, low));
            assertEquals(low == 7, neighbors.isResolved(adjacency));
        });
    }

    @Test
    void anAdvertisementThatDoesNotOverrideMovesNobody() {
        final int adjacency = neighbors.configure(0, 1, 1);
        assertTrue(neighbors.confirm(0, 1, 1, 0, true, true, START_MS), "known, but it says no address");
        assertFalse(neighbors.isResolved(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, MAC, false, true, START_MS));
        assertEquals(MAC, macOf(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, MAC + 0x0100_0000_0000L, false, true, START_MS));
        assertEquals(MAC, macOf(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, 0, true, true, START_MS));
        assertEquals(MAC, macOf(adjacency), "still there");
        assertTrue(neighbors.confirm(0, 1, 1, MAC + 0x0100_0000_0000L, true, true, START_MS));
        assertEquals(MAC + 0x0100_0000_0000L, macOf(adjacency));
    }

    /** RFC 4861 7.2.5: who speaks unasked may not hear us. */
    @Test
    void whatNobodyAskedForTellsAnAddressButDoesNotConfirmIt() {
        final int adjacency = resolved(HOP);
        final long mapped = Ipv6Address.mapped(HOP);
        assertTrue(neighbors.confirm(0, 0, mapped, MAC, true, false, START_MS + 29_000));
        assertEquals(List.of(new Request(0, HOP, MAC)), maintain(START_MS + 30_001), "asked all the same");
        final long moved = MAC + 0x0100_0000_0000L;
        assertTrue(neighbors.confirm(0, 0, mapped, moved, true, false, START_MS + 30_002));
        assertEquals(moved, macOf(adjacency));
        assertEquals(List.of(new Request(0, HOP, moved)), maintain(START_MS + 30_003), "and whoever moved at once");
    }

    @Test
    void whoAskedForUsIsKnownWhenItOpensASession() {
        neighbors.introduce(0, 0, Ipv6Address.mapped(HOP), MAC, START_MS);
        final int adjacency = client(HOP);
        assertTrue(neighbors.isResolved(adjacency));
        assertEquals(MAC, macOf(adjacency));
        assertEquals(List.of(), maintain(START_MS + 1), "nobody has to ask");
        neighbors.introduce(0, 0, Ipv6Address.mapped(HOP), MAC + 0x0100_0000_0000L, START_MS + 2);
        assertEquals(MAC, macOf(adjacency), "nor is it met twice");
    }

    @Test
    void whoAskedForUsMakesRoomForTheNextOfThem() {
        for (int i = 1; i <= 3_000; i++) {
            neighbors.introduce(0, 0, Ipv6Address.mapped(i), MAC, START_MS);
        }
        assertEquals(1_024, neighbors.count(State.REACHABLE));
        assertTrue(neighbors.isResolved(client(3_000)));
        assertEquals(Neighbors.UNKNOWN, client(1), "the first has made room");
        assertTrue(neighbors.isResolved(client(3_000 - 1_024 + 2)), "but no more than had to");
    }

    /** A session of a client on the first link opens. @return its adjacency when it has answered */
    private int client(final int address) {
        return neighbors.acquire(0, 0, Ipv6Address.mapped(address), true);
    }

    private int needed(final int link, final int hop) {
        final int adjacency = neighbors.configure(link, hop);
        neighbors.need(adjacency);
        return adjacency;
    }

    private long macOf(final int adjacency) {
        return entry(adjacency).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO)
                & Ethernet.MAC_MASK;
    }

    private int resolved(final int hop) {
        final int adjacency = needed(0, hop);
        maintain(START_MS);
        neighbors.confirm(0, hop, MAC, START_MS);
        return adjacency;
    }

    /** One turn of the host worker. @return what it asked */
    private List<Request> maintain(final long nowMs) {
        final int before = requests.size();
        neighbors.maintain(
                (link, high, low, mac) -> requests.add(new Request(link.index(), (int) (low >>> 32), mac)), nowMs);
        return List.copyOf(requests.subList(before, requests.size()));
    }

    private static Link link(final int index) {
        return new Link(index, "port-" + index, 0x0100_0000_0002L + ((long) index << 32), MTU,
                List.of(new Link.Subnet(0x0100_000A, 0xFFFF)), Link.NO_GATEWAY, Link.UNTAGGED);
    }

    private MemorySegment entry(final int adjacency) {
        return CacheLines.line(neighbors.entries(), adjacency);
    }
}
