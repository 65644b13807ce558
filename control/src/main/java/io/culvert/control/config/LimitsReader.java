// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/** The section {@code limits}, and the limits that a rule may have. */
final class LimitsReader {
    private static final List<String> KEYS = List.of("flows", "newPerSecond", "perSource", "unanswered");
    private static final List<String> SOURCE_KEYS = List.of("prefix", "prefix6", "maxSessions", "newPerSecond");
    private static final String SOURCE_EXAMPLE = "perSource: { prefix: 32, maxSessions: 100, newPerSecond: 20 }";
    private static final int DEFAULT_FLOWS = 262_144;
    private static final int SESSIONS_HIGHEST = 16_777_216;
    private static final int RATE_HIGHEST = 10_000_000;

    private LimitsReader() {
    }

    static LimitsConfig read(final Section file, final Problems problems) {
        final Optional<Section> limits = file.node("limits").flatMap(node ->
                Section.ofKeys(node, "limits", "limits: { flows: 262144 }", KEYS, problems));
        final Optional<Section> perSource = limits.flatMap(section -> section.node("perSource")).flatMap(node ->
                Section.ofKeys(node, "limits: perSource", SOURCE_EXAMPLE, SOURCE_KEYS, problems));
        return new LimitsConfig(
                limits.flatMap(section -> section.value("flows", Values::flows))
                        .map(Located::value).orElse(DEFAULT_FLOWS),
                optional(limits, "newPerSecond", RATE_HIGHEST),
                optional(limits, "unanswered", SESSIONS_HIGHEST),
                new LimitsConfig.PerSource(
                        prefix(perSource, "prefix", Integer.SIZE),
                        prefix(perSource, "prefix6", Long.SIZE),
                        optional(perSource, "maxSessions", SESSIONS_HIGHEST),
                        optional(perSource, "newPerSecond", RATE_HIGHEST)));
    }

    private static int prefix(final Optional<Section> perSource, final String key, final int longest) {
        return perSource.flatMap(section -> section.value(key, Values.integer(1, longest)))
                .map(Located::value).orElse(longest);
    }

    static OptionalInt maxSessions(final Section rule) {
        return optional(Optional.of(rule), "maxSessions", SESSIONS_HIGHEST);
    }

    static OptionalInt newPerSecond(final Section rule) {
        return optional(Optional.of(rule), "newPerSecond", RATE_HIGHEST);
    }

    private static OptionalInt optional(final Optional<Section> section, final String key, final int highest) {
        return section.flatMap(present -> present.value(key, Values.integer(1, highest)))
                .map(value -> OptionalInt.of(value.value())).orElse(OptionalInt.empty());
    }
}
