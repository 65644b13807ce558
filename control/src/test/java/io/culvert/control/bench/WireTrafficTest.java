// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.config.RelayConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class WireTrafficTest {
    /** flowgen's packet number 3 of 64 bytes, without payload and check sequence; the checksum by another program. */
    private static final String FLOWGEN = "000102030401" + "000102030400" + "0800"
            + "4500002e00000000401164c2" + "0afe0000" + "0afd0003" + "03e803e9" + "001a0000";

    @Test
    void theRelayTakesTheConfiguration() {
        final String config = WireTraffic.relayConfig("net_memif0,id=0", 1, false);
        assertEquals(WireTraffic.FLOWS / 2, RelayConfig.parse(config, "wire").rules().size());
    }

    @Test
    void thePacedSourceSendsWhatFlowgenSends() {
        try (Arena arena = Arena.ofConfined()) {
            final byte[] sent = WireTraffic.headers(64, arena).segment()
                    .asSlice(3L * Headers.LENGTH, 42).toArray(ValueLayout.JAVA_BYTE);
            assertEquals(FLOWGEN, HexFormat.of().formatHex(sent));
        }
    }
}
