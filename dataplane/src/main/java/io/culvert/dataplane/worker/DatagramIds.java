// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;

/**
 * The IP ids of datagrams that leave in fragments or may be cut into some on their way. Senders behind one external
 * address choose theirs without knowledge of each other, and a receiver would put the fragments of two into one (RFC
 * 6864 section 5.3.1): so each such datagram gets an id of ours. A keyed permutation of a counter: none comes twice
 * before all of this worker's share came once, no other worker has the same ones, and the next cannot be guessed from
 * the last. Packets that forbid fragments keep theirs, which means nothing.
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
    private final long share;
    /** How many ids have been made, before it starts anew. */
    private long count;
    /** The next ids: permuted many at a time, for one alone takes 20 dependent steps. */
    private final int[] row = new int[Burst.CAPACITY];
    private int rowLength;
    private int taken;

    /** @param bits of an id: 16 in IPv4, 32 in IPv6 */
    DatagramIds(final int workers, final int number, final int bits) {
        this.workers = workers;
        this.number = number;
        this.half = bits / 2;
        this.share = (1L << bits) / workers;
    }

    int next() {
        if (taken == rowLength) {
            refill();
        }
        return row[taken++];
    }

    private void refill() {
        taken = 0;
        rowLength = (int) Math.min(row.length, share - count);
        final int first = (int) (count * workers + number);
        for (int i = 0; i < rowLength; i++) {
            row[i] = permute(first + i * workers);
        }
        count = count + rowLength == share ? 0 : count + rowLength;
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

    /** A stage of the IPv4 walk, behind the rewrite: whole packets that leave and that a router may cut. */
    void stamp(final Burst burst) {
        final MemorySegment packets = burst.lines();
        final int leaving = burst.count;
        for (int i = 0; i < leaving; i++) {
            final MemorySegment packet = CacheLines.line(packets, i);
            final MemorySegment frame = NativeMemory.view(packet.get(LONG, Burst.FRAME), Wire.VIEW_BYTES);
            if (packet.get(INT, Burst.EGRESS) != Burst.NOWHERE
                    && (frame.get(Wire.SHORT, Ipv4.FRAGMENT) & Ipv4.DONT_FRAGMENT) == 0) {
                final int id = next();
                final int delta = Checksum.delta(0, frame.get(Wire.SHORT, Ipv4.ID) & 0xFFFF, id);
                final int checksum = frame.get(Wire.SHORT, Ipv4.CHECKSUM) & 0xFFFF;
                frame.set(Wire.SHORT, Ipv4.ID, (short) id);
                frame.set(Wire.SHORT, Ipv4.CHECKSUM, (short) Checksum.update(checksum, delta));
            }
        }
    }
}
