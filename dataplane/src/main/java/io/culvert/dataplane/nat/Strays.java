// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowHash;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.security.SecureRandom;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Which sessions may live at another worker than the one whose queue their clients' packets come in on: those that a
 * predecessor left, because the NIC may spread packets in another way since, those that a fragment, a packet behind
 * extension headers or one that was handed on opened, and those of clients that {@link Roaming} says may come in
 * elsewhere. A counting filter over client address and both ports, under a keyed hash: a packet that no
 * worker's table has costs one cache line here, and a look into the others' tables only when a stray session shares its
 * place. Shared by all workers; counts change when stray sessions begin and end, and at no other time.
 */
public final class Strays {
    private static final VarHandle COUNT = JAVA_INT.varHandle();

    private final MemorySegment counts;
    private final int mask;
    private final long seedLo;
    private final long seedHi;
    private final AtomicInteger live = new AtomicInteger();

    /** @param sessions that all workers together can hold; there is at least a place for each, of 4 bytes */
    public Strays(final int sessions, final Arena arena) {
        final int places = (int) Math.min(2L * Integer.highestOneBit(Math.max(sessions, 1)), 1 << 30);
        this.counts = NativeMemory.unscoped(arena.allocate(JAVA_INT, places));
        this.mask = places - 1;
        final SecureRandom random = new SecureRandom();
        this.seedLo = random.nextLong();
        this.seedHi = random.nextLong();
    }

    /** Whether there is no stray session at all. */
    public boolean isEmpty() {
        return live.getOpaque() == 0;
    }

    /**
     * Whether a client's packet may belong to a stray session.
     *
     * @param high and {@code low} halves of its source; IPv4 as ::ffff:a.b.c.d
     * @param ports source and destination port, as they lie in the packet
     * @return false when it belongs to none for certain
     */
    public boolean mayHold(final long high, final long low, final int ports) {
        return !isEmpty() && (int) COUNT.getOpaque(counts, at(high, low, ports)) != 0;
    }

    void add(final long high, final long low, final int ports) {
        COUNT.getAndAdd(counts, at(high, low, ports), 1);
        live.getAndIncrement();
    }

    void remove(final long high, final long low, final int ports) {
        COUNT.getAndAdd(counts, at(high, low, ports), -1);
        live.getAndDecrement();
    }

    private long at(final long high, final long low, final int ports) {
        final long address = FlowHash.of(high, low, seedLo, seedHi);
        final long hash = FlowHash.of(address, Integer.toUnsignedLong(ports), seedHi, seedLo);
        return ((int) hash & mask) * (long) Integer.BYTES;
    }
}
