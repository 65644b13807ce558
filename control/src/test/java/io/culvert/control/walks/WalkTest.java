// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Walks every golden case of {@code resources/walks} through the relay over net_pcap devices: frames out and counters
 * are exactly as the folder says, the ledger balances and every buffer is back. The folder is the test; see its README.
 */
class WalkTest {
    @TempDir
    private Path scratch;

    static Stream<Path> cases() throws IOException {
        return GoldenWalk.cases();
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void walksAsTheFolderSays(final Path folder) throws IOException {
        assertEquals(0, new GoldenWalk(folder, 1, scratch).run(), "one worker has nobody to hand a packet to");
    }
}
