// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.lab.Echo;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.BitSet;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** TTL and checksums as kernels and packet sockets at both ends see them, over TAP devices. */
class PacketFieldsTest {
    private static final InetSocketAddress CLIENT = at(RelayLab.CLIENT, 41_000);
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final InetSocketAddress PRESERVING = at(RelayLab.LISTENER, 7891);
    private static final InetSocketAddress SERVER = at(RelayLab.SERVER, 7890);
    private static final byte[] PAYLOAD = "look at the header".getBytes();
    /** Packets on their way during a sweep: fewer than any ring or socket buffer holds. */
    private static final int WINDOW = 128;
    private static final int WORDS = 1 << Short.SIZE;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.TAP, """
            defaults: { snat: { address: 192.0.2.1 } }
            rules:
              - { name: plain, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
              - { name: preserving, listen: "198.51.100.1:7891/udp", target: "192.0.2.2:7891", ttl: preserve }
              - { name: echo, listen: "198.51.100.1:7892/udp", target: "192.0.2.2:7892" }
            """);

    private static RawLink clientLink;
    private static RawLink serverLink;
    private static byte[] relayMac;

    @BeforeAll
    static void openLinks() {
        relayMac = LAB.relayMac();
        clientLink = RawLink.open(LAB.client(), RelayLab.CLIENT_LINK);
        serverLink = RawLink.open(LAB.server(), RelayLab.SERVER_LINK);
    }

    @AfterAll
    static void closeLinks() {
        clientLink.close();
        serverLink.close();
    }

    @Test
    void aPacketWhoseTimeToLiveIsTwoArrivesWithOne() {
        clientLink.send(packet(LISTENER).ttl(2).bytes());
        final UdpFrame relayed = arrived(SERVER);
        assertEquals(1, relayed.ttl());
        assertIntact(relayed);
    }

    @Test
    void aPacketWhoseTimeToLiveIsOneEndsHereAlsoWithinASession() {
        clientLink.send(packet(LISTENER).bytes());
        arrived(SERVER);
        final long exceeded = LAB.counters().dropped("edge", DropReason.TTL_EXCEEDED);
        final long relayed = LAB.counters().packets("plain", "forward");
        clientLink.send(packet(LISTENER).ttl(1).bytes());
        Eventually.holds("the packet is counted as ttl_exceeded",
                () -> LAB.counters().dropped("edge", DropReason.TTL_EXCEEDED) == exceeded + 1);
        assertEquals(relayed, LAB.counters().packets("plain", "forward"));
    }

    @Test
    void aRuleThatPreservesTheTimeToLiveDoesSo() {
        clientLink.send(packet(PRESERVING).ttl(1).bytes());
        final UdpFrame relayed = arrived(at(RelayLab.SERVER, 7891));
        assertEquals(1, relayed.ttl());
        assertIntact(relayed);
    }

    @Test
    @Tag("RFC768-none")
    void anAbsentChecksumStaysAbsent() {
        clientLink.send(packet(LISTENER).udpChecksum(0).bytes());
        final UdpFrame relayed = arrived(SERVER);
        assertEquals(0, relayed.udpChecksum());
        assertTrue(relayed.isIpChecksumRight());
        assertArrayEquals(PAYLOAD, relayed.payload());
    }

    @Test
    @Tag("RFC1624-wrong")
    void aBadChecksumStaysBadSoThatTheReceiverRefusesIt() {
        final long before = LAB.server().snmp("Udp", "InCsumErrors");
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, SERVER.getPort());
                UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
            clientLink.send(packet(LISTENER).udpChecksum(packet(LISTENER).udpChecksum() ^ 0x0400).bytes());
            final UdpFrame relayed = arrived(SERVER);
            assertEquals(relayed.rightUdpChecksum() ^ 0x0400, relayed.udpChecksum());
            assertEquals("hello", client.talk(LISTENER, server).text(), "only the good packet is delivered");
            assertFalse(server.hasReceived());
        }
        assertEquals(before + 1, LAB.server().snmp("Udp", "InCsumErrors"));
    }

    /** Every value of one payload word takes the checksum through each of its own values, zero included. */
    @Test
    @Tag("RFC1624-3")
    @Tag("RFC768-zero")
    void kernelsAtBothEndsAcceptEveryChecksum() {
        final long endpoint = SocketAddress.of(at(RelayLab.SERVER, 7892));
        try (Echo echo = LAB.server().call(() -> {
            final Echo created = new Echo(endpoint, 1);
            created.start();
            return created;
        }); UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
            final BitSet returned = new BitSet(WORDS);
            for (int word = 0; word < WORDS + WINDOW; word++) {
                if (word < WORDS) {
                    client.send(ByteBuffer.allocate(Short.BYTES).putShort((short) word).array(),
                            at(RelayLab.LISTENER, 7892));
                }
                if (word >= WINDOW) {
                    returned.set(Short.toUnsignedInt(ByteBuffer.wrap(client.receive().payload()).getShort()));
                }
            }
            assertEquals(WORDS, returned.cardinality());
            assertEquals(WORDS, echo.report().received());
        }
        assertEquals(0, LAB.client().snmp("Udp", "InCsumErrors"), "at the client");
        assertEquals(WORDS, LAB.counters().packets("echo", "reply"));
    }

    private static UdpFrame packet(final InetSocketAddress listener) {
        return UdpFrame.of(clientLink.mac(), relayMac, CLIENT, listener, PAYLOAD);
    }

    private static UdpFrame arrived(final InetSocketAddress target) {
        return UdpFrame.read(serverLink.receive(frame -> UdpFrame.isTo(frame, target)));
    }

    private static void assertIntact(final UdpFrame relayed) {
        assertEquals(RelayLab.EXTERNAL, relayed.from().getHostString());
        assertEquals(relayed.rightUdpChecksum(), relayed.udpChecksum());
        assertTrue(relayed.isIpChecksumRight());
        assertArrayEquals(PAYLOAD, relayed.payload());
    }
}
