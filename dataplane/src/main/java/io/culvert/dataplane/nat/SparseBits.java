// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/**
 * A set of numbers below a size that finds its next member in a few steps, however sparse it is: a bit for each number,
 * and a bit for each word of those that has one. Of the 32,768 ports of one parity that is 9 words of the upper kind to
 * look at, never the 512 of the lower.
 */
final class SparseBits {
    static final int NONE = -1;

    private final long[] bits;
    /** A bit for each word of {@link #bits} that is not 0. */
    private final long[] words;
    private int count;

    SparseBits(final int size) {
        bits = new long[(size + Long.SIZE - 1) / Long.SIZE];
        words = new long[(bits.length + Long.SIZE - 1) / Long.SIZE];
    }

    /** How many members it has. */
    int count() {
        return count;
    }

    boolean contains(final int number) {
        return (bits[number / Long.SIZE] >>> number & 1) != 0;
    }

    /** Adds a number that is no member. */
    void add(final int number) {
        final int word = number / Long.SIZE;
        bits[word] |= 1L << number;
        words[word / Long.SIZE] |= 1L << word;
        count++;
    }

    /** Removes a member. */
    void remove(final int number) {
        final int word = number / Long.SIZE;
        bits[word] &= ~(1L << number);
        if (bits[word] == 0) {
            words[word / Long.SIZE] &= ~(1L << word);
        }
        count--;
    }

    /** The first member from {@code start} on, behind the last one the first of all; NONE of an empty set. */
    int next(final int start) {
        if (count == 0) {
            return NONE;
        }
        final int word = start / Long.SIZE;
        final long rest = word < bits.length ? bits[word] & -1L << start : 0;
        if (rest != 0) {
            return word * Long.SIZE + Long.numberOfTrailingZeros(rest);
        }
        final int found = nextWord(word + 1);
        return found * Long.SIZE + Long.numberOfTrailingZeros(bits[found]);
    }

    /** The first word with a member from this one on, behind the last one the first of all. There is one. */
    private int nextWord(final int start) {
        int at = start / Long.SIZE;
        long rest = at < words.length ? words[at] & -1L << start : 0;
        while (rest == 0) {
            at = at + 1 < words.length ? at + 1 : 0;
            rest = words[at];
        }
        return at * Long.SIZE + Long.numberOfTrailingZeros(rest);
    }
}
