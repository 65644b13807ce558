// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.wire.Ipv4Address;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MartiansTest {
    private static final List<Link> LINKS = List.of(
            link(0, new Subnet(address("192.0.2.10"), Ipv4Address.mask(24)),
                    new Subnet(address("198.51.100.20"), Ipv4Address.mask(30))),
            link(1, new Subnet(address("10.0.0.10"), Ipv4Address.mask(31)),
                    new Subnet(address("10.0.1.10"), Ipv4Address.mask(32))));

    /** The two outer addresses of each network, but of none that has less than four (RFC 3021). */
    @ParameterizedTest
    @CsvSource({
            "192.0.2.0, true", "192.0.2.255, true", "192.0.2.1, false", "192.0.2.254, false", "192.0.3.0, false",
            "198.51.100.20, true", "198.51.100.23, true", "198.51.100.21, false", "198.51.100.24, false",
            "10.0.0.10, false", "10.0.0.11, false", "10.0.1.10, false",
            "203.0.113.1, true", "0.0.0.0, true", "127.0.0.1, true", "224.0.0.1, true", "255.255.255.255, true"
    })
    void aNetworkKeepsItsOuterAddresses(final String source, final boolean isMartian) {
        final Martians martians = new Martians(new AddressSet(List.of(address("203.0.113.1"))), LINKS);
        assertEquals(isMartian, martians.contains(address(source)));
    }

    private static Link link(final int index, final Subnet... subnets) {
        return new Link(index, "port-" + index, index, 1_500, List.of(subnets), Link.NO_GATEWAY, Link.UNTAGGED);
    }

    private static int address(final String text) {
        return Ipv4Address.of((Inet4Address) InetAddress.ofLiteral(text));
    }
}
