// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SnatPortsLimitTest {
    @Test
    void asManyPortsAsTheLimitAreTaken() {
        assertEquals(3, parse(1_024, "1024-65535").rules().size());
    }

    @Test
    void oneAddressMoreIsRefusedWithTheMend() {
        final String message = assertThrows(Failure.class, () -> parse(1_025, "1024-65535")).getMessage();
        assertTrue(message.contains("66124800 ports, more than 66060288"), message);
        assertTrue(message.contains("Fix: use fewer"), message);
    }

    /** The third rule has the first one's pool, whose ports count once. */
    private static RelayConfig parse(final int addresses, final String ports) {
        return RelayConfig.parse("""
                ports:
                  p: { device: net_null0, address: 192.0.2.1/24, gateway: 192.0.2.254 }
                rules:
                - name: a
                  listen: 192.0.2.1:9000/udp
                  target: 192.0.2.7:1
                  snat: { address: [%1$s], ports: %3$s }
                - name: b
                  listen: 192.0.2.1:9001/udp
                  target: 192.0.2.7:1
                  snat: { address: [%2$s], ports: %3$s }
                - name: c
                  listen: 192.0.2.1:9002/udp
                  target: 192.0.2.7:1
                  snat: { address: [%1$s], ports: %3$s }
                """.formatted(list(0, 1_000), list(1_000, addresses), ports), "test");
    }

    private static String list(final int from, final int end) {
        return IntStream.range(from, end).mapToObj(i -> "10.3." + (i >> Byte.SIZE) + "." + (i & 0xFF))
                .collect(Collectors.joining(", "));
    }
}
