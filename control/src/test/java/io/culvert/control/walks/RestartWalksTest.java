// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Golden cases of several steps, with a relay of its own for each step: nobody notices that there are several. Left out
 * is what only a process remembers: which next hops it has asked for and what waits for them, fragments, how many
 * sessions were opened in this second.
 */
class RestartWalksTest {
    private static final Pattern REMEMBERED_BY_A_PROCESS = Pattern.compile("(ipv6-)?fragments-(?!of-one).*|mtu-cuts-.*"
            + "|(nd-)?next-hop-.*|filtering-waits-.*|vlan-answers-.*|limit-of-(new|unanswered)-.*");
    /** Each worker enforces its share of a limit, so these hold for one alone. */
    private static final Pattern FOR_ONE_WORKER = Pattern.compile("limit-of-.*");

    @TempDir
    private Path scratch;

    static Stream<Arguments> cases() throws IOException {
        return GoldenWalk.cases().filter(folder -> !isNamed(folder, REMEMBERED_BY_A_PROCESS) && hasSteps(folder))
                .flatMap(folder -> Stream.of(1, 2)
                        .filter(workers -> workers == 1 || !isNamed(folder, FOR_ONE_WORKER))
                        .map(workers -> Arguments.of(folder, workers)));
    }

    private static boolean isNamed(final Path folder, final Pattern pattern) {
        return pattern.matcher(folder.getFileName().toString()).matches();
    }

    private static boolean hasSteps(final Path folder) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(file -> file.getFileName().toString().matches("in-.*\\.2\\.pcap"));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @ParameterizedTest(name = "{0} with {1} workers")
    @MethodSource("cases")
    void theNextRelayTranslatesAsTheFirstWouldHave(final Path folder, final int workers) throws IOException {
        new GoldenWalk(folder, workers, scratch).runThroughRestarts();
    }
}
