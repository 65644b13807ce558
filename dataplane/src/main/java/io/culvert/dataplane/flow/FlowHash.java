// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

/**
 * The keyed hash of a 5-tuple: the 128-bit product of its two seeded halves, folded, and mixed once more. The seed is
 * random per cold start, so nobody outside can choose tuples that meet in one bucket.
 */
public final class FlowHash {
    /** 2^64 divided by the golden ratio. */
    private static final long MIX = 0x9E3779B97F4A7C15L;

    /**
     * Low bits choose the bucket, the high 8 are the tag: independent of each other. The second product is needed:
     * consecutive ports and addresses make the first an arithmetic progression, which under one seed in a hundred
     * crowds into few buckets.
     */
    public static long of(final long keyLo, final long keyHi, final long seedLo, final long seedHi) {
        final long a = keyLo ^ seedLo;
        final long b = keyHi ^ seedHi;
        final long mixed = (Math.unsignedMultiplyHigh(a, b) ^ a * b) * MIX;
        return mixed ^ mixed >>> Integer.SIZE;
    }

    private FlowHash() { }
}
