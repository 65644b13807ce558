// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The clients of one rule as separate, ascending spans of addresses. Two rules are compared in one pass over both,
 * so hundreds of rules with a thousand sources each can share one listener.
 */
final class SourceSpans {
    private record Span(long low, long high, Located<Cidr> source) {
        static Span of(final Located<Cidr> source) {
            final long low = Integer.toUnsignedLong(Addresses.bits(source.value().network().address()));
            return new Span(low, low + (1L << Integer.SIZE - source.value().prefixLength()) - 1, source);
        }
    }

    /** A source of each side, with addresses in common. */
    record Overlap(Located<Cidr> ours, Located<Cidr> theirs) {
    }

    private final List<Span> spans = new ArrayList<>();

    SourceSpans(final List<Located<Cidr>> sources) {
        sources.stream().map(Span::of)
                .sorted(Comparator.comparingLong(Span::low).thenComparing(Span::high, Comparator.reverseOrder()))
                .filter(span -> spans.isEmpty() || spans.getLast().high < span.low)
                .forEachOrdered(spans::add);
    }

    Optional<Overlap> firstOverlap(final SourceSpans others) {
        int at = 0;
        int othersAt = 0;
        while (at < spans.size() && othersAt < others.spans.size()) {
            final Span ours = spans.get(at);
            final Span theirs = others.spans.get(othersAt);
            if (ours.high < theirs.low) {
                at++;
            } else if (theirs.high < ours.low) {
                othersAt++;
            } else {
                return Optional.of(new Overlap(ours.source, theirs.source));
            }
        }
        return Optional.empty();
    }
}
