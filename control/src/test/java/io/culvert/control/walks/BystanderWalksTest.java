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
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every golden case again, with a {@link WalkBystander} in the same bursts: what the folder says holds to the byte, and
 * what the bystander sends leaves as if the case were not.
 */
class BystanderWalksTest {
    @TempDir
    private Path scratch;

    /** Where new sessions are limited for all senders together, the bystander's counts too. */
    static Stream<Path> cases() throws IOException {
        return GoldenWalk.cases().filter(folder -> !limitsNewSessions(folder));
    }

    private static boolean limitsNewSessions(final Path folder) {
        try {
            return Files.readString(folder.resolve("config.yaml")).matches("(?s).*(newPerSecond|unanswered:).*");
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void walksAsTheFolderSaysAndLeavesTheBystanderAlone(final Path folder) throws IOException {
        assertEquals(0, GoldenWalk.withBystander(folder, scratch).run(), "one worker has nobody to hand a packet to");
    }
}
