// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.flow.FlowHash;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.security.SecureRandom;

/**
 * The IP ids of datagrams that leave in fragments or may be cut into some on their way. Senders behind one external
 * address choose theirs without knowledge of each other, and a receiver would put the fragments of two into one (RFC
 * 6864 section 5.3.1): so each such datagram gets an id of ours. No other worker has the same ones. A worker's share
 * has two halves that take turns, each time in an order that nobody has seen before: so no id comes back before half of
 * the share has come, and the next cannot be told from all that came (RFC 7739). Packets that forbid fragments keep
 * theirs, which means nothing.
 */
final class DatagramIds {
    private static final int ROUNDS = 4;

    private final int workers;
    private final int number;
    /** How many ids half of the share has; of an odd share one is never used. */
    private final long half;
    /** An index into the half, with as many bits as {@link #half} needs, falls into two parts. */
    private final int lowBits;
    private final int highBits;
    private final long secretLo;
    private final long secretHi;
    /** Which turn of a half this is, and the key of its order. */
    private long turn;
    private long keyLo;
    private long keyHi;
    /** Of this turn. */
    private long count;
    /** The next ids: permuted many at a time, for one alone takes some 40 dependent steps. */
    private final int[] row = new int[Burst.CAPACITY];
    private int rowLength;
    private int taken;

    /** @param bits of an id: 16 in IPv4, 32 in IPv6 */
    DatagramIds(final int workers, final int number, final int bits) {
        final SecureRandom random = new SecureRandom();
        this.workers = workers;
        this.number = number;
        this.half = (1L << bits) / workers / 2;
        final int indexBits = Long.SIZE - Long.numberOfLeadingZeros(half - 1);
        this.lowBits = indexBits / 2;
        this.highBits = indexBits - lowBits;
        this.secretLo = random.nextLong();
        this.secretHi = random.nextLong();
        begin(0);
    }

    int next() {
        if (taken == rowLength) {
            refill();
        }
        return row[taken++];
    }

    private void begin(final long nextTurn) {
        turn = nextTurn;
        keyLo = FlowHash.of(2 * turn, number, secretLo, secretHi);
        keyHi = FlowHash.of(2 * turn + 1, number, secretLo, secretHi);
        count = 0;
    }

    private void refill() {
        if (count == half) {
            begin(turn + 1);
        }
        taken = 0;
        rowLength = (int) Math.min(row.length, half - count);
        final long first = (turn & 1) * half;
        for (int i = 0; i < rowLength; i++) {
            row[i] = (int) ((first + permute(count + i)) * workers + number);
        }
        count += rowLength;
    }

    /** Once more, if what comes out is no index of the half: that is still a permutation, and seldom needed twice. */
    private long permute(final long index) {
        long permuted = mix(index);
        while (permuted >= half) {
            permuted = mix(permuted);
        }
        return permuted;
    }

    /** A Feistel network over two parts of nearly the same length. */
    private long mix(final long index) {
        long low = index & (1L << lowBits) - 1;
        long high = index >>> lowBits;
        for (int round = 0; round < ROUNDS; round += 2) {
            high ^= FlowHash.of(low, round, keyLo, keyHi) >>> Long.SIZE - highBits;
            low ^= FlowHash.of(high, round + 1, keyLo, keyHi) >>> Long.SIZE - lowBits;
        }
        return high << lowBits | low;
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
