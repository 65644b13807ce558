// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;

/** A libc function failed: the function, what errno says about it, and the number for whoever wants to decide on it. */
public final class ErrnoException extends RuntimeException {
    // Those that callers decide on.
    public static final int EADDRINUSE = Libc.EADDRINUSE();
    public static final int EADDRNOTAVAIL = Libc.EADDRNOTAVAIL();
    public static final int EAGAIN = Libc.EAGAIN();
    public static final int ECONNREFUSED = Libc.ECONNREFUSED();
    public static final int EINTR = Libc.EINTR();

    private static final long serialVersionUID = 1;

    private final int errno;

    public ErrnoException(final String function, final int errno) {
        super(function + ": " + text(errno) + " (errno " + errno + ")");
        this.errno = errno;
    }

    public int errno() {
        return errno;
    }

    /** What libc calls this errno, such as "Address already in use". */
    public static String text(final int errno) {
        return Libc.strerror(errno).getString(0);
    }
}
