// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.CacheLines;
import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.host.Neighbors.State;
import io.culvert.dataplane.wire.Ethernet;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Set;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
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
        final int adjacency = neighbors.acquire(1, HOP);
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
        assertEquals(MAC, entry.get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO) & Ethernet.MAC_MASK);
        assertEquals(LINKS.get(1).mac(), entry.get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO) >>> 48
                | Integer.toUnsignedLong(entry.get(ValueLayout.JAVA_INT, Neighbors.MACS_HI)) << 16);
        assertEquals(MTU << 16 | 1, entry.get(ValueLayout.JAVA_INT, Neighbors.EGRESS));
    }

    @Test
    void isAskedForEachSecondAndGivenUpAfterThreeRequests() {
        final int adjacency = neighbors.acquire(0, HOP);
        for (int second = 0; second < 3; second++) {
            final long now = START_MS + 1_000 * second;
            assertEquals(1, maintain(now).size(), "second " + second);
            assertEquals(0, maintain(now + 999).size(), "not yet again");
            assertFalse(neighbors.hasFailed(adjacency));
        }
        final int generation = neighbors.generation();
        assertEquals(1, maintain(START_MS + 3_000).size(), "a failed next hop is still asked for");
        assertTrue(neighbors.hasFailed(adjacency));
        assertNotEquals(generation, neighbors.generation());
        for (int second = 4; second < 10; second++) {
            assertEquals(List.of(new Request(0, HOP, 0)), maintain(START_MS + 1_000 * second));
        }
        neighbors.confirm(0, HOP, MAC, START_MS + 10_000);
        assertTrue(neighbors.isResolved(adjacency));
        assertFalse(neighbors.hasFailed(adjacency));
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
        assertTrue(neighbors.hasFailed(adjacency));
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
        before.acquire(0, HOP);
        before.confirm(0, HOP, MAC, START_MS);
        before.acquire(0, HOP + 1);
        before.acquire(1, HOP + 2);
        before.confirm(1, HOP + 2, MAC, START_MS);

        final int known = neighbors.acquire(1, HOP);
        final int unknown = neighbors.acquire(1, HOP + 1);
        // The first link is the second now, and the second is no more.
        neighbors.recall(NeighborFile.read(file, arena), new int[] {1, -1});
        assertTrue(neighbors.isResolved(known));
        assertEquals(MAC, entry(known).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO) & Ethernet.MAC_MASK);
        assertEquals(MTU << 16 | 1, entry(known).get(ValueLayout.JAVA_INT, Neighbors.EGRESS));
        assertFalse(neighbors.isResolved(unknown));
        assertEquals(Set.of(new Request(1, HOP, 0), new Request(1, HOP + 1, 0)), Set.copyOf(maintain(START_MS)),
                "what nobody needs here is not asked for");
        neighbors.confirm(1, HOP, MAC + 1, START_MS);
        assertEquals(MAC + 1, entry(known).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO)
                & Ethernet.MAC_MASK, "the answer counts");
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
        assertEquals(MAC + 0x0100_0000_0000L,
                entry(adjacency).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO)
                        & Ethernet.MAC_MASK);
    }

    @Test
    void aStaticOneIsNeverAskedForNorMoved() {
        neighbors.addStatic(0, HOP, MAC);
        final int adjacency = neighbors.acquire(0, HOP);
        assertTrue(neighbors.isResolved(adjacency));
        assertTrue(neighbors.confirm(0, HOP, MAC + 0x0100_0000_0000L, START_MS), "known all the same");
        assertEquals(MAC, entry(adjacency).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO)
                & Ethernet.MAC_MASK);
        for (int second = 0; second < 100; second++) {
            assertEquals(List.of(), maintain(START_MS + 1_000 * second));
        }
        assertEquals(1, neighbors.count(State.STATIC));
    }

    @Test
    void repliesOfStrangersAreIgnored() {
        neighbors.acquire(0, HOP);
        final int generation = neighbors.generation();
        assertFalse(neighbors.confirm(0, HOP + 1, MAC, START_MS));
        assertFalse(neighbors.confirm(1, HOP, MAC, START_MS), "the same address on another link");
        assertEquals(generation, neighbors.generation());
        assertEquals(0, neighbors.count(State.REACHABLE));
    }

    @Test
    void whoNeedsTheSameNextHopSharesItsPlace() {
        final int first = neighbors.acquire(0, HOP);
        assertEquals(first, neighbors.acquire(0, HOP));
        assertNotEquals(first, neighbors.acquire(1, HOP));
        neighbors.release(first);
        assertEquals(List.of(new Request(0, HOP, 0), new Request(1, HOP, 0)), sorted(maintain(START_MS)),
                "one reference is left");
    }

    @Test
    void oneThatNobodyReferencesIsNotAskedFor() {
        neighbors.release(neighbors.acquire(0, HOP));
        assertEquals(List.of(), maintain(START_MS));
        neighbors.acquire(0, HOP);
        assertTrue(neighbors.isWanted(), "needed again");
        assertEquals(1, maintain(START_MS).size());
    }

    /** More next hops than places: those in use stay, those that nobody references make room. */
    @Test
    void anUnreferencedPlaceIsTakenOverWhenTheTableIsFull() {
        final Map<Integer, Integer> kept = new HashMap<>();
        for (int hop = 0; hop < 100; hop++) {
            kept.put(hop, neighbors.acquire(0, hop));
            neighbors.confirm(0, hop, MAC, START_MS);
        }
        for (int hop = 100; hop < 20_000; hop++) {
            final int adjacency = neighbors.acquire(0, hop);
            assertNotEquals(Neighbors.NO_ADJACENCY, adjacency, "next hop " + hop);
            assertFalse(neighbors.isResolved(adjacency), "nothing is left of whoever had the place");
            neighbors.confirm(0, hop, MAC, START_MS);
            neighbors.release(adjacency);
        }
        kept.forEach((hop, adjacency) -> {
            assertEquals(adjacency, neighbors.acquire(0, hop), "next hop " + hop);
            assertTrue(neighbors.isResolved(adjacency));
        });
    }

    @Test
    void aFullTableRefusesAndRecovers() {
        final List<Integer> held = new ArrayList<>();
        int hop = 1;
        for (int adjacency = neighbors.acquire(0, hop); adjacency != Neighbors.NO_ADJACENCY;
                adjacency = neighbors.acquire(0, ++hop)) {
            held.add(adjacency);
        }
        assertTrue(held.size() > 2_000, "refused after " + held.size());
        assertEquals(held.size(), held.stream().distinct().count());
        held.forEach(neighbors::release);
        assertNotEquals(Neighbors.NO_ADJACENCY, neighbors.acquire(0, hop));
    }

    @Test
    void manyAreAskedForInTurns() {
        for (int hop = 1; hop <= 100; hop++) {
            neighbors.acquire(0, hop);
        }
        final List<Request> all = new ArrayList<>();
        for (int turn = 0; neighbors.isWanted(); turn++) {
            assertTrue(turn < 10, "turns end");
            final List<Request> asked = maintain(START_MS);
            assertTrue(asked.size() <= 32, "a turn is bounded");
            all.addAll(asked);
        }
        assertEquals(100, all.stream().distinct().count());
        assertEquals(100, all.size());
    }

    @Test
    void referencesAreConsistentWhenFourWorkersAcquireAtOnce(final SplittableRandom random) throws Exception {
        final int workers = 4;
        final int hops = 50;
        final CyclicBarrier start = new CyclicBarrier(workers);
        final List<Callable<List<Integer>>> tasks = new ArrayList<>();
        for (int worker = 0; worker < workers; worker++) {
            final SplittableRandom own = random.split();
            tasks.add(() -> {
                start.await();
                return acquireAndRelease(own, hops);
            });
        }
        final Map<Integer, Integer> held = new HashMap<>();
        try (ExecutorService executor = Executors.newFixedThreadPool(workers)) {
            for (final Future<List<Integer>> future : executor.invokeAll(tasks)) {
                future.get().forEach(adjacency -> held.merge(adjacency, 1, Integer::sum));
            }
        }
        // What is held is asked for, and only that.
        final int places = held.size();
        for (int turn = 0; turn < 100; turn++) {
            maintain(START_MS);
        }
        assertEquals(places, requests.size());
        held.forEach((adjacency, times) -> {
            for (int i = 0; i < times; i++) {
                neighbors.release(adjacency);
            }
        });
        requests.clear();
        assertEquals(List.of(), maintain(START_MS + 60_000), "no reference is left over");
    }

    /** @return the adjacencies still referenced */
    private List<Integer> acquireAndRelease(final SplittableRandom random, final int hops) {
        final List<Integer> held = new ArrayList<>();
        final List<Integer> heldHops = new ArrayList<>();
        for (int step = 0; step < 50_000; step++) {
            if (held.size() < 20 && random.nextBoolean()) {
                final int hop = random.nextInt(hops) + 1;
                final int adjacency = neighbors.acquire(0, hop);
                assertNotEquals(Neighbors.NO_ADJACENCY, adjacency);
                held.add(adjacency);
                heldHops.add(hop);
            } else if (!held.isEmpty()) {
                final int i = random.nextInt(held.size());
                final long key = entry(held.get(i)).get(ValueLayout.JAVA_LONG, 0);
                assertEquals((int) heldHops.get(i), (int) key, "a place keeps its next hop while it is referenced");
                neighbors.release(held.remove(i));
                heldHops.remove(i);
            }
        }
        return held;
    }

    @Test
    void nextHopsOfIpv6AreToldApartInFull() {
        final long high = 0xB80D_0120L;
        final Map<Long, Integer> held = new HashMap<>();
        for (long low = 1; low <= 1_000; low++) {
            held.put(low, neighbors.acquire(0, high, low));
        }
        assertEquals(1_000, held.values().stream().distinct().count());
        assertTrue(neighbors.confirm(0, high, 7, MAC, true, START_MS));
        assertFalse(neighbors.confirm(0, high + 1, 7, MAC, true, START_MS), "another network");
        held.forEach((low, adjacency) -> {
            assertEquals(adjacency, neighbors.acquire(0, high, low));
            assertEquals(low == 7, neighbors.isResolved(adjacency));
        });
    }

    @Test
    void anAdvertisementThatDoesNotOverrideMovesNobody() {
        final int adjacency = neighbors.acquire(0, 1, 1);
        assertTrue(neighbors.confirm(0, 1, 1, 0, true, START_MS), "known, but it says no address");
        assertFalse(neighbors.isResolved(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, MAC, false, START_MS));
        assertEquals(MAC, macOf(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, MAC + 0x0100_0000_0000L, false, START_MS));
        assertEquals(MAC, macOf(adjacency));
        assertTrue(neighbors.confirm(0, 1, 1, 0, true, START_MS));
        assertEquals(MAC, macOf(adjacency), "still there");
        assertTrue(neighbors.confirm(0, 1, 1, MAC + 0x0100_0000_0000L, true, START_MS));
        assertEquals(MAC + 0x0100_0000_0000L, macOf(adjacency));
    }

    private long macOf(final int adjacency) {
        return entry(adjacency).get(ValueLayout.JAVA_LONG, Neighbors.MACS_LO)
                & Ethernet.MAC_MASK;
    }

    private int resolved(final int hop) {
        final int adjacency = neighbors.acquire(0, hop);
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

    private static List<Request> sorted(final List<Request> unsorted) {
        return unsorted.stream().sorted(Comparator.comparingInt(Request::link)).toList();
    }

    private static Link link(final int index) {
        return new Link(index, "port-" + index, 0x0100_0000_0002L + ((long) index << 32), MTU,
                List.of(new Link.Subnet(0x0100_000A, 0xFFFF)), Link.NO_GATEWAY, Link.UNTAGGED);
    }

    private MemorySegment entry(final int adjacency) {
        return CacheLines.line(neighbors.entries(), adjacency);
    }
}
