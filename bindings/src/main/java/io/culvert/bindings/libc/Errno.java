// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Links functions so that errno survives the way back into Java: their handles take a capture segment first.
 * A capture belongs to one thread at a time.
 */
final class Errno {
    private static final StructLayout LAYOUT = Linker.Option.captureStateLayout();
    private static final long OFFSET = LAYOUT.byteOffset(PathElement.groupElement("errno"));

    private Errno() {
    }

    static MethodHandle link(final MemorySegment function, final FunctionDescriptor descriptor) {
        return Linker.nativeLinker().downcallHandle(function, descriptor, Linker.Option.captureCallState("errno"));
    }

    static MemorySegment capture(final Arena arena) {
        return arena.allocate(LAYOUT);
    }

    static int of(final MemorySegment capture) {
        return capture.get(ValueLayout.JAVA_INT, OFFSET);
    }

    /** @return the result, if it is not the -1 by which {@code function} says that it failed. */
    static int check(final String function, final MemorySegment capture, final int result) {
        if (result == -1) {
            throw new ErrnoException(function, of(capture));
        }
        return result;
    }

    /** What a downcall threw: the {@link ErrnoException} of a check, or else a mistake in the linkage. */
    static ErrnoException rethrown(final String function, final Throwable t) {
        if (t instanceof final ErrnoException e) {
            return e;
        }
        throw new AssertionError(function, t);
    }
}
