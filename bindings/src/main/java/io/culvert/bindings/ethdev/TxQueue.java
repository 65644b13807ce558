// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** One transmit queue of a port; used by one worker only. */
public final class TxQueue {
    private static final MethodHandle BURST;
    private static final MethodHandle BURST_CRITICAL;

    static {
        NativeLibrary.load();
        BURST = Dpdk.culvert_tx_burst$handle();
        BURST_CRITICAL = Linker.nativeLinker().downcallHandle(
                Dpdk.culvert_tx_burst$address(), Dpdk.culvert_tx_burst$descriptor(), Linker.Option.critical(false));
    }

    private final short port;
    private final short queue;
    private final boolean neverBlocks;

    TxQueue(final short port, final short queue, final boolean neverBlocks) {
        this.port = port;
        this.queue = queue;
        this.neverBlocks = neverBlocks;
    }

    /** Offers {@code count} packets. @return how many the driver took; the rest still belongs to the caller */
    public int transmit(final MemorySegment mbufs, final int count) {
        try {
            final short taken = neverBlocks
                    ? (short) BURST_CRITICAL.invokeExact(port, queue, mbufs, (short) count)
                    : (short) BURST.invokeExact(port, queue, mbufs, (short) count);
            return Short.toUnsignedInt(taken);
        } catch (final Throwable t) {
            throw new AssertionError("culvert_tx_burst", t);
        }
    }
}
