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

class EthernetTest {
    private static final long DESTINATION = 0x665544332211L;
    private static final long SOURCE = 0xFFEEDDCCBBAAL;
    private static final byte[] HEADER = HexFormat.of().parseHex("112233445566" + "aabbccddeeff" + "0800");

    @Test
    void readsTheFieldsOfAFrame() {
        final MemorySegment frame = MemorySegment.ofArray(Arrays.copyOf(HEADER, Wire.VIEW_BYTES));
        assertEquals(DESTINATION, Ethernet.destination(frame));
        assertEquals(SOURCE, Ethernet.source(frame));
        assertEquals(Ethernet.IPV4, Ethernet.etherType(frame));
    }

    @Test
    void writesTheAddressesAndNothingElse() {
        final byte[] written = new byte[Wire.VIEW_BYTES];
        final MemorySegment frame = MemorySegment.ofArray(written);
        frame.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV4);
        Ethernet.setAddresses(frame, DESTINATION | 0xABCDL << 48, SOURCE | 0xABCDL << 48);
        assertArrayEquals(HEADER, Arrays.copyOf(written, Ethernet.HEADER_LENGTH));
        assertEquals(0, frame.get(Wire.LONG, Ethernet.HEADER_LENGTH));
    }

    @Test
    void tellsGroupsFromStations() {
        assertTrue(Ethernet.isGroup(Ethernet.BROADCAST));
        assertTrue(Ethernet.isGroup(0x0100_005E_0001L), "01:00:5e:00:00:01");
        assertFalse(Ethernet.isGroup(0x0100_0000_0002L), "02:00:00:00:00:01");
    }

    @Test
    void readsAsPeopleWriteIt() {
        assertEquals("11:22:33:44:55:66", Ethernet.format(DESTINATION));
        assertEquals("02:00:00:00:00:06", Ethernet.format(0x0600_0000_0002L));
    }
}
