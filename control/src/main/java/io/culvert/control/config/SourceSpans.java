// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * The clients of one rule as separate, ascending spans of addresses. Two rules are compared in one pass over both,
 * so hundreds of rules with a thousand sources each can share one listener. Rules that share one are of its family.
 */
final class SourceSpans {
    private record Span(byte[] low, byte[] high, Located<Cidr> source) {
        static Span of(final Located<Cidr> source) {
            return new Span(source.value().edge(false), source.value().edge(true), source);
        }

        boolean isBefore(final Span other) {
            return Arrays.compareUnsigned(high, other.low) < 0;
        }
    }

    /** A source of each side, with addresses in common. */
    record Overlap(Located<Cidr> ours, Located<Cidr> theirs) {
    }

    private static final Comparator<Span> BY_LOW = (a, b) -> Arrays.compareUnsigned(a.low, b.low);
    private static final Comparator<Span> LONGEST_FIRST = (a, b) -> Arrays.compareUnsigned(b.high, a.high);

    private final List<Span> spans = new ArrayList<>();

    SourceSpans(final List<Located<Cidr>> sources) {
        sources.stream().map(Span::of).sorted(BY_LOW.thenComparing(LONGEST_FIRST))
                .filter(span -> spans.isEmpty() || spans.getLast().isBefore(span))
                .forEachOrdered(spans::add);
    }

    Optional<Overlap> firstOverlap(final SourceSpans others) {
        int at = 0;
        int othersAt = 0;
        while (at < spans.size() && othersAt < others.spans.size()) {
            final Span ours = spans.get(at);
            final Span theirs = others.spans.get(othersAt);
            if (ours.isBefore(theirs)) {
                at++;
            } else if (theirs.isBefore(ours)) {
                othersAt++;
            } else {
                return Optional.of(new Overlap(ours.source, theirs.source));
            }
        }
        return Optional.empty();
    }
}
