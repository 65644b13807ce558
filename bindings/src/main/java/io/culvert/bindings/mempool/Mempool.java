// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.mempool;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.ffi.Dpdk;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Objects;

/** A pool of packet buffers (mbufs). One per NUMA socket; every port receives into it and every burst returns to it. */
public final class Mempool implements AutoCloseable {
    /** Buffers that a core keeps to itself before it turns to the shared pool. */
    private static final int CACHE_BUFFERS = 256;

    private static final MethodHandle ALLOC_BULK;
    private static final MethodHandle FREE_BULK;

    static {
        NativeLibrary.load();
        ALLOC_BULK = Linker.nativeLinker().downcallHandle(Dpdk.culvert_alloc_bulk$address(),
                Dpdk.culvert_alloc_bulk$descriptor(), Linker.Option.critical(false));
        FREE_BULK = Linker.nativeLinker().downcallHandle(Dpdk.culvert_free_bulk$address(),
                Dpdk.culvert_free_bulk$descriptor(), Linker.Option.critical(false));
    }

    private final MemorySegment pool;
    private final int buffers;

    private Mempool(final MemorySegment pool, final int buffers) {
        this.pool = pool;
        this.buffers = buffers;
    }

    /**
     * @param dataRoom bytes of a buffer, headroom (128) included
     * @param socket NUMA socket, -1 for any
     * @throws DpdkException when the memory is not there
     */
    public static Mempool create(final String name, final int buffers, final int dataRoom, final int socket) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment pool = Dpdk.rte_pktmbuf_pool_create(
                    arena.allocateFrom(name), buffers, CACHE_BUFFERS, (short) 0, (short) dataRoom, socket);
            if (pool.address() == 0) {
                throw new DpdkException("rte_pktmbuf_pool_create", name + ", " + buffers + " buffers of " + dataRoom
                        + " bytes", Dpdk.culvert_errno());
            }
            return new Mempool(pool, buffers);
        }
    }

    public MemorySegment segment() {
        return pool;
    }

    /** How many buffers there are in all. */
    public int buffers() {
        return buffers;
    }

    /** How many buffers nobody holds, core caches included. Slow: walks all caches. */
    public int available() {
        return Dpdk.rte_mempool_avail_count(pool);
    }

    /**
     * Fills {@code mbufs} with {@code count} fresh buffers. The count is checked here because DPDK writes what its core
     * cache has before it finds out that there are too few.
     *
     * @return false, and none taken, when there are too few
     * @throws IndexOutOfBoundsException when {@code mbufs} has no room for so many
     */
    public boolean allocate(final MemorySegment mbufs, final int count) {
        Objects.checkFromIndexSize(0, count * (long) Long.BYTES, mbufs.byteSize());
        try {
            return (int) ALLOC_BULK.invokeExact(pool, mbufs, count) == 0;
        } catch (final Throwable t) {
            throw new AssertionError("culvert_alloc_bulk", t);
        }
    }

    /** Returns {@code count} buffers to the pools they came from. */
    public static void free(final MemorySegment mbufs, final int count) {
        try {
            FREE_BULK.invokeExact(mbufs, count);
        } catch (final Throwable t) {
            throw new AssertionError("culvert_free_bulk", t);
        }
    }

    @Override
    public void close() {
        Dpdk.rte_mempool_free(pool);
    }
}
