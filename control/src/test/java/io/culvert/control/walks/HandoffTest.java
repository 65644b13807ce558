// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Golden cases through several workers, whose replies arrive at the queue of another than the one that owns the
 * session: translations and counters are those of one worker, and every worker's ledger balances.
 */
class HandoffTest {
    @TempDir
    private Path scratch;

    /** Limits of new sessions are shared out between the workers, so those cases hold for one alone. */
    static Stream<Arguments> cases() throws IOException {
        return GoldenWalk.cases().filter(folder -> !limitsNewSessions(folder)).flatMap(
                folder -> Stream.of(2, 3, 5).map(workers -> Arguments.of(folder, workers)));
    }

    private static boolean limitsNewSessions(final Path folder) {
        try {
            return Files.readString(folder.resolve("config.yaml"))
                    .matches("(?s).*(newPerSecond|perSource|unanswered:|maxSessions).*");
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest(name = "{0} with {1} workers")
    @MethodSource("cases")
    void translatesAsOneWorkerDoes(final Path folder, final int workers) throws IOException {
        new GoldenWalk(folder, workers, scratch).run();
    }

    /** A SNAT port names its owner; where the target sees the clients' addresses, the tables are asked. */
    @ParameterizedTest
    @CsvSource({
        "client-and-target-talk-across-two-ports, 2, 2", "client-and-target-talk-across-two-ports, 5, 2",
        "packets-to-the-pool-without-a-session, 3, 0",
        "snat-none-keeps-the-client-visible, 2, 1", "snat-none-keeps-the-client-visible, 5, 1"})
    void handsRepliesToWhoMayOwnThem(final String name, final int workers, final long hops) throws IOException {
        assertEquals(hops, new GoldenWalk(GoldenWalk.CASES.resolve(name), workers, scratch).run(),
                "packets handed from worker to worker");
    }
}
