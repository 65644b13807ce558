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

    /**
     * Raises the limit to {@code needed}, or as far as this process may: past the hard limit only a privileged one can.
     *
     * @return the limit now in force
     */
    public static long allow(final long needed) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment capture = Errno.capture(arena);
            final MemorySegment limit = rlimit.allocate(arena);
            final int read = (int) GETRLIMIT.invokeExact(capture, Libc.RLIMIT_NOFILE(), limit);
            Errno.check("getrlimit", capture, read);
            final long soft = rlimit.rlim_cur(limit);
            final long hard = rlimit.rlim_max(limit);
            if (Long.compareUnsigned(soft, needed) >= 0) {
                return soft;
            }
            if (Long.compareUnsigned(hard, needed) >= 0) {
                return set(capture, limit, needed, hard) ? needed : soft;
            }
            if (set(capture, limit, needed, needed)) {
                return needed;
            }
            return set(capture, limit, hard, hard) ? hard : soft;
        } catch (final Throwable t) {
            throw Errno.rethrown("getrlimit", t);
        }
    }

    private static boolean set(
            final MemorySegment capture, final MemorySegment limit, final long soft, final long hard) throws Throwable {
        rlimit.rlim_cur(limit, soft);
        rlimit.rlim_max(limit, hard);
        return (int) SETRLIMIT.invokeExact(capture, Libc.RLIMIT_NOFILE(), limit) == 0;
    }
}
