// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.dataplane.wire.Ipv4Address;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.util.Locale;

/**
 * The packets of testpmd's {@code flowgen}, and a relay's configuration that makes sessions of them. flowgen counts the
 * destination up and leaves the rest alone, so client and target are one endpoint here: an even destination is a
 * listener, the odd one behind it the SNAT address of its session. Then one packet in two goes forward and the other is
 * the reply to it, and both come back over the wire.
 */
final class WireTraffic {
    /** Destinations, two a session. flowgen's own default. */
    static final int FLOWS = 1_024;

    /** The generator, client and target. In digits: 10.254.0.0, which in a /31 is a host. */
    private static final int GENERATOR = 10 << 24 | 254 << 16;
    private static final int FIRST_DESTINATION = 10 << 24 | 253 << 16;
    private static final int GENERATOR_PORT = 1_000;
    private static final int DESTINATION_PORT = 1_001;
    private static final String GENERATOR_MAC = "00:01:02:03:04:00";
    private static final String RELAY_MAC = "00:01:02:03:04:01";
    /** First byte lowest. */
    private static final long GENERATOR_MAC_BITS = 0x00_04_03_02_01_00L;
    private static final long RELAY_MAC_BITS = 0x01_04_03_02_01_00L;
    /** Ethernet header and check sequence, IPv4 and UDP header. */
    private static final int HEADERS = 14 + 4 + 20 + 8;

    /** @param device the relay's end of the wire */
    static String relayConfig(final String device, final int cpu, final boolean huge) {
        final StringBuilder config = new StringBuilder(String.format(Locale.ROOT, """
                instance: wire
                ports:
                  wire:
                    device: "%s"
                    address: %s/31
                    mac: "%s"
                    neighbors: { %s: "%s" }
                workers: { cores: [%d], poll: busy }
                memory: { huge: %s }
                metrics: none
                rules:
                """, device, digits(GENERATOR + 1), RELAY_MAC, digits(GENERATOR), GENERATOR_MAC, cpu, huge));
        for (int flow = 0; flow < FLOWS; flow += 2) {
            config.append(String.format(Locale.ROOT, "  - { name: s%d, listen: %s:%d/udp, target: %s:%d,"
                    + " snat: { address: %s, ports: %d-%d } }%n", flow / 2, digits(FIRST_DESTINATION + flow),
                    DESTINATION_PORT, digits(GENERATOR), GENERATOR_PORT, digits(FIRST_DESTINATION + flow + 1),
                    DESTINATION_PORT, DESTINATION_PORT));
        }
        return config.toString();
    }

    /** The first 64 bytes of flowgen's packets. @param frameSize with check sequence */
    static Headers headers(final int frameSize, final Arena arena) {
        final Headers headers =
                new Headers(FLOWS, new Payload(frameSize - HEADERS), RELAY_MAC_BITS, GENERATOR_MAC_BITS, true, arena);
        final int ports = Short.toUnsignedInt(Wire.net16(GENERATOR_PORT))
                | Wire.net16(DESTINATION_PORT) << Short.SIZE;
        for (int flow = 0; flow < FLOWS; flow++) {
            final long destination = Integer.toUnsignedLong(Integer.reverseBytes(FIRST_DESTINATION + flow));
            headers.udp(flow, destination << Integer.SIZE
                    | Integer.toUnsignedLong(Integer.reverseBytes(GENERATOR)), ports);
            // flowgen computes none.
            headers.segment().set(Wire.SHORT, (long) flow * Headers.LENGTH + Udp.CHECKSUM, (short) 0);
        }
        return headers;
    }

    private static String digits(final int address) {
        return Ipv4Address.format(Integer.reverseBytes(address));
    }

    private WireTraffic() { }
}
