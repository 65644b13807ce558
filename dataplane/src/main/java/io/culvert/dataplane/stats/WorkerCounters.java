// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A worker's block of the counter file. One writer with plain stores; an aligned long is read whole by anybody. */
public final class WorkerCounters {
    private final CounterCatalog catalog;
    private final MemorySegment block;

    WorkerCounters(final CounterCatalog catalog, final MemorySegment block) {
        this.catalog = catalog;
        this.block = NativeMemory.unscoped(block);
    }

    /** Counters that nobody reads: for a walk that must not show. */
    public static WorkerCounters inMemory(final CounterCatalog catalog, final Arena arena) {
        return new WorkerCounters(catalog, arena.allocate(JAVA_LONG, catalog.series().size()));
    }

    public CounterCatalog catalog() {
        return catalog;
    }

    /** Where the block lies, for who counts in it without Java. */
    public long address() {
        return block.address();
    }

    public void increment(final int counter) {
        add(counter, 1);
    }

    public void add(final int counter, final long amount) {
        final long at = (long) counter * Long.BYTES;
        block.set(JAVA_LONG, at, block.get(JAVA_LONG, at) + amount);
    }

    public void set(final int counter, final long value) {
        block.set(JAVA_LONG, (long) counter * Long.BYTES, value);
    }

    public long get(final int counter) {
        return block.get(JAVA_LONG, (long) counter * Long.BYTES);
    }

    /** Before the first packet: closes the account of a predecessor that may have been killed while it counted. */
    public void settle() {
        // What it held died with it.
        set(catalog.of(CounterCatalog.WorkerCounter.WAITING), 0);
        set(catalog.of(CounterCatalog.WorkerCounter.WAITING_FRAGMENTS), 0);
        set(catalog.of(CounterCatalog.WorkerCounter.UNSETTLED), imbalance());
    }

    /**
     * The loss ledger: received and taken over = sent on, answered, punted, handed off, waiting, and dropped by name.
     * {@link CounterCatalog#sent} counts also what was answered or originated, hence the subtraction. What a
     * predecessor left unsettled stays so.
     *
     * @return 0 when it balances; otherwise how many packets are unaccounted for
     */
    public long imbalance() {
        long balance = get(catalog.of(CounterCatalog.WorkerCounter.TAKEN_OVER))
                + get(catalog.of(CounterCatalog.WorkerCounter.ORIGINATED))
                - get(catalog.of(CounterCatalog.WorkerCounter.HANDED_OFF))
                - get(catalog.of(CounterCatalog.WorkerCounter.WAITING))
                - get(catalog.of(CounterCatalog.WorkerCounter.WAITING_FRAGMENTS))
                - get(catalog.of(CounterCatalog.WorkerCounter.UNSETTLED));
        for (int port = 0; port < catalog.ports(); port++) {
            balance += get(catalog.received(port)) - get(catalog.sent(port)) - get(catalog.puntedArp(port))
                    - get(catalog.puntedNd(port));
            for (int reason = 0; reason < DropReason.count(); reason++) {
                balance -= get(catalog.dropped(port) + reason);
            }
        }
        return balance;
    }
}
