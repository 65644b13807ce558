// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds the word that was meant: by edit distance, blind to case and to idle_timeout against idleTimeout. */
final class Suggestion {
    /** Longer words are never a slip of a known key, and the distance costs their square. */
    private static final int LENGTH_LIMIT = 40;

    private Suggestion() {
    }

    static Optional<String> forWord(final String word, final Collection<String> known) {
        if (word.length() > LENGTH_LIMIT) {
            return Optional.empty();
        }
        final String meant = fold(word);
        final int farthest = Math.max(1, meant.length() / 3);
        return known.stream()
                .filter(candidate -> distance(meant, fold(candidate)) <= farthest)
                .min(Comparator.comparingInt(candidate -> distance(meant, fold(candidate))));
    }

    private static String fold(final String word) {
        return word.toLowerCase(Locale.ROOT).replace("_", "").replace("-", "");
    }

    /** Levenshtein, one row at a time. */
    private static int distance(final String a, final String b) {
        int[] above = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            final int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                final int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                row[j] = Math.min(above[j - 1] + change, 1 + Math.min(above[j], row[j - 1]));
            }
            above = row;
        }
        return above[b.length()];
    }
}
