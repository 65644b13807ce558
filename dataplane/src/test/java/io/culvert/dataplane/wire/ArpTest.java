// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class ArpTest {
    private static final long OUR_MAC = 0x0600_0000_0002L;      // 02:00:00:00:00:06
    private static final long THEIR_MAC = 0x0506_0708_090AL;    // 0a:09:08:07:06:05
    private static final int OURS = 0x0102_A8C0;                // 192.168.2.1
    private static final int THEIRS = 0x0902_A8C0;              // 192.168.2.9
    private static final byte[] REPLY = HexFormat.of().parseHex("0a0908070605" + "020000000006" + "0806"
            + "0001" + "0800" + "06" + "04" + "0002" + "020000000006" + "c0a80201" + "0a0908070605" + "c0a80209");

    @Test
    void readsTheFieldsOfAFrame() {
        final MemorySegment frame = padded(REPLY);
        assertTrue(Arp.isValid(frame, Arp.FRAME_LENGTH));
        assertEquals(Ethernet.ARP, Ethernet.etherType(frame));
        assertEquals(Arp.REPLY, Arp.operation(frame));
        assertEquals(OUR_MAC, Arp.senderMac(frame));
        assertEquals(OURS, Arp.senderAddress(frame));
        assertEquals(THEIRS, Arp.targetAddress(frame));
    }

    @Test
    void writesTheSameBytes() {
        final byte[] written = new byte[Wire.VIEW_BYTES];
        Arrays.fill(written, (byte) 0xEE);
        Arp.write(MemorySegment.ofArray(written), Arp.REPLY, OUR_MAC, OURS, THEIR_MAC, THEIRS);
        assertArrayEquals(REPLY, Arrays.copyOf(written, Arp.FRAME_LENGTH));
    }

    @Test
    void asksEverybodyForAnUnknownMac() {
        final MemorySegment frame = padded(new byte[Arp.FRAME_LENGTH]);
        Arp.write(frame, Arp.REQUEST, OUR_MAC, OURS, 0, THEIRS);
        assertEquals(Ethernet.BROADCAST, Ethernet.destination(frame));
        assertEquals(0, frame.get(Wire.INT, 32) | frame.get(Wire.SHORT, 36), "target MAC");
        assertEquals(THEIRS, Arp.targetAddress(frame));
        assertEquals(Arp.REQUEST, Arp.operation(frame));
    }

    @Test
    void isValidFromItsWholeLengthOn() {
        for (int length = 0; length <= Wire.VIEW_BYTES; length++) {
            assertEquals(length >= 42, Arp.isValid(padded(REPLY), length), length + " bytes");
        }
    }

    @Test
    void isForIpv4OverEthernetOnly() {
        for (int at = Ethernet.HEADER_LENGTH; at < Ethernet.HEADER_LENGTH + 6; at++) {
            final byte[] other = REPLY.clone();
            other[at]++;
            assertFalse(Arp.isValid(padded(other), Arp.FRAME_LENGTH), "byte " + at);
        }
    }

    private static MemorySegment padded(final byte[] frame) {
        return MemorySegment.ofArray(Arrays.copyOf(frame, Wire.VIEW_BYTES));
    }
}
