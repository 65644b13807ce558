// SPDX-License-Identifier: Apache-2.0
package io.culvert.control;

/**
 * A verb's end that the user can act on. The message says what, where, why and the mend; it is printed behind
 * {@code error: } and the process ends with the exit code.
 */
public final class Failure extends RuntimeException {
    /** It did not work. */
    public static final int FAILED = 1;
    /** The command line makes no sense (picocli's own code for it). */
    public static final int USAGE = 2;
    /** No daemon of that instance name. */
    public static final int NO_DAEMON = 3;
    /** The thing asked for does not exist. */
    public static final int NOT_FOUND = 4;
    /** The configuration is not valid; nothing was started. */
    public static final int INVALID = 5;

    private final int exitCode;

    public Failure(final int exitCode, final String message) {
        super(message);
        this.exitCode = exitCode;
    }

    public Failure(final int exitCode, final String message, final Throwable cause) {
        super(message, cause);
        this.exitCode = exitCode;
    }

    public int exitCode() {
        return exitCode;
    }
}
