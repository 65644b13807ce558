// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * What the relay says of itself about packets that it cannot send on, and how long it remembers echo queries.
 *
 * @param errors time exceeded, fragmentation needed
 * @param refusals also that no session could be opened
 * @param echoTimeout how long a relayed echo query may be silent
 */
public record IcmpConfig(boolean errors, int ratePerSecond, boolean refusals, Duration echoTimeout) {
    private static final List<String> KEYS = List.of("errors", "ratePerSecond", "refusals", "echoTimeout");
    /** RFC 5508 REQ-2: not less. */
    private static final Duration DEFAULT_ECHO_TIMEOUT = Duration.ofSeconds(60);
    private static final int DEFAULT_RATE = 100;
    private static final int RATE_HIGHEST = 100_000;

    static IcmpConfig read(final Section file, final Problems problems) {
        final Optional<Section> icmp = file.node("icmp").flatMap(node ->
                Section.ofKeys(node, "icmp", "icmp: { errors: true, ratePerSecond: 100 }", KEYS, problems));
        return new IcmpConfig(
                icmp.flatMap(section -> flag(section, "errors")).orElse(true),
                icmp.flatMap(section -> section.value("ratePerSecond", Values.integer(1, RATE_HIGHEST)))
                        .map(Located::value).orElse(DEFAULT_RATE),
                icmp.flatMap(section -> flag(section, "refusals")).orElse(false),
                icmp.flatMap(section -> section.value("echoTimeout", Values::duration))
                        .map(Located::value).orElse(DEFAULT_ECHO_TIMEOUT));
    }

    private static Optional<Boolean> flag(final Section section, final String key) {
        final Function<String, String> parser = text -> Values.oneOf(text, List.of("true", "false"));
        return section.value(key, parser).map(word -> Boolean.valueOf(word.value()));
    }
}
