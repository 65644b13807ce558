// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * The datagrams of which some fragments have come and others have not: which bytes, whose flow, which new IP id. Holds
 * no packets. Bounded in all and per sender; entries stay where they are, an open-addressing index of twice as many
 * places names them. The hash is that of the flows, keyed, so nobody can aim at one place. Owned by one worker.
 */
final class FragmentTable {
    static final int NONE = -1;
    static final int CAPACITY = 4_096;
    /** Datagrams of the senders that share a place in {@link #ofSender}: a quarter of the table. */
    private static final int PER_SENDER = CAPACITY / 4;
    private static final int SENDERS = 1_024;
    private static final int INDEX_MASK = 2 * CAPACITY - 1;
    /** Runs of bytes with gaps between them: 64 KiB in packets of 1,500 bytes, every second one missing, are 23. */
    private static final int RUNS = 32;
    private static final long RUN_BYTES = Integer.BYTES;

    /** What has become of a datagram. */
    static final int FREE = 0;
    /** Its first fragment has not come. */
    static final int WAITING = 1;
    /** Its first fragment came: its flow and its new id are known. */
    static final int KNOWN = 2;
    /** Its fragments contradict each other: no more of them goes on (RFC 5722). */
    static final int BROKEN = 3;

    // What cover() says of bytes.
    static final int FRESH = 0;
    static final int DUPLICATE = 1;
    static final int OVERLAP = 2;
    static final int TOO_SCATTERED = 3;

    private final int[] index = new int[INDEX_MASK + 1];
    private final int[] free = new int[CAPACITY];
    private int freeCount = CAPACITY;
    private final short[] ofSender = new short[SENDERS];
    private final FlowTable flows;

    // Addresses as they are, not their hash: two datagrams are never taken for one.
    private final long[] sourceHigh = new long[CAPACITY];
    private final long[] sourceLow = new long[CAPACITY];
    private final long[] destinationHigh = new long[CAPACITY];
    private final long[] destinationLow = new long[CAPACITY];
    private final int[] id = new int[CAPACITY];
    final int[] state = new int[CAPACITY];
    final long[] sinceMs = new long[CAPACITY];
    /** The key of the flow that the first fragment belongs to; 0 while that is not known, or not known here. */
    final long[] flowLo = new long[CAPACITY];
    final long[] flowHi = new long[CAPACITY];
    final int[] newId = new int[CAPACITY];
    /** The worker that the first fragment's session lives with. */
    final int[] owner = new int[CAPACITY];
    /** For the packets that {@link Fragments} holds. */
    final int[] firstHeld = new int[CAPACITY];
    final int[] lastHeld = new int[CAPACITY];
    /** In units of eight bytes; 0 while the last fragment has not come. */
    private final int[] end = new int[CAPACITY];
    private final int[] runs = new int[CAPACITY];
    /** Where runs start and end, in units of eight bytes: a megabyte for each worker, and so off the heap. */
    private final MemorySegment runStart = Arena.ofAuto().allocate(JAVA_INT, CAPACITY * RUNS);
    private final MemorySegment runEnd = Arena.ofAuto().allocate(JAVA_INT, CAPACITY * RUNS);

    FragmentTable(final FlowTable flows) {
        this.flows = flows;
        for (int i = 0; i < CAPACITY; i++) {
            free[i] = CAPACITY - 1 - i;
        }
    }

    int count() {
        return CAPACITY - freeCount;
    }

    /** The place of a fragment's sender in tables that count by sender. */
    int sender(final FragmentHeader fragment) {
        return sender(fragment.sourceHigh, fragment.sourceLow);
    }

    int senderOf(final int entry) {
        return sender(sourceHigh[entry], sourceLow[entry]);
    }

    /** Who has one IPv6 address has all of its /64; of IPv4 the first half says nothing. */
    private int sender(final long high, final long low) {
        return (int) flows.hash(high == 0 ? low : high, 0) & SENDERS - 1;
    }

    static int senders() {
        return SENDERS;
    }

    /** @return the entry of the datagram that a fragment belongs to, or NONE */
    int find(final FragmentHeader fragment) {
        for (int at = home(fragment); index[at] != 0; at = at + 1 & INDEX_MASK) {
            final int entry = index[at] - 1;
            if (id[entry] == fragment.id
                    && sourceHigh[entry] == fragment.sourceHigh && sourceLow[entry] == fragment.sourceLow
                    && destinationHigh[entry] == fragment.destinationHigh
                    && destinationLow[entry] == fragment.destinationLow) {
                return entry;
            }
        }
        return NONE;
    }

    /** @return the new entry, WAITING; NONE when there is no room */
    int open(final FragmentHeader fragment, final long nowMs) {
        final int sender = sender(fragment);
        if (freeCount == 0 || ofSender[sender] == PER_SENDER) {
            return NONE;
        }
        ofSender[sender]++;
        final int entry = free[--freeCount];
        sourceHigh[entry] = fragment.sourceHigh;
        sourceLow[entry] = fragment.sourceLow;
        destinationHigh[entry] = fragment.destinationHigh;
        destinationLow[entry] = fragment.destinationLow;
        id[entry] = fragment.id;
        flowLo[entry] = 0;
        state[entry] = WAITING;
        sinceMs[entry] = nowMs;
        firstHeld[entry] = NONE;
        lastHeld[entry] = NONE;
        end[entry] = 0;
        runs[entry] = 0;
        int at = home(fragment);
        while (index[at] != 0) {
            at = at + 1 & INDEX_MASK;
        }
        index[at] = entry + 1;
        return entry;
    }

    void close(final int entry) {
        ofSender[senderOf(entry)]--;
        state[entry] = FREE;
        free[freeCount++] = entry;
        int hole = home(entry);
        while (index[hole] != entry + 1) {
            hole = hole + 1 & INDEX_MASK;
        }
        index[hole] = 0;
        // Who was placed behind the hole because it was taken moves into it, so that a search may stop at a free place.
        for (int at = hole + 1 & INDEX_MASK; index[at] != 0; at = at + 1 & INDEX_MASK) {
            final int moved = index[at] - 1;
            if ((at - home(moved) & INDEX_MASK) >= (at - hole & INDEX_MASK)) {
                index[hole] = index[at];
                index[at] = 0;
                hole = at;
            }
        }
    }

    private int home(final FragmentHeader fragment) {
        return (int) hash(fragment) & INDEX_MASK;
    }

    private int home(final int entry) {
        return (int) hash(sourceHigh[entry], sourceLow[entry], destinationHigh[entry], destinationLow[entry],
                id[entry]) & INDEX_MASK;
    }

    /** Of the datagram that a fragment belongs to, keyed. */
    long hash(final FragmentHeader fragment) {
        return hash(fragment.sourceHigh, fragment.sourceLow, fragment.destinationHigh, fragment.destinationLow,
                fragment.id);
    }

    private long hash(final long fromHigh, final long fromLow, final long toHigh, final long toLow, final int number) {
        return flows.hash(flows.hash(fromHigh, fromLow), flows.hash(toHigh, toLow) ^ number);
    }

    /**
     * Notes that these bytes have come, unless that contradicts what came before.
     *
     * @param from and {@code to}: in units of eight bytes, the last one not included
     * @param isLast whether the datagram ends here
     */
    int cover(final int entry, final int from, final int to, final boolean isLast) {
        final int base = entry * RUNS;
        final int count = runs[entry];
        int at = 0;
        while (at < count && get(runEnd, base + at) < from) {
            at++;
        }
        // The run that ends where these bytes begin, or behind: they lie in it, touch it, cut it, or lie before it.
        final boolean isWithin = at < count && get(runStart, base + at) <= from && to <= get(runEnd, base + at);
        if (isWithin && (!isLast || end[entry] == to)) {
            return DUPLICATE;
        }
        final boolean extendsRun = at < count && get(runEnd, base + at) == from;
        final int next = extendsRun ? at + 1 : at;
        if (next < count && get(runStart, base + next) < to || contradictsEnd(entry, to, isLast)) {
            return OVERLAP;
        }
        final boolean meetsNext = next < count && get(runStart, base + next) == to;
        if (!extendsRun && !meetsNext && count == RUNS) {
            return TOO_SCATTERED;
        }
        if (isLast) {
            end[entry] = to;
        }
        if (extendsRun) {
            set(runEnd, base + at, meetsNext ? get(runEnd, base + next) : to);
            if (meetsNext) {
                runs[entry] = count - 1;
                move(base + next + 1, base + next, count - next - 1);
            }
        } else if (meetsNext) {
            set(runStart, base + next, from);
        } else {
            move(base + at, base + at + 1, count - at);
            runs[entry] = count + 1;
            set(runStart, base + at, from);
            set(runEnd, base + at, to);
        }
        return FRESH;
    }

    private void move(final int from, final int to, final int count) {
        MemorySegment.copy(runStart, JAVA_INT, from * RUN_BYTES, runStart, JAVA_INT, to * RUN_BYTES, count);
        MemorySegment.copy(runEnd, JAVA_INT, from * RUN_BYTES, runEnd, JAVA_INT, to * RUN_BYTES, count);
    }

    private boolean contradictsEnd(final int entry, final int to, final boolean isLast) {
        final int highest = runs[entry] == 0 ? 0 : get(runEnd, entry * RUNS + runs[entry] - 1);
        return isLast ? highest > to || end[entry] != 0 : end[entry] != 0 && to > end[entry];
    }

    /** Whether all bytes from the first to the last have come. */
    boolean isComplete(final int entry) {
        return end[entry] != 0 && runs[entry] == 1
                && get(runStart, entry * RUNS) == 0 && get(runEnd, entry * RUNS) == end[entry];
    }

    private static int get(final MemorySegment runs, final int at) {
        return runs.getAtIndex(JAVA_INT, at);
    }

    private static void set(final MemorySegment runs, final int at, final int unit) {
        runs.setAtIndex(JAVA_INT, at, unit);
    }
}
