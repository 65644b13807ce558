// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.wire.Wire;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ToeplitzTest {
    /** Of the verification suite that Microsoft published with receive side scaling. */
    private static final Toeplitz PUBLISHED = new Toeplitz(HexFormat.of().parseHex(
            "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa"));

    @ParameterizedTest
    @CsvSource({
        "66.9.149.187, 2794, 161.142.100.80, 1766, 51ccc178", "199.92.111.2, 14230, 65.69.140.83, 4739, c626b0ea",
        "24.19.198.95, 12898, 12.22.207.184, 38024, 5c2b394a", "38.27.205.30, 48228, 209.142.163.6, 2217, afc7327f",
        "153.39.163.191, 44251, 202.188.127.2, 1303, 10e828a2"})
    void agreesWithThePublishedVectorsOfIpv4(final String source, final int sourcePort, final String destination,
                                             final int destinationPort, final String hash) throws IOException {
        assertEquals(Integer.parseUnsignedInt(hash, 16), hash(PUBLISHED, source, sourcePort, destination,
                destinationPort));
    }

    @ParameterizedTest
    @CsvSource({
        "3ffe:2501:200:1fff::7, 2794, 3ffe:2501:200:3::1, 1766, 40207d3d",
        "3ffe:501:8::260:97ff:fe40:efab, 14230, ff02::1, 4739, dde51bbf",
        "3ffe:1900:4545:3:200:f8ff:fe21:67cf, 44251, fe80::200:f8ff:fe21:67cf, 38024, 02d1feef"})
    void agreesWithThePublishedVectorsOfIpv6(final String source, final int sourcePort, final String destination,
                                             final int destinationPort, final String hash) throws IOException {
        assertEquals(Integer.parseUnsignedInt(hash, 16), hash(PUBLISHED, source, sourcePort, destination,
                destinationPort));
    }

    /** What DPDK's own rte_softrss says about random keys and packets; native/test/softrss.c wrote the file. */
    @Test
    void agreesWithDpdk() throws IOException {
        try (InputStream file = ToeplitzTest.class.getResourceAsStream("/softrss.txt")) {
            final List<String> lines = new String(file.readAllBytes(), StandardCharsets.US_ASCII).lines().toList();
            assertEquals(200, lines.size());
            for (final String line : lines) {
                final String[] fields = line.split(" ");
                assertEquals(Integer.parseUnsignedInt(fields[5], 16),
                        hash(new Toeplitz(HexFormat.of().parseHex(fields[0])), fields[1], Integer.parseInt(fields[2]),
                                fields[3], Integer.parseInt(fields[4])), line);
            }
        }
    }

    private static int hash(final Toeplitz toeplitz, final String source, final int sourcePort,
                            final String destination, final int destinationPort) throws UnknownHostException {
        final int ports = Wire.net16(sourcePort) & 0xFFFF | Wire.net16(destinationPort) << Short.SIZE;
        final ByteBuffer from = bytes(source);
        final ByteBuffer to = bytes(destination);
        return from.capacity() == Integer.BYTES ? toeplitz.ofIpv4(from.getInt(0), to.getInt(0), ports)
                : toeplitz.ofIpv6(from.getLong(0), from.getLong(8), to.getLong(0), to.getLong(8), ports);
    }

    private static ByteBuffer bytes(final String address) throws UnknownHostException {
        return ByteBuffer.wrap(InetAddress.getByName(address).getAddress()).order(ByteOrder.LITTLE_ENDIAN);
    }
}
