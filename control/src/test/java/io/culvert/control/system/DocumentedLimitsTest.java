// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What docs/configuration.md allows at the most starts, under the flags of the real daemon and the heap that is the
 * same for all: each case is a process that gets ready and ends. Devices without hardware, without huge pages.
 */
class DocumentedLimitsTest {
    private static final int RULES = 10_000;
    /** The file has 4 MiB at the most, which these nearly fill. */
    private static final int RULES_OF_A_THOUSAND_SOURCES = 220;

    private static Namespace host;

    @TempDir
    private Path state;

    @BeforeAll
    static void makeHost() {
        host = Namespace.create("limits");
    }

    @AfterAll
    static void removeHost() {
        host.close();
    }

    @Test
    void tenThousandRulesWithAListeningAddressEachAndTwoWorkers() throws IOException {
        starts(1, 2, list(RULES, i -> rule(i, "10.1." + bytes(i), 9_000, "9999", "192.0.2.7",
                "[10.2." + bytes(i) + "/32]", "none")));
    }

    @Test
    void tenThousandRulesWithAPoolEach() throws IOException {
        starts(1, 1, list(RULES, i -> rule(i, "10.1." + bytes(i), 9_000, "9999", "192.0.2.7", "[0.0.0.0/0]",
                "{ address: 10.3." + bytes(i) + ", ports: 2000-2999 }")));
    }

    @Test
    void tenThousandRangesThatOverlapOnOneAddress() throws IOException {
        starts(1, 2, list(RULES, i -> rule(i, "10.1.0.1", 10_000, Integer.toString(10_000 + i), "192.0.2.7",
                "[10.2." + bytes(i) + "/32]", "none")));
    }

    @Test
    void rulesOfAThousandSourcesToTheEndOfTheFile() throws IOException {
        starts(1, 1, list(RULES_OF_A_THOUSAND_SOURCES, i -> rule(i, "10.1.0.1", 9_000, "9999", "192.0.2.7",
                "[" + IntStream.range(0, 1_000).mapToObj(j -> (100 + (i * 1_000 + j >> 16)) + "."
                        + bytes(i * 1_000 + j & 0xFFFF) + ".0/24").collect(Collectors.joining(",")) + "]", "none")));
    }

    @Test
    void allSnatPortsThatThereMayBe() throws IOException {
        starts(1, 2, list(2, i -> rule(i, "10.1.0." + (1 + i), 9_000, "9999", "192.0.2.7", "[0.0.0.0/0]",
                "{ address: [" + IntStream.range(i * 1_000, i == 0 ? 1_000 : 1_024).mapToObj(j -> "10.3." + bytes(j))
                        .collect(Collectors.joining(",")) + "], ports: 1024-65535 }")));
    }

    @Test
    void thirtyTwoPorts() throws IOException {
        starts(32, 1, rule(0, "10.1.0.1", 9_000, "9999", "192.0.2.7", "[0.0.0.0/0]", "none"));
    }

    private void starts(final int ports, final int workers, final String rules) throws IOException {
        final String yaml = "instance: " + RelayLab.instance("limits") + "\nports:\n"
                + list(ports, i -> "  p%d: { device: net_null%d, address: 192.0.%d.1/24%s }\n".formatted(i, i, 2 + i,
                        i == 0 ? ", gateway: 192.0.2.254" : ""))
                + "workers: { count: %d }\nmemory: { huge: false }\nmetrics: none\nrules:\n".formatted(workers) + rules;
        try (RelayProcess relay = RelayProcess.start(host, state, Map.of(), yaml)) {
            relay.awaitReady();
            assertTrue(relay.isAlive(), relay.output());
        }
    }

    private static String rule(final int number, final String listen, final int low, final String high,
                               final String target, final String sources, final String snat) {
        return "- { name: r%d, listen: \"%s:%d-%s/udp\", target: \"%s:7000\", sources: %s, snat: %s }\n"
                .formatted(number, listen, low, high, target, sources, snat);
    }

    /** The last two bytes of an address. */
    private static String bytes(final int number) {
        return (number >> Byte.SIZE) + "." + (number & 0xFF);
    }

    private static String list(final int count, final IntFunction<String> item) {
        return IntStream.range(0, count).mapToObj(item).collect(Collectors.joining());
    }
}
