// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(Seeded.class)
class Ipv6AddressTest {
    @Test
    void isWrittenAsRfc5952Says() throws UnknownHostException {
        for (final String text : new String[] {"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1",
            "2001:0:0:1::1", "fe80::1:0:0:1", "2001:db8:1:2:3:4:5:6", "64:ff9b::c000:201"}) {
            assertEquals(text, address(text).toString());
        }
        assertEquals("192.0.2.7", address("192.0.2.7").toString());
        assertEquals("[2001:db8::1]:53", address("2001:db8::1").withPort("53"));
    }

    @Test
    void itsTextReadsBackAsItself(final SplittableRandom random) throws UnknownHostException {
        for (int i = 0; i < 10_000; i++) {
            final IpAddress address = new IpAddress(random.nextLong() & mask(random), random.nextLong() & mask(random));
            if (!address.isIpv4()) {
                assertEquals(address, address(address.toString()), address.toString());
            }
        }
    }

    @Test
    void masksCoverTheFirstBits() {
        assertEquals(0, Ipv6Address.mask(0));
        assertEquals(0, Ipv6Address.mask(-64));
        assertEquals(0x80, Ipv6Address.mask(1));
        assertEquals(0xFFFF_FFFFL, Ipv6Address.mask(32));
        assertEquals(-1, Ipv6Address.mask(64));
        assertEquals(-1, Ipv6Address.mask(96));
    }

    @Test
    void someAddressesCanBeNobodys() throws UnknownHostException {
        for (final String martian : new String[] {"::", "::1", "::192.0.2.1", "ff02::1", "ff0e::1"}) {
            assertTrue(Ipv6Address.cannotBeSource(address(martian).high(), address(martian).low()), martian);
        }
        assertTrue(Ipv6Address.cannotBeSource(0, Ipv6Address.mapped(0x0100_000A)));
        for (final String host : new String[] {"2001:db8::1", "fd00::1", "fe80::1", "::1:0:0:1", "100::"}) {
            assertFalse(Ipv6Address.cannotBeSource(address(host).high(), address(host).low()), host);
        }
        assertTrue(Ipv6Address.isLinkLocal(address("fe80::1").high()));
        assertTrue(Ipv6Address.isLinkLocal(address("febf::1").high()));
        assertFalse(Ipv6Address.isLinkLocal(address("fec0::1").high()));
    }

    /** RFC 4291 2.5.1, appendix A and 2.7.1; RFC 2464 7. */
    @Test
    void linkLocalAndSolicitedNodeAddressesComeFromTheMac() throws UnknownHostException {
        final long mac = 0x7856_3412_DE34L; // 34:de:12:34:56:78
        final IpAddress own = new IpAddress(Ipv6Address.linkLocalHigh(), Ipv6Address.interfaceId(mac));
        assertEquals("fe80::36de:12ff:fe34:5678", own.toString());
        final IpAddress group = new IpAddress(Ipv6Address.solicitedNodeHigh(), Ipv6Address.solicitedNodeLow(own.low()));
        assertEquals("ff02::1:ff34:5678", group.toString());
        assertEquals("33:33:ff:34:56:78", Ethernet.format(Ipv6Address.multicastMac(group.low())));
        assertEquals("ff02::1",
                new IpAddress(Ipv6Address.solicitedNodeHigh(), Ipv6Address.allNodesLow()).toString());
        assertTrue(Ipv6Address.isSolicitedNode(group.high(), group.low(), own.low()));
        assertFalse(Ipv6Address.isSolicitedNode(group.high(), group.low(), own.low() ^ 1L << 56));
    }

    private static long mask(final SplittableRandom random) {
        return Ipv6Address.mask(random.nextInt(65));
    }

    private static IpAddress address(final String text) throws UnknownHostException {
        return IpAddress.of(InetAddress.getByName(text));
    }
}
