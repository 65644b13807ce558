// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.mempool;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.TestEal;
import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.eal.Lcore;
import io.culvert.bindings.mbuf.Mbuf;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class MempoolTest {
    private static final int BUFFERS = 1_023;
    private static final int DATA_ROOM = 2_176;
    private static final int HEADROOM = 128;
    private static final int ENOMEM = 12;
    private static final int EEXIST = 17;

    @BeforeAll
    static void init() {
        TestEal.init();
    }

    @Test
    void everyBufferGoesOutOnceAndComesBack() {
        try (Arena arena = Arena.ofConfined(); Mempool pool = Mempool.create("once", BUFFERS, DATA_ROOM, -1)) {
            assertEquals(BUFFERS, pool.buffers());
            assertEquals(BUFFERS, pool.available());
            final MemorySegment mbufs = arena.allocate(JAVA_LONG, BUFFERS);
            assertTrue(pool.allocate(mbufs, BUFFERS));
            assertEquals(0, pool.available());
            assertFalse(pool.allocate(arena.allocate(JAVA_LONG), 1), "the pool is empty");
            final Set<Long> different = new HashSet<>();
            for (int i = 0; i < BUFFERS; i++) {
                different.add(mbufs.getAtIndex(JAVA_LONG, i));
            }
            assertEquals(BUFFERS, different.size());
            Mempool.free(mbufs, BUFFERS);
            assertEquals(BUFFERS, pool.available());
        }
    }

    @Test
    void takesNoneWhenThereAreTooFew() {
        try (Arena arena = Arena.ofConfined(); Mempool pool = Mempool.create("few", BUFFERS, DATA_ROOM, -1)) {
            assertFalse(pool.allocate(arena.allocate(JAVA_LONG, BUFFERS + 1), BUFFERS + 1));
            assertEquals(BUFFERS, pool.available());
        }
    }

    @Test
    void aFreshBufferIsEmptyBehindItsHeadroom() {
        try (Arena arena = Arena.ofConfined(); Mempool pool = Mempool.create("fresh", BUFFERS, DATA_ROOM, -1)) {
            final MemorySegment mbufs = arena.allocate(JAVA_LONG);
            assertTrue(pool.allocate(mbufs, 1));
            final long address = mbufs.get(JAVA_LONG, 0);
            final MemorySegment mbuf = Mbuf.view(address);
            assertEquals(0, Mbuf.packetLength(mbuf));
            assertEquals(0, Mbuf.dataLength(mbuf));
            assertTrue(Mbuf.data(mbuf) >= address + HEADROOM, "the data lies behind the mbuf and its headroom");
            Mbuf.setLength(address, 1_500);
            assertEquals(1_500, Mbuf.packetLength(mbuf));
            assertEquals(1_500, Mbuf.dataLength(mbuf));
            Mempool.free(mbufs, 1);
        }
    }

    @Test
    void whatARegisteredThreadKeepsInItsCacheCountsAsAvailable() throws Exception {
        try (Arena arena = Arena.ofShared(); Mempool pool = Mempool.create("cached", BUFFERS, DATA_ROOM, -1)) {
            final MemorySegment mbufs = arena.allocate(JAVA_LONG, 64);
            final FutureTask<Integer> task = new FutureTask<>(() -> {
                final Lcore lcore = Lcore.enter(Lcore.allowedCpus()[0]);
                try {
                    assertTrue(pool.allocate(mbufs, 64));
                    Mempool.free(mbufs, 64);
                    return pool.available();
                } finally {
                    lcore.close();
                }
            });
            Thread.ofPlatform().start(task);
            assertEquals(BUFFERS, task.get());
            assertEquals(BUFFERS, pool.available(), "also when the thread has ended");
        }
    }

    @Test
    void aPoolThatDoesNotFitIsRefusedWithWhatWasWanted() {
        final DpdkException refusal = assertThrows(DpdkException.class,
                () -> Mempool.create("huge", 1 << 20, DATA_ROOM, -1));
        assertEquals("rte_pktmbuf_pool_create", refusal.function());
        assertEquals(ENOMEM, refusal.errno());
        assertTrue(refusal.getMessage().contains("huge, 1048576 buffers of 2176 bytes"), refusal.getMessage());
    }

    @Test
    void aNameIsTakenUntilItsPoolIsClosed() {
        try (Mempool pool = Mempool.create("name", BUFFERS, DATA_ROOM, -1)) {
            assertEquals(BUFFERS, pool.available());
            assertEquals(EEXIST, assertThrows(DpdkException.class,
                    () -> Mempool.create("name", BUFFERS, DATA_ROOM, -1)).errno());
        }
        Mempool.create("name", BUFFERS, DATA_ROOM, -1).close();
    }
}
