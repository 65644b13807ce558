// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.eal;

import io.culvert.bindings.ffi.Dpdk;

/** A DPDK function refused: its name, what it was asked for, and DPDK's own text for the errno. */
public final class DpdkException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int NO_REASON = -1;

    private final String function;
    private final int errno;

    /** @param errno positive or negative, as DPDK gave it */
    public DpdkException(final String function, final String subject, final int errno) {
        super(function + "(" + subject + "): " + text(errno));
        this.function = function;
        this.errno = Math.abs(errno);
    }

    /** Of a shim function that returned {@code code} and remembers which DPDK function refused. */
    public static DpdkException ofShim(final String subject, final int code) {
        return new DpdkException(Dpdk.culvert_failed_call().getString(0), subject, code);
    }

    public String function() {
        return function;
    }

    public int errno() {
        return errno;
    }

    /** Drivers that fail without a reason return -1, which would read as EPERM and send people after missing rights. */
    private static String text(final int errno) {
        if (errno == NO_REASON) {
            return "failed without a reason (-1)";
        }
        return Dpdk.rte_strerror(Math.abs(errno)).getString(0) + " (errno " + Math.abs(errno) + ")";
    }
}
