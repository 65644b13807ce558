// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.net.InetAddress;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class RelayConfigIpv6Test {
    private static final String BOTH = """
            ports:
              edge:
                device: net_tap0
                address: [203.0.113.1/24, 2001:db8::1/64]
                gateway: [203.0.113.254, fe80::fe]
                neighbors: { 2001:db8::7: 52:54:00:00:00:07, fe80::fe: 52:54:00:00:00:fe }
              inner: { device: net_tap1, address: [192.0.2.1/24, 2001:db8:1::1/64] }
            defaults:
              snat: { address: [192.0.2.1, 2001:db8:1::1], ports: 20000-29999 }
            rules:
              - { name: four, listen: 203.0.113.1:9000/udp, target: 192.0.2.17:9000 }
              - name: six
                listen: "[2001:db8::1]:9000-9001/udp"
                sources: [2001:db8:5::/48, fd00::/8]
                target: "[2001:db8:1::17]:9000-9001"
            metrics: { listen: "[::1]:9470" }
            """;

    @Test
    void rulesOfBothFamiliesShareAPort() {
        final RelayConfig config = RelayConfig.parse(BOTH, "both.yaml");
        final PortConfig edge = config.ports().getFirst();
        final RuleConfig six = config.rules().get(1);
        assertEquals(List.of(address("203.0.113.254"), address("fe80::fe")), edge.gateways());
        assertEquals(MacAddress.parse("52:54:00:00:00:07"), edge.neighbors().get(address("2001:db8::7")));
        assertEquals(address("2001:db8::1"), six.listenAddress());
        assertEquals(new PortRange(9000, 9001), six.listenPorts());
        assertEquals(List.of(Cidr.parse("2001:db8:5::/48"), Cidr.parse("fd00::/8")), six.sources());
        assertEquals(address("2001:db8:1::17"), six.targetAddress());
        assertEquals(address("::1"), config.metrics().orElseThrow().getAddress());
    }

    @Test
    void aRuleTakesTheAddressesOfItsFamilyFromAPoolOfBoth() {
        final List<RuleConfig> rules = RelayConfig.parse(BOTH, "both.yaml").rules();
        assertEquals(Optional.of(List.of(address("192.0.2.1"))), rules.get(0).snat().map(SnatConfig::addresses));
        assertEquals(Optional.of(List.of(address("2001:db8:1::1"))), rules.get(1).snat().map(SnatConfig::addresses));
    }

    @Test
    void familiesAreNotTranslatedIntoEachOther() {
        refuses("\"[2001:db8:1::17]:9000-9001\"", "192.0.2.18:9000-9001",
                "15:13: rule \"six\" listens on IPv6 and has the target 192.0.2.18");
        refuses("[2001:db8:5::/48, fd00::/8]", "[192.0.2.0/24]",
                "14:15: rule \"six\" listens on IPv6 and has the source 192.0.2.0");
        refuses("[192.0.2.1, 2001:db8:1::1]", "192.0.2.1",
                "9:9: rule \"six\" listens on IPv6 and has the SNAT address 192.0.2.1");
    }

    @Test
    void eachFamilyHasOneGatewayAtMost() {
        refuses("[203.0.113.254, fe80::fe]", "[fe80::fe, 2001:db8::ff]",
                "5:25: port \"edge\": gateway 2001:db8::ff is the second of IPv6. Fix: write one for each family");
        refuses("[203.0.113.254, fe80::fe]", "[203.0.113.254, 2001:db8:9::1]",
                "5:30: port \"edge\": gateway 2001:db8:9::1 is in none of the port's networks");
        refuses("[203.0.113.254, fe80::fe]", "203.0.113.254",
                "14:15: rule \"six\" serves 2001:db8:5::/48, which is in no port's network, and no port has a gateway");
    }

    @Test
    void aLinkLocalNeighborNeedsAPortWithIpv6() {
        refuses("[203.0.113.1/24, 2001:db8::1/64]", "203.0.113.1/24",
                "5:30: port \"edge\": gateway fe80::fe is in none of the port's networks");
    }

    private static void refuses(final String valid, final String mistaken, final String message) {
        final Failure failure = assertThrows(Failure.class,
                () -> RelayConfig.parse(BOTH.replace(valid, mistaken), "both.yaml"));
        assertTrue(failure.getMessage().contains("both.yaml:" + message), failure.getMessage());
    }

    private static InetAddress address(final String text) {
        return InetAddress.ofLiteral(text);
    }
}
