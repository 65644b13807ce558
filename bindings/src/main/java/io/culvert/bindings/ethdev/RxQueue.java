// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** One receive queue of a port; used by one worker only. */
public final class RxQueue {
    private static final MethodHandle BURST;
    private static final MethodHandle BURST_CRITICAL;

    static {
        NativeLibrary.load();
        BURST = Dpdk.culvert_rx_burst$handle();
        BURST_CRITICAL = Linker.nativeLinker().downcallHandle(
                Dpdk.culvert_rx_burst$address(), Dpdk.culvert_rx_burst$descriptor(), Linker.Option.critical(false));
    }

    private final short port;
    private final short queue;
    private final boolean neverBlocks;

    RxQueue(final short port, final short queue, final boolean neverBlocks) {
        this.port = port;
        this.queue = queue;
        this.neverBlocks = neverBlocks;
    }

    /** Receives up to {@code capacity} packets into {@code mbufs}. @return how many */
    public int receive(final MemorySegment mbufs, final int capacity) {
        try {
            final short received = neverBlocks
                    ? (short) BURST_CRITICAL.invokeExact(port, queue, mbufs, (short) capacity)
                    : (short) BURST.invokeExact(port, queue, mbufs, (short) capacity);
            return Short.toUnsignedInt(received);
        } catch (final Throwable t) {
            throw new AssertionError("culvert_rx_burst", t);
        }
    }
}
