// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Datagrams longer than a packet: kernels at both ends cut them and put them together, over AF_XDP. */
class FragmentedTrafficTest {
    private static final String OTHER_CLIENT = "198.51.100.3";
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final int PIECE = 1_480;
    private static final int FLOWS = 100;
    private static final int FLOOD_PER_FLOW = 20;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            defaults: { snat: { address: 192.0.2.1, ports: 20000-65535 } }
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
            """);

    @ParameterizedTest
    @ValueSource(ints = {1_473, 4_096, 60_000, 65_507})
    @Tag("RFC4787-REQ-14")
    void longDatagramsArriveAsTheyWereSentBothWays(final int length) {
        final byte[] request = bytes(length, 1);
        final byte[] answer = bytes(length, 2);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.send(request, LISTENER);
            final Datagram atServer = server.receive();
            assertArrayEquals(request, atServer.payload());
            assertEquals(RelayLab.EXTERNAL, atServer.from().getHostString());
            server.send(answer, atServer.from());
            final Datagram atClient = client.receive();
            assertArrayEquals(answer, atClient.payload());
            assertEquals(LISTENER, atClient.from());
        }
    }

    @Test
    @Tag("RFC4787-REQ-14")
    void fragmentsInAnyOrderArePutTogetherByTheServer() {
        final byte[] mac = LAB.relayMac();
        final byte[] payload = bytes(4_000, 3);
        try (RawLink link = RawLink.open(LAB.client(), RelayLab.CLIENT_LINK);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final byte[] whole = UdpFrame.of(link.mac(), mac, at(RelayLab.CLIENT, 41_000), LISTENER, payload).bytes();
            int id = 100;
            for (final int[] order : new int[][] {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
                id++;
                for (final int piece : order) {
                    link.send(FragmentFrames.cut(whole, id, piece * PIECE, (piece + 1) * PIECE));
                }
                assertArrayEquals(payload, server.receive().payload(), "order " + Arrays.toString(order));
            }
        }
    }

    /** Both are seen as the relay's external address, so an id kept would have the server mix them up (RFC 6864). */
    @Test
    @Tag("RFC7857-10")
    void twoClientsThatUseTheSameIdAtOnceAreNotMixedUp() {
        final byte[] mac = LAB.relayMac();
        final byte[] mine = bytes(4_000, 4);
        final byte[] theirs = bytes(4_000, 5);
        try (RawLink link = RawLink.open(LAB.client(), RelayLab.CLIENT_LINK);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final byte[] one = UdpFrame.of(link.mac(), mac, at(RelayLab.CLIENT, 42_000), LISTENER, mine).bytes();
            final byte[] other = UdpFrame.of(link.mac(), mac, at(OTHER_CLIENT, 43_000), LISTENER, theirs).bytes();
            for (int from = 0; from < mine.length; from += PIECE) {
                link.send(FragmentFrames.cut(one, 7, from, from + PIECE));
                link.send(FragmentFrames.cut(other, 7, from, from + PIECE));
            }
            final List<byte[]> received = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                received.add(server.receive().payload());
            }
            assertTrue(received.stream().anyMatch(payload -> Arrays.equals(payload, mine)), "the one's datagram");
            assertTrue(received.stream().anyMatch(payload -> Arrays.equals(payload, theirs)), "the other's datagram");
        }
    }

    @Test
    @Tag("RFC4787-REQ-14a")
    void aFloodOfFragmentsWithoutAFirstCostsOthersNothing() {
        final byte[] mac = LAB.relayMac();
        final long before = LAB.counters().dropped("edge", DropReason.FRAGMENT);
        final List<UdpEnd> clients = new ArrayList<>();
        try (RawLink link = RawLink.open(LAB.client(), RelayLab.CLIENT_LINK);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final byte[] whole = UdpFrame.of(link.mac(), mac, at(OTHER_CLIENT, 41_000), LISTENER, bytes(1_400, 6))
                    .bytes();
            int sent = 0;
            for (int flow = 0; flow < FLOWS; flow++) {
                for (int i = 0; i < FLOOD_PER_FLOW; i++) {
                    link.send(FragmentFrames.cut(whole, sent++, 1_000, 1_408));
                }
                final UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                clients.add(client);
                client.talk(LISTENER, server);
                clients.get(flow / 2).talk(LISTENER, server);
            }
            final long all = sent;
            Eventually.holds("every fragment is dropped by name, the last of them after its two seconds",
                    () -> LAB.counters().dropped("edge", DropReason.FRAGMENT) - before == all);
        } finally {
            clients.forEach(UdpEnd::close);
        }
    }

    private static byte[] bytes(final int length, final int seed) {
        final byte[] bytes = new byte[length];
        new Random(seed).nextBytes(bytes);
        return bytes;
    }
}
