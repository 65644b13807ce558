// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The relay as its neighbors' kernels know it: ARP, echo, and next hops that come and go; over AF_XDP. */
class HostOnItsNetworksTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final InetSocketAddress LATE = at(RelayLab.LISTENER, 7891);
    private static final String LATE_SERVER = "192.0.2.9";
    /** More than may wait for one next hop. */
    private static final int TOO_MANY = 200;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            defaults: { snat: { address: 192.0.2.1 } }
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
              - { name: late, listen: "198.51.100.1:7891/udp", target: "192.0.2.9:7891" }
            """);

    @Test
    void theKernelLearnsTheRelaysAddressByArp() {
        LAB.client().ip("neigh flush all");
        final byte[] device = HexFormat.ofDelimiter(":").parseHex(
                LAB.host().exec("cat", "/sys/class/net/edge0/address").trim());
        assertArrayEquals(device, LAB.relayMac());
    }

    @Test
    void bothAddressesAnswerEcho() {
        final long edge = answered("edge");
        final long inner = answered("inner");
        LAB.client().exec("ping", "-c", "3", "-i", "0.2", "-W", "10", RelayLab.LISTENER);
        LAB.server().exec("ping", "-c", "3", "-i", "0.2", "-W", "10", "-s", "1472", RelayLab.EXTERNAL);
        assertEquals(edge + 3, answered("edge"));
        assertEquals(inner + 3, answered("inner"));
    }

    private static long answered(final String port) {
        return LAB.counters().total("culvert_answered_packets_total{port=\"" + port + "\",protocol=\"icmp\"}");
    }

    @Test
    void packetsToADeadNextHopAreDroppedByNameUntilItLives() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            for (int i = 0; i < TOO_MANY; i++) {
                client.send("is anybody there?", LATE);
            }
            client.talk(LISTENER, server); // others are not held up
            Eventually.holds(() -> TOO_MANY + " packets counted as neighbor_unresolved: " + unresolved(),
                    () -> unresolved() == TOO_MANY);

            LAB.server().ip("addr add " + LATE_SERVER + "/24 dev " + RelayLab.SERVER_LINK);
            try (UdpEnd late = UdpEnd.open(LAB.server(), LATE_SERVER, 7891)) {
                Eventually.holds("the next hop is found", () -> {
                    client.send("is anybody there?", LATE);
                    return late.hasReceived();
                });
            }
        }
    }

    private static long unresolved() {
        return LAB.counters().dropped("edge", DropReason.NEIGHBOR_UNRESOLVED);
    }

    @Test
    void trafficResumesWhenTheTargetsLinkComesBack() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final InetSocketAddress external = client.talk(LISTENER, server).from();
            LAB.server().ip("link set " + RelayLab.SERVER_LINK + " down");
            final long received = LAB.counters().total("culvert_port_receive_packets_total{port=\"edge\"}");
            for (int i = 0; i < TOO_MANY; i++) {
                client.send("lost", LISTENER);
            }
            Eventually.holds("the relay has seen them all", () ->
                    LAB.counters().total("culvert_port_receive_packets_total{port=\"edge\"}") >= received + TOO_MANY);
            LAB.server().ip("link set " + RelayLab.SERVER_LINK + " up");
            Eventually.holds("a packet gets through", () -> {
                client.send("found", LISTENER);
                return server.hasReceived();
            });
            server.send("and back", external);
            assertEquals("and back", client.receive().text());
        }
    }
}
