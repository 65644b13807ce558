// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * A listing: which sessions, in which order, how many. Without an order sessions pass straight through; with an order
 * and a limit only as many as the limit are ever held.
 *
 * @param order null for the order of the tables
 */
public record SessionList(Predicate<Session> filter, Comparator<Session> order, long limit) {
    /** How many sessions matched, and how many of them the visitor was shown. */
    public record Count(long matched, long shown) { }

    public Count show(final FlowReader reader, final Consumer<Session> visitor) {
        return order == null ? pass(reader, visitor) : sort(reader, visitor);
    }

    private Count pass(final FlowReader reader, final Consumer<Session> visitor) {
        final long[] matched = new long[1];
        reader.forEach(session -> {
            if (filter.test(session) && matched[0]++ < limit) {
                visitor.accept(session);
            }
        });
        return new Count(matched[0], Math.min(matched[0], limit));
    }

    private Count sort(final FlowReader reader, final Consumer<Session> visitor) {
        final long[] matched = new long[1];
        final PriorityQueue<Session> lastFirst = new PriorityQueue<>(order.reversed());
        reader.forEach(session -> {
            if (filter.test(session)) {
                matched[0]++;
                lastFirst.add(session);
                if (lastFirst.size() > limit) {
                    lastFirst.remove();
                }
            }
        });
        final List<Session> sorted = lastFirst.stream().sorted(order).toList();
        sorted.forEach(visitor);
        return new Count(matched[0], sorted.size());
    }
}
