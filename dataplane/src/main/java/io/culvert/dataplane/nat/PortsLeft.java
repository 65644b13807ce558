// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Which external addresses have a port left, a bit for each: so that a pool of many of which one has is asked once, and
 * one of which none has is not asked at all. An address's bit is written under its lock and read without; a reader
 * that comes too early or too late asks in vain once, or refuses one newcomer.
 */
final class PortsLeft {
    /** Clients of well-known ports draw from other ports than the rest where an address has both kinds. */
    enum Clients {
        WELL_KNOWN,
        OTHERS
    }

    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);

    /** By {@link Clients}. */
    private final long[][] words;

    PortsLeft(final int addresses) {
        words = new long[Clients.values().length][(addresses + Long.SIZE - 1) / Long.SIZE];
    }

    /** The bits of 64 addresses. */
    long word(final Clients clients, final int word) {
        return (long) WORDS.getOpaque(words[clients.ordinal()], word);
    }

    void set(final Clients clients, final int address, final boolean hasPorts) {
        final long[] bits = words[clients.ordinal()];
        final long bit = 1L << address;
        final boolean had = (word(clients, address / Long.SIZE) & bit) != 0;
        if (hasPorts && !had) {
            WORDS.getAndBitwiseOr(bits, address / Long.SIZE, bit);
        } else if (!hasPorts && had) {
            WORDS.getAndBitwiseAnd(bits, address / Long.SIZE, ~bit);
        }
    }
}
