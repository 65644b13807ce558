// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.eal;

import io.culvert.bindings.NativeLibrary;
import io.culvert.bindings.ffi.Dpdk;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/** The CPU's time stamp counter: constant rate, shared by all cores, continues while the host is up. */
public final class Tsc {
    private static final MethodHandle TSC;

    static {
        NativeLibrary.load();
        TSC = Linker.nativeLinker().downcallHandle(
                Dpdk.culvert_tsc$address(), Dpdk.culvert_tsc$descriptor(), Linker.Option.critical(false));
    }

    public static long cycles() {
        try {
            return (long) TSC.invokeExact();
        } catch (final Throwable t) {
            throw new AssertionError("culvert_tsc", t);
        }
    }

    /** Cycles per second. Measured by EAL: valid after {@link Eal#init}. */
    public static long hz() {
        return Dpdk.culvert_tsc_hz();
    }

    private Tsc() { }
}
