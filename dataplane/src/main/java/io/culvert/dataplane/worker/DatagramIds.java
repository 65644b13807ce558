// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import java.security.SecureRandom;

/**
 * The IP ids of the datagrams that leave in fragments. Senders behind one external address choose theirs without
 * knowledge of each other, and a receiver would put the fragments of two into one (RFC 6864): so each such datagram
 * gets an id of ours. A keyed permutation of a counter: none comes twice before all of this worker's share came once,
 * no other worker has the same ones, and the next cannot be guessed from the last.
 */
final class DatagramIds {
    private static final int ROUNDS = 4;
    private static final int MIX = 0x9E3779B1;
    /** One for all workers: under different permutations their shares would overlap. */
    private static final long KEY = new SecureRandom().nextLong();

    private final int workers;
    private final int number;
    /** How many bits half an id has. */
    private final int half;
    private long count;

    /** @param bits of an id: 16 in IPv4, 32 in IPv6 */
    DatagramIds(final int workers, final int number, final int bits) {
        this.workers = workers;
        this.number = number;
        this.half = bits / 2;
    }

    int next() {
        final int index = (int) (count * workers + number);
        count = (count + 1) % ((1L << 2 * half) / workers);
        return permute(index);
    }

    /** A Feistel network over two halves. */
    private int permute(final int index) {
        int left = index >>> half;
        int right = index & (1 << half) - 1;
        for (int round = 0; round < ROUNDS; round++) {
            final int mixed = (right + (int) (KEY >>> Short.SIZE * round) & 0xFFFF) * MIX >>> Integer.SIZE - half;
            final int next = left ^ mixed;
            left = right;
            right = next;
        }
        return left << half | right;
    }
}
