// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PayloadTest {
    private static final long IDENTITY = Payload.identity(42);
    private static final int AT = 3;

    @ParameterizedTest
    @ValueSource(ints = {32, 33, 758, 1472, 65_507})
    void readsBackWhatItWrote(final int length) {
        final MemorySegment memory = written(length);
        assertTrue(isIntact(memory, length));
        assertEquals(IDENTITY, Payload.identity(memory, AT));
        assertEquals(7, Payload.flow(memory, AT));
        assertEquals(-2, Payload.sequence(memory, AT));
        assertEquals(123_456_789_012L, Payload.sentNs(memory, AT));
    }

    @Test
    void noticesEveryFlippedBit() {
        final int length = 200;
        final MemorySegment memory = written(length);
        for (int bit = 0; bit < length * Byte.SIZE; bit++) {
            flip(memory, bit);
            assertFalse(isIntact(memory, length), "bit " + bit);
            flip(memory, bit);
        }
        assertTrue(isIntact(memory, length));
    }

    @Test
    void noticesAFlippedBitAnywhereInTheLongestPayload() {
        final long seed = Long.getLong("culvert.seed", 4_787); // the long profile sets another for each run
        final SplittableRandom random = new SplittableRandom(seed);
        final MemorySegment memory = written(65_507);
        for (int i = 0; i < 500; i++) {
            final int bit = random.nextInt(65_507 * Byte.SIZE);
            flip(memory, bit);
            assertFalse(isIntact(memory, 65_507), "bit " + bit + ", seed " + seed);
            flip(memory, bit);
        }
    }

    @Test
    void noticesAChangedLength() {
        final MemorySegment memory = written(758);
        assertFalse(isIntact(memory, 757));
        assertFalse(isIntact(memory, 759));
        assertFalse(isIntact(memory, 31));
        assertFalse(isIntact(memory, 0));
    }

    @Test
    void noticesThePatternOfAnotherPacket() {
        final MemorySegment memory = written(758);
        final MemorySegment other = MemorySegment.ofArray(new byte[800]);
        Payload.write(other, AT, 758, IDENTITY, 7, -1, 123_456_789_012L);
        final int tail = AT + Payload.HEADER_LENGTH;
        MemorySegment.copy(other, tail, memory, tail, 758 - Payload.HEADER_LENGTH);
        assertFalse(isIntact(memory, 758));
    }

    private static MemorySegment written(final int length) {
        final MemorySegment memory = MemorySegment.ofArray(new byte[AT + length + 8]);
        Payload.write(memory, AT, length, IDENTITY, 7, -2, 123_456_789_012L);
        return memory;
    }

    private static boolean isIntact(final MemorySegment memory, final int length) {
        return Payload.isSound(memory, AT, length) && Payload.hasItsPattern(memory, AT, length);
    }

    private static void flip(final MemorySegment memory, final int bit) {
        final long at = AT + bit / Byte.SIZE;
        final byte old = memory.get(ValueLayout.JAVA_BYTE, at);
        memory.set(ValueLayout.JAVA_BYTE, at, (byte) (old ^ 1 << bit % Byte.SIZE));
    }
}
