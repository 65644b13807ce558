// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.util.Arrays;

/**
 * Which sequence numbers each flow has brought back: the highest, and a sliding bitmap of those before it (RFC 6479's
 * form, whole words at a time). Numbers wrap. An answer older than the window counts as reordered.
 */
final class SequenceWindow {
    enum Arrival { IN_ORDER, REORDERED, DUPLICATE }

    private static final int WORDS = 16;
    private static final int WORD_SHIFT = 6;
    private static final int WORD_NUMBER_MASK = -1 >>> WORD_SHIFT;

    private final int[] highest;
    private final long[] seen;

    SequenceWindow(final int flows) {
        highest = new int[flows];
        Arrays.fill(highest, -1);
        seen = new long[Math.multiplyExact(flows, WORDS)];
    }

    Arrival mark(final int flow, final int sequence) {
        final int newest = highest[flow];
        final boolean ahead = sequence - newest > 0;
        if (ahead) {
            advance(flow, newest, sequence);
        } else if (wordsBetween(sequence, newest) >= WORDS) {
            return Arrival.REORDERED;
        }
        final int word = wordOf(flow, sequence >>> WORD_SHIFT);
        final long bit = 1L << sequence;
        if ((seen[word] & bit) != 0) {
            return Arrival.DUPLICATE;
        }
        seen[word] |= bit;
        return ahead ? Arrival.IN_ORDER : Arrival.REORDERED;
    }

    /** Words that the window enters still hold what it left behind. */
    private void advance(final int flow, final int newest, final int sequence) {
        final int entered = Math.min(WORDS, wordsBetween(newest, sequence));
        for (int i = 0; i < entered; i++) {
            seen[wordOf(flow, (sequence >>> WORD_SHIFT) - i)] = 0;
        }
        highest[flow] = sequence;
    }

    private static int wordsBetween(final int from, final int to) {
        return (to >>> WORD_SHIFT) - (from >>> WORD_SHIFT) & WORD_NUMBER_MASK;
    }

    private static int wordOf(final int flow, final int wordNumber) {
        return flow * WORDS + (wordNumber & WORDS - 1);
    }
}
