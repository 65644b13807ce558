// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings;

import io.culvert.bindings.ffi.Dpdk;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** Asks the CPU for cache lines ahead of their use: one downcall for a whole burst, so that the misses overlap. */
public final class Prefetch {
    private static final MethodHandle PREFETCH;

    static {
        NativeLibrary.load();
        PREFETCH = Linker.nativeLinker().downcallHandle(Dpdk.culvert_prefetch$address(),
                Dpdk.culvert_prefetch$descriptor(), Linker.Option.critical(false));
    }

    /**
     * @param at where the first of {@code count} addresses lies, each {@code stride} bytes behind the one before; the
     *     lines need not be mapped
     */
    public static void lines(final long at, final int stride, final int count) {
        try {
            PREFETCH.invokeExact(at, stride, count);
        } catch (final Throwable t) {
            throw new AssertionError("culvert_prefetch", t);
        }
    }

    private Prefetch() { }
}
