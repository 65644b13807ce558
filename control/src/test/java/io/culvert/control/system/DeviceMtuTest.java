// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** No port names its MTU in the configuration; the interface towards the server carries less than 1,500 bytes. */
class DeviceMtuTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890", snat: { address: 192.0.2.1 } }
            """);

    @Test
    void theMtuIsThatOfTheInterface() throws Exception {
        LAB.relay().close();
        LAB.host().ip("link set inner0 mtu 1280");
        LAB.startRelay();
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(LISTENER, server);
            final long before = LAB.counters().dropped("edge", DropReason.MTU_EXCEEDED);
            client.send(new byte[1_253], LISTENER); // 1,281 with its headers, and a socket forbids fragments
            Eventually.holds("one byte too much is refused",
                    () -> LAB.counters().dropped("edge", DropReason.MTU_EXCEEDED) == before + 1);
            client.talk(LISTENER, server);
            assertEquals(before + 1, LAB.counters().dropped("edge", DropReason.MTU_EXCEEDED));
        }
    }
}
