// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** One port for both directions, in one network with client and server: what the kernel's DNAT and SNAT rules did. */
class OneArmTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.oneArm(RelayLab.Driver.TAP, """
            rules:
              - name: echo
                listen: "198.51.100.1:7890/udp"
                sources: [198.51.100.2/32]
                target: "198.51.100.3:7890"
                snat: { address: 198.51.100.1 }
            """);

    @Test
    void theServerSeesTheRelayAndTheClientSeesTheListener() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.ONE_ARM_SERVER, 7890)) {
            for (int i = 0; i < 100; i++) {
                assertEquals(RelayLab.LISTENER, client.talk(LISTENER, server).from().getHostString());
            }
            assertEquals(1, LAB.counters().created("echo"));
        }
    }
}
