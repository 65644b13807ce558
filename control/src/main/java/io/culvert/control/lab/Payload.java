// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * What the client sends: a header that vouches for itself and a pattern that follows from flow and sequence, so that a
 * change of any byte or of the length shows.
 * <pre>
 *  byte 0               4               8
 *     0 | magic         | run           |   identity: one client run
 *     8 | flow          | sequence      |
 *    16 | send time, monotonic ns       |
 *    24 | check of the words above and the length
 *    32 | pattern to the end ...
 * </pre>
 */
final class Payload {
    static final int HEADER_LENGTH = 32;
    static final int LENGTH_LIMIT = 65_507;

    private static final int MAGIC = 0x43554C56;
    private static final int IDENTITY = 0;
    private static final int FLOW = IDENTITY + Long.BYTES;
    private static final int SEQUENCE = FLOW + Integer.BYTES;
    private static final int SENT_NS = SEQUENCE + Integer.BYTES;
    private static final int CHECK = SENT_NS + Long.BYTES;

    /** Patterns are stretches of one random block: copying and comparing them runs at the speed of memory. */
    private static final int PATTERN_STARTS = 4096;
    private static final long PATTERN_SEED = 7890;
    private static final MemorySegment PATTERN = pattern();

    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED;
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED;

    private Payload() {
    }

    /** The first word of every packet of one client run. */
    static long identity(final int run) {
        return (long) run << Integer.SIZE | MAGIC;
    }

    static void write(final MemorySegment memory, final long at, final int length, final long identity,
            final int flow, final int sequence, final long sentNs) {
        memory.set(LONG, at + IDENTITY, identity);
        memory.set(INT, at + FLOW, flow);
        memory.set(INT, at + SEQUENCE, sequence);
        memory.set(LONG, at + SENT_NS, sentNs);
        memory.set(LONG, at + CHECK, check(memory, at, length));
        MemorySegment.copy(
                PATTERN, patternStart(flow, sequence), memory, at + HEADER_LENGTH, length - HEADER_LENGTH);
    }

    /** Whether the header is as some client wrote it. After this the accessors speak the truth. */
    static boolean isSound(final MemorySegment memory, final long at, final int length) {
        return length >= HEADER_LENGTH && memory.get(LONG, at + CHECK) == check(memory, at, length);
    }

    static boolean hasItsPattern(final MemorySegment memory, final long at, final int length) {
        final long start = patternStart(flow(memory, at), sequence(memory, at));
        return MemorySegment.mismatch(PATTERN, start, start + length - HEADER_LENGTH,
                memory, at + HEADER_LENGTH, at + length) < 0;
    }

    static long identity(final MemorySegment memory, final long at) {
        return memory.get(LONG, at + IDENTITY);
    }

    static int flow(final MemorySegment memory, final long at) {
        return memory.get(INT, at + FLOW);
    }

    static int sequence(final MemorySegment memory, final long at) {
        return memory.get(INT, at + SEQUENCE);
    }

    static long sentNs(final MemorySegment memory, final long at) {
        return memory.get(LONG, at + SENT_NS);
    }

    private static long check(final MemorySegment memory, final long at, final int length) {
        final long identity = mixed(memory.get(LONG, at + IDENTITY) + length);
        final long place = mixed(identity ^ memory.get(LONG, at + FLOW));
        return mixed(place ^ memory.get(LONG, at + SENT_NS));
    }

    private static long patternStart(final int flow, final int sequence) {
        return mixed((long) flow << Integer.SIZE | Integer.toUnsignedLong(sequence)) & (PATTERN_STARTS - 1);
    }

    /** SplitMix64's finalizer: every input bit reaches every output bit. */
    private static long mixed(final long word) {
        final long once = (word ^ word >>> 30) * 0xBF58476D1CE4E5B9L;
        final long twice = (once ^ once >>> 27) * 0x94D049BB133111EBL;
        return twice ^ twice >>> 31;
    }

    private static MemorySegment pattern() {
        final byte[] bytes = new byte[LENGTH_LIMIT + PATTERN_STARTS];
        new SplittableRandom(PATTERN_SEED).nextBytes(bytes);
        final MemorySegment pattern = Arena.global().allocate(bytes.length);
        MemorySegment.copy(bytes, 0, pattern, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return pattern;
    }
}
