// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user of the relay does with sockets of both families, between two networks over AF_XDP. */
class Ipv6TrafficTest {
    @RegisterExtension
    private static final RelayLab LAB = RelayLab.dualStack(RelayLab.Driver.AF_XDP, """
            defaults: { snat: { address: [192.0.2.1, "2001:db8:192::1"], ports: 20000-65535 } }
            rules:
              - { name: four, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
              - { name: six, listen: "[2001:db8:198::1]:7890/udp", target: "[2001:db8:192::2]:7890" }
              - { name: kept, listen: "[2001:db8:198::1]:7600/udp", target: "[2001:db8:192::2]:7600", snat: none }
              - { name: silent, listen: "[2001:db8:198::1]:7700/udp", target: "[2001:db8:192::2]:7700" }
            """);

    /** Nobody knows anybody's MAC address at the start: all of it is neighbor discovery. */
    @Test
    @Tag("RFC8200-3")
    void aClientAndAServerTalkFromAColdStart() {
        LAB.client().ip("neigh flush all");
        LAB.server().ip("neigh flush all");
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            client.connect(at(RelayLab.LISTENER6, 7890));
            final Datagram request = client.talk(at(RelayLab.LISTENER6, 7890), server);
            assertEquals(at(RelayLab.EXTERNAL6, 0).getAddress(), request.from().getAddress());
        }
    }

    @Test
    void bothFamiliesTalkOnOnePortAtOnce() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890);
                UdpEnd client6 = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server6 = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            for (int i = 0; i < 10; i++) {
                client.talk(at(RelayLab.LISTENER, 7890), server);
                client6.talk(at(RelayLab.LISTENER6, 7890), server6);
            }
        }
    }

    @Test
    void withoutSnatTheServerSeesTheClientItself() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7600)) {
            client.connect(at(RelayLab.LISTENER6, 7600));
            assertEquals(client.local(), client.talk(at(RelayLab.LISTENER6, 7600), server).from());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 1_000, 1_451, 1_452})
    void payloadsArriveAsTheyWereSent(final int length) {
        final byte[] payload = new byte[length];
        new Random(length).nextBytes(payload);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            client.send(payload, at(RelayLab.LISTENER6, 7890));
            final Datagram request = server.receive();
            server.send(request.payload(), request.from());
            assertEquals(HexFormat.of().formatHex(payload), HexFormat.of().formatHex(client.receive().payload()));
        }
    }

    /** Kernels at both ends cut them and put them together. */
    @ParameterizedTest
    @ValueSource(ints = {1_453, 4_096, 65_507})
    @Tag("RFC4787-REQ-14")
    @Tag("RFC8200-4.5")
    void longDatagramsArriveAsTheyWereSentBothWays(final int length) {
        final byte[] request = new byte[length];
        new Random(length).nextBytes(request);
        final byte[] answer = new byte[length];
        new Random(-length).nextBytes(answer);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            client.send(request, at(RelayLab.LISTENER6, 7890));
            final Datagram atServer = server.receive();
            assertArrayEquals(request, atServer.payload());
            server.send(answer, atServer.from());
            final Datagram atClient = client.receive();
            assertArrayEquals(answer, atClient.payload());
            assertEquals(at(RelayLab.LISTENER6, 7890), atClient.from());
        }
    }

    @Test
    void theRelayAnswersPingsToItsAddresses() {
        final String linkLocal = linkLocalOfTheRelay();
        for (final String target : new String[] {RelayLab.LISTENER6, RelayLab.EXTERNAL6,
            linkLocal + "%" + RelayLab.CLIENT_LINK}) {
            if (target.equals(RelayLab.EXTERNAL6)) {
                LAB.client().ip("-6 route replace " + RelayLab.EXTERNAL6 + " via " + RelayLab.LISTENER6);
            }
            assertTrue(LAB.client().exec("ping", "-6", "-c", "2", "-i", "0.2", "-W", "10", target)
                    .contains(" 0% packet loss"), target);
        }
    }

    /** fe80:: and the modified EUI-64 of the MAC address that the client's kernel learnt (RFC 4291, appendix A). */
    private static String linkLocalOfTheRelay() {
        final byte[] mac = LAB.relayMac();
        return String.format("fe80::%x:%xff:fe%02x:%02x%02x", (mac[0] ^ 2) << 8 & 0xFF00 | mac[1] & 0xFF,
                mac[2] & 0xFF, mac[3] & 0xFF, mac[4] & 0xFF, mac[5] & 0xFF);
    }

    /** The server's kernel says port unreachable; the client's hears it of the address that it talks to. */
    @Test
    @Tag("RFC5508-REQ-4")
    void aClientHearsThatNobodyListensAtTheTarget() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0)) {
            client.connect(at(RelayLab.LISTENER6, 7700));
            client.send("anybody?", at(RelayLab.LISTENER6, 7700));
            Eventually.holds("the error reaches the client's socket", client::hasReceived);
        }
    }

    @Test
    @Tag("RFC5508-REQ-5")
    void aServerHearsThatTheClientHasGone() {
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            final Datagram request;
            try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0)) {
                request = client.talk(at(RelayLab.LISTENER6, 7890), server);
            }
            server.connect(request.from());
            server.send("still there?", request.from());
            Eventually.holds("the error reaches the server's socket", server::hasReceived);
        }
    }

    @Test
    void streamsGoOnWithTheirPortsWhenTheRelayIsKilledAndStartedAgain() throws Exception {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER6, 7890)) {
            final Datagram before = client.talk(at(RelayLab.LISTENER6, 7890), server);
            LAB.relay().signal("KILL");
            LAB.relay().awaitExit();
            final RelayProcess after = LAB.startRelay();
            assertTrue(after.output().contains(" kept, 0 ended"), after.output());
            server.send("first after the restart", before.from());
            assertEquals("first after the restart", client.receive().text());
            assertEquals(before.from(), client.talk(at(RelayLab.LISTENER6, 7890), server).from());
        }
    }

    @Test
    void whatNobodyListensOnIsCounted() {
        final long before = LAB.counters().dropped("edge", DropReason.NO_RULE);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT6, 0)) {
            client.send("anybody?", at(RelayLab.LISTENER6, 7999));
            Eventually.holds("counted as no_rule",
                    () -> LAB.counters().dropped("edge", DropReason.NO_RULE) == before + 1);
        }
    }
}
