// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;

/** A libc function failed: the function, what errno says about it, and the number for whoever wants to decide on it. */
public final class ErrnoException extends RuntimeException {
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
