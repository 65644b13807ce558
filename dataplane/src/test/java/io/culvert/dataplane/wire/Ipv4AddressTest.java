// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import org.junit.jupiter.api.Test;

class Ipv4AddressTest {
    @Test
    void keepsTheOrderOfTheWire() throws UnknownHostException {
        assertEquals(0x04030201, address("1.2.3.4"));
        assertEquals("1.2.3.4", Ipv4Address.format(0x04030201));
        assertEquals("255.254.253.252", Ipv4Address.format(address("255.254.253.252")));
        assertEquals("0.0.0.0", Ipv4Address.format(0));
    }

    @Test
    void masksEachPrefixLength() throws UnknownHostException {
        assertEquals(0, Ipv4Address.mask(0));
        assertEquals(address("128.0.0.0"), Ipv4Address.mask(1));
        assertEquals(address("255.255.240.0"), Ipv4Address.mask(20));
        assertEquals(address("255.255.255.254"), Ipv4Address.mask(31));
        assertEquals(-1, Ipv4Address.mask(32));
        for (int length = 0; length <= Integer.SIZE; length++) {
            assertEquals(length, Integer.bitCount(Ipv4Address.mask(length)), "/" + length);
        }
    }

    @Test
    void knowsWhoCannotSend() throws UnknownHostException {
        for (final String martian : new String[] {"0.0.0.0", "0.255.255.255", "127.0.0.1", "127.255.255.255",
                "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255"}) {
            assertTrue(Ipv4Address.cannotBeSource(address(martian)), martian);
        }
        for (final String host : new String[] {"1.0.0.0", "126.255.255.255", "128.0.0.0", "223.255.255.255",
                "10.0.0.1", "192.168.0.224"}) {
            assertFalse(Ipv4Address.cannotBeSource(address(host)), host);
        }
    }

    private static int address(final String text) throws UnknownHostException {
        return Ipv4Address.of((Inet4Address) InetAddress.getByName(text));
    }
}
