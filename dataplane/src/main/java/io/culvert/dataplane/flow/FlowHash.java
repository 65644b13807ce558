// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

/**
 * The keyed hash of a 5-tuple: the 128-bit product of its two seeded halves, folded. One multiplication; the seed is
 * random per cold start, so nobody outside can choose tuples that meet in one bucket.
 */
public final class FlowHash {
    /** Low bits choose the bucket, the high 16 are the tag: independent of each other. */
    public static long of(final long keyLo, final long keyHi, final long seedLo, final long seedHi) {
        final long a = keyLo ^ seedLo;
        final long b = keyHi ^ seedHi;
        return Math.unsignedMultiplyHigh(a, b) ^ a * b;
    }

    private FlowHash() { }
}
