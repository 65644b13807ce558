// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.rlimit;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** How many files and sockets this process may hold open (RLIMIT_NOFILE). */
public final class OpenFiles {
    private static final MethodHandle GETRLIMIT = Errno.link(Libc.getrlimit$address(), Libc.getrlimit$descriptor());
    private static final MethodHandle SETRLIMIT = Errno.link(Libc.setrlimit$address(), Libc.setrlimit$descriptor());

    private OpenFiles() {
    }

    /** Raises the limit to at least {@code needed}; past the hard limit only a privileged process may. */
    public static void allow(final long needed) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment capture = Errno.capture(arena);
            final MemorySegment limit = rlimit.allocate(arena);
            final int read = (int) GETRLIMIT.invokeExact(capture, Libc.RLIMIT_NOFILE(), limit);
            Errno.check("getrlimit", capture, read);
            if (Long.compareUnsigned(rlimit.rlim_cur(limit), needed) >= 0) {
                return;
            }
            rlimit.rlim_cur(limit, needed);
            if (Long.compareUnsigned(rlimit.rlim_max(limit), needed) < 0) {
                rlimit.rlim_max(limit, needed);
            }
            final int written = (int) SETRLIMIT.invokeExact(capture, Libc.RLIMIT_NOFILE(), limit);
            Errno.check("setrlimit", capture, written);
        } catch (final Throwable t) {
            throw Errno.rethrown("setrlimit", t);
        }
    }
}
