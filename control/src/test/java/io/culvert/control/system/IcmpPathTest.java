// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.PortUnreachableException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What sockets and path probes learn through the relay: refusals, hops, the path's MTU, and pings of the target. */
class IcmpPathTest {
    /** An address of its own beside the port's, so that the relay and the target can be told apart. */
    private static final String LISTEN_ADDRESS = "198.51.100.100";
    private static final InetSocketAddress LISTENER = at(LISTEN_ADDRESS, 7_890);
    private static final int SERVER_PORT = 7_890;
    private static final int ETHERNET_LENGTH = 14;
    private static final int ETHERTYPE_AT = 12;
    private static final short IPV4 = 0x0800;
    private static final String ROUTER = "10.77.0.1";

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.TAP, """
            defaults: { snat: { address: 192.0.2.1 } }
            rules:
              - { name: media, listen: "198.51.100.100:7890/udp", target: "192.0.2.2:7890", echo: relay }
            """);

    @Test
    @Tag("RFC4787-REQ-12b")
    @Tag("RFC5508-REQ-4")
    void aClientIsRefusedWhereNobodyListensBehindTheRelay() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0).connect(LISTENER)) {
            client.send("anybody there?", LISTENER);
            assertRefused(client);
        }
    }

    @Test
    @Tag("RFC4787-REQ-12b")
    @Tag("RFC5508-REQ-5")
    void aServerIsRefusedWhenTheClientHasGone() {
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, SERVER_PORT)) {
            final InetSocketAddress external;
            try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
                external = client.talk(LISTENER, server).from();
            }
            server.connect(external);
            server.send("still there?", external);
            assertRefused(server);
        }
    }

    private static void assertRefused(final UdpEnd end) {
        final UncheckedIOException refusal = assertThrows(UncheckedIOException.class, end::receive);
        assertInstanceOf(PortUnreachableException.class, refusal.getCause());
    }

    @Test
    @Tag("RFC5508-REQ-10")
    void aTracerouteOfDatagramsShowsTheRelayAndThenTheTargetAsTheListener() {
        assertHops(Ipv4Packet.udp(RelayLab.CLIENT, 33_000, LISTEN_ADDRESS, SERVER_PORT, new byte[32]),
                "icmp 11/0 " + RelayLab.LISTENER, "icmp 3/3 " + LISTEN_ADDRESS);
    }

    @Test
    @Tag("RFC5508-REQ-10")
    void aTracerouteOfEchoesShowsTheRelayAndThenTheTargetAsTheListener() {
        assertHops(Ipv4Packet.icmp(RelayLab.CLIENT, LISTEN_ADDRESS, 8, 0, 0x0BAD_0001, new byte[32]),
                "icmp 11/0 " + RelayLab.LISTENER, "icmp 0/0 " + LISTEN_ADDRESS);
    }

    /** Sends a probe with a time to live of one, then of two; each is answered by the hop where it ends. */
    private static void assertHops(final Ipv4Packet probe, final String first, final String second) {
        final byte[] relayMac = LAB.relayMac();
        try (RawLink link = RawLink.open(LAB.client(), RelayLab.CLIENT_LINK)) {
            for (int ttl = 1; ttl <= 2; ttl++) {
                send(link, relayMac, probe.ttl(ttl));
                final String answer = answer(link, relayMac);
                assertTrue(answer.startsWith(ttl == 1 ? first : second), answer);
            }
        }
    }

    @Test
    @Tag("RFC4787-REQ-13")
    void thePathsMtuThatARouterBeyondTellsReachesTheClientsKernel() {
        final byte[] relayMac = LAB.relayMac();
        try (RawLink router = RawLink.open(LAB.server(), RelayLab.SERVER_LINK);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, SERVER_PORT);
                UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0).connect(LISTENER)) {
            client.send(new byte[1_400], LISTENER);
            final byte[] relayed = router.receive(frame -> UdpFrame.isTo(frame, at(RelayLab.SERVER, SERVER_PORT)));
            final byte[] innerMac = Arrays.copyOfRange(relayed, 6, ETHERTYPE_AT);
            final byte[] quoted = Arrays.copyOfRange(relayed, ETHERNET_LENGTH, ETHERNET_LENGTH + 500);
            send(router, innerMac, Ipv4Packet.icmp(ROUTER, RelayLab.EXTERNAL, 3, 4, 1_280, quoted));
            Eventually.holds(() -> "the client's kernel knows the MTU: " + route(), () -> route().contains("mtu 1280"));
            assertEquals(1_400, server.receive().payload().length);
        }
    }

    private static String route() {
        return LAB.client().ip("route get " + LISTEN_ADDRESS);
    }

    @Test
    @Tag("RFC5508-REQ-1")
    void aPingOfTheListenerReachesTheTarget() {
        final long before = LAB.server().snmp("Icmp", "InEchos");
        LAB.client().exec("ping", "-c", "3", "-i", "0.01", "-W", "10", LISTEN_ADDRESS);
        assertEquals(before + 3, LAB.server().snmp("Icmp", "InEchos"));
        LAB.client().exec("ping", "-c", "1", "-W", "10", RelayLab.LISTENER);
        assertEquals(before + 3, LAB.server().snmp("Icmp", "InEchos"), "where no rule says so the relay answers");
    }

    private static void send(final RawLink link, final byte[] to, final Ipv4Packet packet) {
        final ByteBuffer frame = ByteBuffer.allocate(ETHERNET_LENGTH + packet.bytes().length);
        link.send(frame.put(to).put(link.mac()).putShort(IPV4).put(packet.bytes()).array());
    }

    private static String answer(final RawLink link, final byte[] from) {
        final byte[] frame = link.receive(received -> ByteBuffer.wrap(received).getShort(ETHERTYPE_AT) == IPV4
                && Arrays.equals(Arrays.copyOfRange(received, 6, ETHERTYPE_AT), from));
        return Ipv4Packet.read(Arrays.copyOfRange(frame, ETHERNET_LENGTH, frame.length)).tell(RelayLab.EXTERNAL);
    }
}
