// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever the text is, it ends in a configuration or in a Failure: never another exception, never out of memory. */
class HostileConfigTest {

    @ParameterizedTest
    @ValueSource(strings = {"[", "{a: ", "- ", "? ", "\"", "{", "!", "%", "a: |\n ", "ports: {e: {"})
    void repeatedOpeningsEndInAFailure(final String opening) {
        assertThrows(Failure.class, () -> RelayConfig.parse(opening.repeat(100_000), "culvert.yaml"));
    }

    @Test
    void deepNestingIsNamed() {
        final Failure failure = assertThrows(
                Failure.class, () -> RelayConfig.parse("[".repeat(100_000), "culvert.yaml"));
        assertTrue(failure.getMessage().startsWith("culvert.yaml:1:17: nested more than 16 deep"));
    }

    @Test
    void aBillionLaughsAreNotLaughed() {
        final String laughs = "a0: &a0 [x, x]\n" + IntStream.range(1, 40)
                .mapToObj(i -> "a" + i + ": &a" + i + " [*a" + (i - 1) + ", *a" + (i - 1) + "]\n")
                .collect(Collectors.joining());
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.parse(laughs, "culvert.yaml"));
        assertTrue(failure.getMessage().startsWith("culvert.yaml:1:5: anchors (&) and aliases (*)"));
    }

    @Test
    void aHugeScalarIsShownShort() {
        final Failure failure = assertThrows(Failure.class,
                () -> RelayConfig.parse("instance: \"" + "x".repeat(1_000_000) + "\"", "culvert.yaml"));
        assertTrue(failure.getMessage().length() < 2_000, failure.getMessage());
    }

    @Test
    void aHugeTextIsRefusedUnread() {
        final Failure failure = assertThrows(Failure.class,
                () -> RelayConfig.parse("#".repeat(Document.BYTES_LIMIT + 1), "culvert.yaml"));
        assertTrue(failure.getMessage().startsWith("culvert.yaml:1:1: the file is larger than 4 MiB"));
    }

    @Test
    void anEndlessFileIsReadOnlyToTheLimit() {
        final Path endless = Path.of("/dev/zero");
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.load(endless));
        assertTrue(failure.getMessage().startsWith("/dev/zero:1:1: the file is larger than 4 MiB"));
    }

    @Test
    void escapesDoNotReachTheTerminal() {
        final Failure failure = assertThrows(Failure.class,
                () -> RelayConfig.parse("\"a\\e[31m\\nb\": \"\\e[2J\"", "culvert.yaml"));
        assertTrue(failure.getMessage().contains("unknown key \"a?[31m?b\""), failure.getMessage());
        assertTrue(failure.getMessage().chars().noneMatch(c -> c != '\n' && Character.isISOControl(c)));
    }

    @Test
    void thousandsOfMistakesAreCut() {
        final String keys =
                IntStream.range(0, 5_000).mapToObj(i -> "zzzz" + i + ": 1\n").collect(Collectors.joining());
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.parse(keys, "culvert.yaml"));
        assertEquals(101, failure.getMessage().lines().count());
        assertTrue(failure.getMessage().endsWith("\nculvert.yaml: and 4902 more problems"));
    }

    @Test
    void tenThousandRulesOnOneListenerAreOneProblemEach() {
        final String rules = IntStream.range(0, 10_000)
                .mapToObj(i -> "  - { name: r" + i + ", listen: 10.0.0.1:7/udp, target: 10.0.0.2:7, snat: none }\n")
                .collect(Collectors.joining());
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.parse(
                "ports: { lan: { device: net_tap0, address: 10.0.0.1/8 } }\nrules:\n" + rules, "culvert.yaml"));
        assertTrue(failure.getMessage().endsWith("\nculvert.yaml: and 9899 more problems"));
    }

    @Test
    void endlessListsAreRefused() {
        final String many = IntStream.range(0, 200_000).mapToObj(i -> "10.0.0.1/8").collect(Collectors.joining(", "));
        final Failure failure = assertThrows(Failure.class, () -> RelayConfig.parse(
                "ports: { lan: { device: net_tap0, address: [" + many + "] } }", "culvert.yaml"));
        assertTrue(failure.getMessage().contains("1:44: port \"lan\": address has 200000 items, more than 1000"));
    }

    @Test
    void mutatedFilesEndInAConfigurationOrAFailure() throws Exception {
        final long seed = Long.getLong("culvert.seed", 4_787); // the long profile sets another for each run
        System.out.println("seed " + seed);
        final Random random = new Random(seed);
        final String valid = Files.readString(Path.of("..", "deploy", "examples", "appliance.yaml"));
        int refused = 0;
        for (int round = 0; round < 500; round++) {
            final StringBuilder text = new StringBuilder(valid);
            for (int mutation = random.nextInt(1, 4); mutation > 0; mutation--) {
                final int at = random.nextInt(text.length());
                switch (random.nextInt(3)) {
                    case 0 -> text.deleteCharAt(at);
                    case 1 -> text.insert(at, "[]{}:-,&*!#\"'\n\t \u0000\u00e9/9".charAt(random.nextInt(20)));
                    default -> text.delete(at, Math.min(text.length(), at + random.nextInt(1, 200)));
                }
            }
            try {
                RelayConfig.parse(text.toString(), "culvert.yaml");
            } catch (final Failure failure) {
                refused++;
                assertEquals(Failure.INVALID, failure.exitCode());
            }
        }
        assertTrue(refused > 100, "mutations hurt: " + refused);
    }
}
