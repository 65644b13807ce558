// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Ranges of ports on addresses, each with a value; where ranges overlap the lowest value counts. All ranges together
 * are cut into pieces that follow each other, one value each: one binary search answers, and n ranges need at most 2n
 * pieces of 12 bytes, however long the ranges are and however they overlap. Immutable.
 */
final class PortRanges {
    static final int NONE = -1;

    /** @param address in network order or by number; {@code low} and {@code high}: ports, both of the range */
    record Range(int address, int low, int high, int value) {
        private long from() {
            return key(address, low);
        }

        /** Behind the last port; behind 65,535 that is port 0 of another address, where no range begins. */
        private long end() {
            return key(address, high) + 1;
        }
    }

    /** Where each piece begins: the address above the port. */
    private final long[] from;
    private final int[] values;

    PortRanges(final List<Range> ranges) {
        final Range[] starting = ranges.toArray(Range[]::new);
        Arrays.sort(starting, Comparator.comparingLong(Range::from));
        final Range[] ending = ranges.toArray(Range[]::new);
        Arrays.sort(ending, Comparator.comparingLong(Range::end));
        final long[] pieces = new long[2 * starting.length];
        final int[] lowest = new int[2 * starting.length];
        final TreeSet<Range> open = new TreeSet<>(
                Comparator.comparingInt(Range::value).thenComparingLong(Range::from).thenComparingLong(Range::end));
        int count = 0;
        int next = 0;
        for (int ended = 0; ended < ending.length;) {
            final long at = next < starting.length ? Math.min(starting[next].from(), ending[ended].end())
                    : ending[ended].end();
            for (; next < starting.length && starting[next].from() == at; next++) {
                open.add(starting[next]);
            }
            for (; ended < ending.length && ending[ended].end() == at; ended++) {
                open.remove(ending[ended]);
            }
            final int value = open.isEmpty() ? NONE : open.first().value();
            if (count == 0 || lowest[count - 1] != value) {
                pieces[count] = at;
                lowest[count++] = value;
            }
        }
        from = Arrays.copyOf(pieces, count);
        values = Arrays.copyOf(lowest, count);
    }

    /** @return the lowest value of the ranges that cover this port, or NONE */
    int find(final int address, final int port) {
        final long key = key(address, port);
        int low = 0;
        int high = from.length;
        while (low < high) {
            final int middle = low + high >>> 1;
            if (from[middle] <= key) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low == 0 ? NONE : values[low - 1];
    }

    private static long key(final int address, final int port) {
        return (address & 0xFFFF_FFFFL) << Short.SIZE | port;
    }
}
