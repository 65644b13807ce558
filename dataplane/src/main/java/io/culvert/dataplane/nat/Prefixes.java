// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.host.Link.Subnet;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Networks of both families, each with a value. Networks nest or are apart, so the space of addresses is cut into
 * pieces, each with one innermost network; one binary search finds it, and {@link #around} leads to those it lies in.
 * At most 2n + 2 pieces of 20 bytes for n networks. Immutable.
 */
final class Prefixes<V> {
    static final int NONE = -1;

    /** All of IPv4. It lies in the midst of IPv6, and yet no network of IPv6 has an IPv4 address in it. */
    private static final Subnet IPV4 = new Subnet(0, 0);

    /** First and last address of a network: unsigned halves whose highest bit is the first on the wire. */
    private record Span(long firstHigh, long firstLow, long lastHigh, long lastLow) {
        private static final Comparator<Span> OUTER_FIRST = ((Comparator<Span>)
                (a, b) -> compare(a.firstHigh, a.firstLow, b.firstHigh, b.firstLow))
                .thenComparing((a, b) -> compare(b.lastHigh, b.lastLow, a.lastHigh, a.lastLow));

        static Span of(final Subnet subnet) {
            final long maskHigh = Long.reverseBytes(subnet.maskHigh());
            final long maskLow = Long.reverseBytes(subnet.maskLow());
            final long high = Long.reverseBytes(subnet.high()) & maskHigh;
            final long low = Long.reverseBytes(subnet.low()) & maskLow;
            return new Span(high, low, high | ~maskHigh, low | ~maskLow);
        }

        boolean isBefore(final Span other) {
            return compare(lastHigh, lastLow, other.firstHigh, other.firstLow) < 0;
        }
    }

    /** By number of the network, in the order of their first addresses. */
    private final List<V> values = new ArrayList<>();
    private final int[] around;
    /** Where each piece begins, and the innermost network there. */
    private final long[] fromHigh;
    private final long[] fromLow;
    private final int[] innermost;
    private int pieces;

    /** @param networks whose value is null count as not there */
    Prefixes(final Map<Subnet, V> networks) {
        final TreeMap<Span, V> sorted = new TreeMap<>(Span.OUTER_FIRST);
        sorted.put(Span.of(IPV4), null);
        networks.forEach((subnet, value) -> sorted.put(Span.of(subnet), value));
        around = new int[sorted.size()];
        fromHigh = new long[2 * sorted.size()];
        fromLow = new long[2 * sorted.size()];
        innermost = new int[2 * sorted.size()];
        final List<Span> spans = List.copyOf(sorted.keySet());
        final Deque<Integer> open = new ArrayDeque<>();
        for (int number = 0; number < spans.size(); number++) {
            final Span span = spans.get(number);
            while (!open.isEmpty() && spans.get(open.peek()).isBefore(span)) {
                close(spans.get(open.pop()), open);
            }
            around[number] = open.isEmpty() || span.equals(Span.of(IPV4)) ? NONE : open.peek();
            values.add(sorted.get(span));
            cut(span.firstHigh, span.firstLow, number);
            open.push(number);
        }
        while (!open.isEmpty()) {
            close(spans.get(open.pop()), open);
        }
    }

    /** Behind a network lies the rest of the one around it. */
    private void close(final Span closed, final Deque<Integer> open) {
        final long nextLow = closed.lastLow + 1;
        final long nextHigh = closed.lastHigh + (nextLow == 0 ? 1 : 0);
        if ((nextHigh | nextLow) != 0) {
            cut(nextHigh, nextLow, open.isEmpty() ? NONE : open.peek());
        }
    }

    private void cut(final long high, final long low, final int network) {
        // Where one network ends and the next begins, or one begins with the one around it, the later call is right.
        if (pieces > 0 && fromHigh[pieces - 1] == high && fromLow[pieces - 1] == low) {
            pieces--;
        }
        fromHigh[pieces] = high;
        fromLow[pieces] = low;
        innermost[pieces++] = network;
    }

    /**
     * @param high and {@code low} halves of an address as it lies in the packet; IPv4 as ::ffff:a.b.c.d
     * @return the number of the innermost network that has the address, or NONE
     */
    int find(final long high, final long low) {
        final long keyHigh = Long.reverseBytes(high);
        final long keyLow = Long.reverseBytes(low);
        int from = 0;
        int end = pieces;
        while (from < end) {
            final int middle = from + end >>> 1;
            if (compare(fromHigh[middle], fromLow[middle], keyHigh, keyLow) <= 0) {
                from = middle + 1;
            } else {
                end = middle;
            }
        }
        return from == 0 ? NONE : innermost[from - 1];
    }

    /** The number of the innermost network around a network, or NONE. */
    int around(final int network) {
        return around[network];
    }

    /** The value of a network, by number; null where there is none. */
    V value(final int network) {
        return values.get(network);
    }

    private static int compare(final long high, final long low, final long otherHigh, final long otherLow) {
        final int order = Long.compareUnsigned(high, otherHigh);
        return order != 0 ? order : Long.compareUnsigned(low, otherLow);
    }
}
