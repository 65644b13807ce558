// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The incremental update against a sum over all bytes, written the slow way in network order. */
@ExtendWith(Seeded.class)
class ChecksumProperties {
    private static final int ROUNDS = 100_000;
    private static final int ALL = 0xFFFF;
    private static final int VALUES = 1 << Short.SIZE;

    @Test
    @Tag("RFC1624-3")
    void deltaEqualsRecomputation(final SplittableRandom random) {
        final byte[] frame = new byte[Wire.VIEW_BYTES];
        final MemorySegment view = MemorySegment.ofArray(frame);
        for (int round = 0; round < ROUNDS; round++) {
            random.nextBytes(frame);
            view.set(Wire.SHORT, Ipv4.CHECKSUM, Wire.net16(headerChecksum(frame)));
            assertTrue(Checksum.isIpv4HeaderRight(view), "round " + round);
            final int source = random.nextInt();
            final int destination = random.nextInt();
            int delta = Checksum.delta(0, view.get(Wire.INT, Ipv4.SOURCE), source);
            delta = Checksum.delta(delta, view.get(Wire.INT, Ipv4.DESTINATION), destination);
            final int checksum = Short.toUnsignedInt(view.get(Wire.SHORT, Ipv4.CHECKSUM));
            view.set(Wire.INT, Ipv4.SOURCE, source);
            view.set(Wire.INT, Ipv4.DESTINATION, destination);
            assertEquals(headerChecksum(frame), Wire.host16(Checksum.update(checksum, delta)), "round " + round);
        }
    }

    @Test
    @Tag("RFC1624-3")
    void deltaEqualsRecomputationForEveryValueOfAWord(final SplittableRandom random) {
        final byte[] frame = new byte[Wire.VIEW_BYTES];
        random.nextBytes(frame);
        final MemorySegment view = MemorySegment.ofArray(frame);
        final int first = random.nextInt(VALUES);
        view.set(Wire.SHORT, Ipv4.SOURCE, (short) first);
        final int checksum = Short.toUnsignedInt(Wire.net16(headerChecksum(frame)));
        for (int value = 0; value < VALUES; value++) {
            view.set(Wire.SHORT, Ipv4.SOURCE, (short) value);
            final int expected = headerChecksum(frame);
            final int updated = Checksum.update(checksum, Checksum.delta(0, first, value));
            assertEquals(expected, Wire.host16(updated), "from " + first + " to " + value);
        }
    }

    @Test
    @Tag("RFC1624-3")
    @Tag("RFC768-zero")
    void udpDeltaEqualsRecomputationForEveryValueOfAWord(final SplittableRandom random) {
        final byte[] datagram = new byte[32];
        random.nextBytes(datagram);
        final MemorySegment view = MemorySegment.ofArray(datagram);
        final int first = random.nextInt(VALUES);
        view.set(Wire.SHORT, 0, (short) first);
        final int checksum = udpChecksum(datagram);
        for (int value = 0; value < VALUES; value++) {
            view.set(Wire.SHORT, 0, (short) value);
            final int expected = udpChecksum(datagram);
            final int updated = Checksum.updateUdp(Short.toUnsignedInt(Wire.net16(checksum)),
                    Checksum.delta(0, first, value));
            assertEquals(expected, Wire.host16(updated), "from " + first + " to " + value);
        }
    }

    @Test
    @Tag("RFC768-none")
    @Tag("RFC768-zero")
    void everyUdpChecksumGoesThereAndBack(final SplittableRandom random) {
        for (int checksum = 0; checksum < VALUES; checksum++) {
            final int from = random.nextInt();
            final int to = random.nextInt();
            final int there = Checksum.updateUdp(checksum, Checksum.delta(0, from, to));
            assertEquals(checksum == 0, there == 0, "absent stays absent, present stays present: " + checksum);
            assertEquals(checksum, Checksum.updateUdp(there, Checksum.delta(0, to, from)),
                    checksum + " with " + from + " for " + to);
        }
    }

    @Test
    @Tag("RFC1624-wrong")
    void wrongStaysWrongByTheSameDifference(final SplittableRandom random) {
        for (int error = 1; error < ALL; error++) {
            final int right = random.nextInt(1, ALL);
            final int delta = Checksum.delta(0, random.nextInt(), random.nextInt());
            final int wrong = onesComplementSum(right, error);
            final int difference =
                    onesComplementSum(Checksum.update(wrong, delta), ~Checksum.update(right, delta) & ALL);
            assertEquals(error, difference % ALL, "of " + right);
        }
    }

    /** The example of RFC 1624, section 4. */
    @Test
    @Tag("RFC1624-4")
    void updatesTheExampleOfRfc1624() {
        final int delta = Checksum.delta(0, 0x5555, 0x3285);
        assertEquals(0x0000, Checksum.update(0xDD2F, delta));
        assertEquals(0xFFFF, Checksum.updateUdp(0xDD2F, delta), "a computed zero is sent as all ones");
        assertEquals(0, Checksum.updateUdp(0, delta), "none stays none");
    }

    @Test
    @Tag("RFC1071-1")
    void sumsEveryLengthFromEveryOffset(final SplittableRandom random) {
        final byte[] bytes = new byte[128];
        random.nextBytes(bytes);
        for (int from = 0; from < 8; from++) {
            for (int length = 0; from + length <= bytes.length; length++) {
                final int sum = Checksum.sum(MemorySegment.ofArray(bytes), from, length);
                assertEquals(slowSum(bytes, from, length), Wire.host16(sum), length + " bytes from " + from);
            }
        }
    }

    @Test
    @Tag("RFC1071-1")
    void sumsTheLongestPacketOfAllOnes() {
        final byte[] bytes = new byte[VALUES - 1];
        Arrays.fill(bytes, (byte) 0xFF);
        final int expected = slowSum(bytes, 0, bytes.length);
        assertEquals(expected, Wire.host16(Checksum.sum(MemorySegment.ofArray(bytes), 0, bytes.length)));
    }

    @Test
    @Tag("RFC1071-1")
    void everyFlippedBitOfAHeaderIsSeen(final SplittableRandom random) {
        final byte[] frame = new byte[Wire.VIEW_BYTES];
        random.nextBytes(frame);
        final MemorySegment view = MemorySegment.ofArray(frame);
        view.set(Wire.SHORT, Ipv4.CHECKSUM, Wire.net16(headerChecksum(frame)));
        for (int bit = 0; bit < Ipv4.HEADER_LENGTH * Byte.SIZE; bit++) {
            final int at = Ethernet.HEADER_LENGTH + bit / Byte.SIZE;
            frame[at] ^= (byte) (1 << bit % Byte.SIZE);
            assertFalse(Checksum.isIpv4HeaderRight(view), "bit " + bit);
            frame[at] ^= (byte) (1 << bit % Byte.SIZE);
        }
        assertTrue(Checksum.isIpv4HeaderRight(view));
    }

    /** Both forms of zero sum to all ones; which one a host sent does not matter. */
    @Test
    @Tag("RFC1071-zero")
    void eitherZeroIsARightHeaderChecksum() {
        final byte[] frame = new byte[Wire.VIEW_BYTES];
        final MemorySegment view = MemorySegment.ofArray(frame);
        view.set(Wire.SHORT, Ipv4.VERSION_IHL, (short) 0x0045);
        view.set(Wire.SHORT, Ipv4.SOURCE, (short) ~0x0045);
        assertTrue(Checksum.isIpv4HeaderRight(view), "0x0000");
        view.set(Wire.SHORT, Ipv4.CHECKSUM, (short) 0xFFFF);
        assertTrue(Checksum.isIpv4HeaderRight(view), "0xFFFF");
    }

    @Test
    void aHeaderOfNothingIsNotRight() {
        assertFalse(Checksum.isIpv4HeaderRight(MemorySegment.ofArray(new byte[Wire.VIEW_BYTES])));
    }

    private static int headerChecksum(final byte[] frame) {
        final byte[] header = new byte[Ipv4.HEADER_LENGTH];
        System.arraycopy(frame, Ethernet.HEADER_LENGTH, header, 0, header.length);
        ByteBuffer.wrap(header).putShort(Ipv4.CHECKSUM - Ethernet.HEADER_LENGTH, (short) 0);
        return ~slowSum(header, 0, header.length) & ALL;
    }

    /** Of a datagram without the checksum in it: 0 is sent as all ones. */
    private static int udpChecksum(final byte[] datagram) {
        final int checksum = ~slowSum(datagram, 0, datagram.length) & ALL;
        return checksum == 0 ? ALL : checksum;
    }

    /** RFC 1071: 16-bit words in network order, an odd byte is the high half of its word, end-around carry. */
    private static int slowSum(final byte[] bytes, final int from, final int length) {
        int sum = 0;
        for (int i = 0; i < length; i++) {
            sum = onesComplementSum(sum, (bytes[from + i] & 0xFF) << (i % 2 == 0 ? Byte.SIZE : 0));
        }
        return sum;
    }

    private static int onesComplementSum(final int a, final int b) {
        final int sum = a + b;
        return (sum & ALL) + (sum >>> Short.SIZE);
    }
}
