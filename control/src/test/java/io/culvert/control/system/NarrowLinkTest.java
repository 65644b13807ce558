// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The way to the server carries less than the client's: what may be fragmented arrives in pieces, and whole. */
class NarrowLinkTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.TAP, """
            defaults: { snat: { address: 192.0.2.1, ports: 20000-65535 } }
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
            """).inner(", mtu: 1280");

    /** Then sockets leave don't-fragment off. */
    @BeforeAll
    static void allowFragments() {
        LAB.client().exec("sysctl", "-qw", "net.ipv4.ip_no_pmtu_disc=1");
    }

    /** Up to 1,472 bytes are one packet for the client, more are fragments of 1,500 that are cut again. */
    @ParameterizedTest
    @ValueSource(ints = {1_252, 1_253, 1_472, 4_096, 60_000})
    @Tag("RFC4787-REQ-13a")
    void datagramsArriveAsTheyWereSentBothWays(final int length) {
        final byte[] payload = new byte[length];
        new Random(length).nextBytes(payload);
        final long tooLong = LAB.counters().dropped("edge", DropReason.MTU_EXCEEDED);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.send(payload, LISTENER);
            final Datagram request = server.receive();
            assertArrayEquals(payload, request.payload());
            server.send(payload, request.from());
            assertArrayEquals(payload, client.receive().payload());
        }
        assertEquals(tooLong, LAB.counters().dropped("edge", DropReason.MTU_EXCEEDED));
    }
}
