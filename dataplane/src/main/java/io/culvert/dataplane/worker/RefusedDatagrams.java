// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import java.util.Arrays;

/**
 * The datagrams whose first fragment was refused a moment ago, so that those who follow it take no room. A place for
 * each hash, and whoever comes later takes it: then some fragments wait in vain, as they would without a first.
 */
final class RefusedDatagrams {
    private static final int PLACES = 1_024;

    private final long patienceMs;
    private final long[] hashes = new long[PLACES];
    private final long[] sinceMs = new long[PLACES];

    /** @param patienceMs how long the others of a datagram may follow */
    RefusedDatagrams(final long patienceMs) {
        this.patienceMs = patienceMs;
        Arrays.fill(sinceMs, -patienceMs);
    }

    /** @param hash of the datagram, keyed */
    void add(final long hash, final long nowMs) {
        hashes[place(hash)] = hash;
        sinceMs[place(hash)] = nowMs;
    }

    boolean contains(final long hash, final long nowMs) {
        return hashes[place(hash)] == hash && nowMs - sinceMs[place(hash)] < patienceMs;
    }

    private static int place(final long hash) {
        return (int) hash & PLACES - 1;
    }
}
