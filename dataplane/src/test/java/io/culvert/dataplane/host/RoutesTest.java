// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.math.BigInteger;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;
import org.junit.jupiter.api.Test;

class RoutesTest {
    private static final int EDGE_GATEWAY = address("192.0.2.1");
    private static final int INNER_GATEWAY = address("10.0.0.1");
    private static final Link EDGE = link(0, EDGE_GATEWAY, subnet("192.0.2.10", 24), subnet("198.51.100.10", 28));
    private static final Link INNER = link(1, INNER_GATEWAY, subnet("10.0.0.10", 16));

    @Test
    void aConnectedDestinationIsItsOwnNextHop() {
        final Routes routes = new Routes(List.of(EDGE, INNER));
        for (int ingress = 0; ingress < 2; ingress++) {
            goesTo(routes, address("10.0.255.255"), ingress, 1, address("10.0.255.255"));
            goesTo(routes, address("192.0.2.255"), ingress, 0, address("192.0.2.255"));
            goesTo(routes, address("198.51.100.15"), ingress, 0, address("198.51.100.15"));
        }
    }

    @Test
    void othersGoBackToTheGatewayOfThePortTheyCameInOn() {
        final Routes routes = new Routes(List.of(EDGE, INNER));
        goesTo(routes, address("198.51.100.16"), 0, 0, EDGE_GATEWAY);
        goesTo(routes, address("10.1.0.0"), 1, 1, INNER_GATEWAY);
    }

    @Test
    void anotherPortsGatewayIsBetterThanNone() {
        final Link silent = link(0, Link.NO_GATEWAY, subnet("192.0.2.10", 24));
        final Routes routes = new Routes(List.of(silent, INNER));
        goesTo(routes, address("203.0.113.1"), 0, 1, INNER_GATEWAY);
        assertEquals(Routes.NONE, new Routes(List.of(silent)).find(0, Ipv6Address.mapped(address("203.0.113.1")), 0));
    }

    @Test
    void eachFamilyHasGatewaysOfItsOwn() throws UnknownHostException {
        final IpAddress router = ipv6("fe80::1");
        final Link edge = new Link(0, "edge", 0, 1_500, List.of(Subnet.of(ipv6("2001:db8::1"), 64),
                subnet("192.0.2.10", 24)), EDGE_GATEWAY, Link.UNTAGGED);
        final Link inner = new Link(1, "inner", 0, 1_500, List.of(Subnet.of(ipv6("2001:db8:1::1"), 64)), 0, router,
                Link.UNTAGGED);
        final Routes routes = new Routes(List.of(edge, inner));
        goesTo(routes, ipv6("2001:db8::ffff"), 1, 0, ipv6("2001:db8::ffff"));
        goesTo(routes, ipv6("2001:db8:2::1"), 0, 1, router);
        goesTo(routes, address("203.0.113.1"), 1, 0, EDGE_GATEWAY);
        assertEquals(Routes.NONE, new Routes(List.of(edge)).find(ipv6("2001:db8:2::1").high(), 1, 0));
    }

    @Test
    void anIpv6SubnetReachesFromItsFirstToItsLastAddress() throws UnknownHostException {
        for (final int length : new int[] {1, 48, 63, 64, 65, 100, 127, 128}) {
            final Subnet subnet = Subnet.of(ipv6("8000:db8::1:1"), length);
            final BigInteger first = number("8000:db8::1:1").shiftRight(128 - length).shiftLeft(128 - length);
            final BigInteger last = first.add(BigInteger.ONE.shiftLeft(128 - length)).subtract(BigInteger.ONE);
            assertTrue(contains(subnet, first) && contains(subnet, last), "/" + length);
            assertFalse(contains(subnet, first.subtract(BigInteger.ONE)), "/" + length);
            assertFalse(contains(subnet, last.add(BigInteger.ONE)), "/" + length);
            assertEquals("8000:db8::1:1/" + length, subnet.toString());
        }
        assertFalse(subnet("192.0.2.10", 0).contains(1, 1), "IPv4's whole world has no IPv6 in it");
    }

    @Test
    void speaksToANeighbourFromTheAddressOfItsNetwork() {
        assertEquals(address("198.51.100.10"), EDGE.addressTowards(address("198.51.100.1")));
        assertEquals(address("192.0.2.10"), EDGE.addressTowards(address("192.0.2.1")));
        assertEquals(address("192.0.2.10"), EDGE.addressTowards(address("203.0.113.1")), "the first, to strangers");
    }

    @Test
    void aSubnetReachesFromItsFirstToItsLastAddress() {
        final Subnet subnet = subnet("198.51.100.10", 28);
        assertTrue(subnet.contains(address("198.51.100.0")) && subnet.contains(address("198.51.100.15")));
        assertFalse(subnet.contains(address("198.51.99.255")) || subnet.contains(address("198.51.100.16")));
        assertEquals("198.51.100.10/28", subnet.toString());
    }

    private static void goesTo(final Routes routes, final int destination, final int ingress, final int link,
                               final int nextHop) {
        goesTo(routes, new IpAddress(0, Ipv6Address.mapped(destination)), ingress, link,
                new IpAddress(0, Ipv6Address.mapped(nextHop)));
    }

    private static void goesTo(final Routes routes, final IpAddress destination, final int ingress, final int link,
                               final IpAddress nextHop) {
        final int route = routes.find(destination.high(), destination.low(), ingress);
        assertEquals(link, Routes.link(route));
        try (Arena arena = Arena.ofConfined()) {
            final Neighbors neighbors = new Neighbors(List.of(EDGE, INNER), arena);
            assertEquals(neighbors.configure(link, nextHop.high(), nextHop.low()),
                    routes.nextHop(neighbors, route, destination.high(), destination.low()), "by " + nextHop);
        }
    }

    private static IpAddress ipv6(final String text) throws UnknownHostException {
        return IpAddress.of(InetAddress.getByName(text));
    }

    private static BigInteger number(final String text) throws UnknownHostException {
        return new BigInteger(1, InetAddress.getByName(text).getAddress());
    }

    private static boolean contains(final Subnet subnet, final BigInteger address) {
        return subnet.contains(Long.reverseBytes(address.shiftRight(64).longValue()),
                Long.reverseBytes(address.longValue()));
    }

    private static Link link(final int index, final int gateway, final Subnet... subnets) {
        return new Link(index, "port-" + index, index, 1_500, List.of(subnets), gateway, Link.UNTAGGED);
    }

    private static Subnet subnet(final String address, final int prefixLength) {
        return new Subnet(address(address), Ipv4Address.mask(prefixLength));
    }

    private static int address(final String text) {
        try {
            return Ipv4Address.of((Inet4Address) InetAddress.getByName(text));
        } catch (final UnknownHostException e) {
            throw new IllegalArgumentException(e);
        }
    }
}
