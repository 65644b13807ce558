// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    /** Each worker has a table of its own, so on another queue there may be room. */
    private static final Pattern FOR_ONE_QUEUE = Pattern.compile("(ipv6-)?flow-table-full");
    /** Workers, and how many queues further packets come in after each restart. */
    private static final List<int[]> SPREADS =
            List.of(new int[] {1, 0}, new int[] {2, 0}, new int[] {2, 1}, new int[] {3, 1});

    @TempDir
    private Path scratch;

    static Stream<Arguments> cases() throws IOException {
        return GoldenWalk.cases().filter(folder -> !isNamed(folder, REMEMBERED_BY_A_PROCESS) && hasSteps(folder))
                .flatMap(folder -> SPREADS.stream()
                        .filter(spread -> spread[0] == 1 || !isNamed(folder, FOR_ONE_WORKER))
                        .filter(spread -> spread[1] == 0 || !isNamed(folder, FOR_ONE_QUEUE))
                        .map(spread -> Arguments.of(folder, spread[0], spread[1])));
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

    /** Also where the NIC spreads packets over the workers in another way than before. */
    @ParameterizedTest(name = "{0} with {1} workers, {2} queues further")
    @MethodSource("cases")
    void theNextRelayTranslatesAsTheFirstWouldHave(final Path folder, final int workers, final int shift)
            throws IOException {
        new GoldenWalk(folder, workers, scratch).runThroughRestarts(shift);
    }
}
