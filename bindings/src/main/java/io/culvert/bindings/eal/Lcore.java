// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.eal;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.sched_param;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.stream.IntStream;

/**
 * The calling thread as a DPDK lcore: pinned to one CPU and registered, so that mempool caches work for it. Opened and
 * closed by the thread it speaks of.
 */
public final class Lcore implements AutoCloseable {
    /** {@code cpu_set_t} has 1,024 bits. */
    private static final int CPU_SET_BYTES = 128;

    static {
        NativeLibrary.load();
    }

    private Lcore() { }

    /** @throws DpdkException when no lcore id is left, or EAL is not initialised */
    public static Lcore enter(final int cpu) {
        pin(cpu);
        if (Dpdk.rte_thread_register() != 0) {
            throw new DpdkException("rte_thread_register", "cpu " + cpu, Dpdk.culvert_errno());
        }
        return new Lcore();
    }

    /** Pins the calling thread to one CPU of the host. */
    public static void pin(final int cpu) {
        if (!confine(0, cpu)) {
            throw new IllegalArgumentException("cpu " + cpu + " is not available to this process");
        }
    }

    /**
     * Has a thread run on these CPUs only.
     *
     * @param thread the kernel's id of one of this process's threads; 0 is the caller
     * @return false when the thread is gone, or none of the CPUs is available to it
     */
    public static boolean confine(final int thread, final int... cpus) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment set = arena.allocate(CPU_SET_BYTES);
            for (final int cpu : cpus) {
                if (cpu < 0 || cpu >= CPU_SET_BYTES * Byte.SIZE) {
                    throw new IllegalArgumentException("cpu " + cpu + " is not a CPU of this host");
                }
                final long word = (long) (cpu / Long.SIZE) * Long.BYTES;
                set.set(ValueLayout.JAVA_LONG, word,
                        set.get(ValueLayout.JAVA_LONG, word) | 1L << (cpu % Long.SIZE));
            }
            return Libc.sched_setaffinity(thread, CPU_SET_BYTES, set) == 0;
        }
    }

    /**
     * Has a thread run before all that are scheduled fairly, whenever it has something to do; threads that it starts
     * inherit it.
     *
     * @param thread as for {@link #confine}
     * @return false when the thread is gone, or this process may not
     */
    public static boolean goFirst(final int thread) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment lowest = sched_param.allocate(arena);
            sched_param.sched_priority(lowest, 1);
            return Libc.sched_setscheduler(thread, Libc.SCHED_RR(), lowest) == 0;
        }
    }

    /**
     * The CPUs that a thread of this process may be pinned to, lowest first: those of its cpuset, which may be more
     * than the affinity that it was started with.
     */
    public static int[] usableCpus() {
        final FutureTask<int[]> look = new FutureTask<>(() -> {
            confine(0, IntStream.range(0, CPU_SET_BYTES * Byte.SIZE).toArray());
            return allowedCpus();
        });
        // On a thread of its own, which ends with it: the caller's affinity stays.
        Thread.ofPlatform().name("cpus").start(look);
        try {
            return look.get();
        } catch (final ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    /** The CPUs this thread may run on, lowest first. */
    public static int[] allowedCpus() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment set = arena.allocate(CPU_SET_BYTES);
            if (Libc.sched_getaffinity(0, CPU_SET_BYTES, set) < 0) {
                throw new IllegalStateException("sched_getaffinity failed");
            }
            return IntStream.range(0, CPU_SET_BYTES * Byte.SIZE)
                    .filter(cpu -> (set.get(ValueLayout.JAVA_BYTE, cpu / Byte.SIZE) >> (cpu % Byte.SIZE) & 1) != 0)
                    .toArray();
        }
    }

    @Override
    public void close() {
        Dpdk.rte_thread_unregister();
    }
}
