// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.util.concurrent.atomic.AtomicLongArray;

/** The ports seen of one address. Many threads add; a port that is there already costs one plain load. */
final class PortSet {
    private static final int WORD_SHIFT = 6;
    private static final int WORDS = 1 << Short.SIZE - WORD_SHIFT;

    private final AtomicLongArray words = new AtomicLongArray(WORDS);

    void add(final int port) {
        final int word = port >>> WORD_SHIFT;
        final long bit = 1L << port;
        if ((words.getPlain(word) & bit) == 0) {
            words.accumulateAndGet(word, bit, (seen, added) -> seen | added);
        }
    }

    int size() {
        int size = 0;
        for (int word = 0; word < WORDS; word++) {
            size += Long.bitCount(words.get(word));
        }
        return size;
    }

    /** Of a set that is not empty. */
    int lowest() {
        int word = 0;
        while (words.get(word) == 0) {
            word++;
        }
        return (word << WORD_SHIFT) + Long.numberOfTrailingZeros(words.get(word));
    }

    /** Of a set that is not empty. */
    int highest() {
        int word = WORDS - 1;
        while (words.get(word) == 0) {
            word--;
        }
        return (word << WORD_SHIFT) + Long.SIZE - 1 - Long.numberOfLeadingZeros(words.get(word));
    }
}
