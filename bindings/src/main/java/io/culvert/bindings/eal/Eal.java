// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.eal;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import io.culvert.bindings.layout.LayoutCheck;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/**
 * DPDK's Environment Abstraction Layer: one per process, initialised once. {@code rte_eal_init} pins its caller and
 * later threads inherit the mask, so it runs on a thread of its own that ends with it.
 */
public final class Eal {
    static {
        NativeLibrary.load();
    }

    /**
     * @param arguments as on a DPDK command line, without the program's name
     * @throws DpdkException when EAL refuses; its own log on stderr says more
     */
    public static void init(final List<String> arguments) {
        LayoutCheck.run();
        final int errno = onItsOwnThread(() -> {
            // EAL keeps pointers into argv (the program's name among them), so it lives as long as the process.
            final MemorySegment argv = Arena.global().allocate(ValueLayout.ADDRESS, arguments.size() + 1L);
            argv.setAtIndex(ValueLayout.ADDRESS, 0, Arena.global().allocateFrom("culvert"));
            for (int i = 0; i < arguments.size(); i++) {
                argv.setAtIndex(ValueLayout.ADDRESS, i + 1L, Arena.global().allocateFrom(arguments.get(i)));
            }
            return Dpdk.rte_eal_init(arguments.size() + 1, argv) < 0 ? Dpdk.culvert_errno() : 0;
        });
        if (errno != 0) {
            throw new DpdkException("rte_eal_init", String.join(" ", arguments), errno);
        }
    }

    /** Releases what EAL holds: shared files, hugepages. Nothing of DPDK may be used after it. */
    public static void cleanup() {
        onItsOwnThread(Dpdk::rte_eal_cleanup);
    }

    /** e.g. {@code DPDK 22.11.11}: the libraries this process runs on. */
    public static String version() {
        return Dpdk.rte_version().getString(0);
    }

    /** The DPDK that {@code libculvert.so} was compiled on. */
    public static String builtOn() {
        return Dpdk.culvert_built_on().getString(0);
    }

    /** Only messages of this level and graver reach stderr: 8 debug, 7 info, 6 notice, 5 warning, 4 error. */
    public static void logLevel(final int level) {
        Dpdk.rte_log_set_global_level(level);
    }

    private static int onItsOwnThread(final Callable<Integer> call) {
        final FutureTask<Integer> task = new FutureTask<>(call);
        Thread.ofPlatform().name("eal").start(task);
        try {
            return task.get();
        } catch (final ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private Eal() { }
}
