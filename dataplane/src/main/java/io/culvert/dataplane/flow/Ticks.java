// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

/**
 * Instants in 32 bits, for records that have no room for 64: tenths of a second of the worker's clock, unsigned. They
 * come around after 13.6 years. Whatever is compared is compared in milliseconds, as a long.
 */
public final class Ticks {
    /** Milliseconds from one tick to the next: an instant that was kept as ticks lies less than this further back. */
    public static final int MS = 100;

    /** The last tick at or before an instant. @param ms of the worker's clock */
    public static int at(final long ms) {
        return (int) (ms / MS);
    }

    /** @return the tick's instant, ms of the worker's clock */
    public static long ms(final int ticks) {
        return Integer.toUnsignedLong(ticks) * MS;
    }

    private Ticks() { }
}
