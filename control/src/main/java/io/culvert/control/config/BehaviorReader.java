// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The keys of a rule, or of the defaults, that say how it behaves as a NAT: the words of RFC 4787. */
final class BehaviorReader {
    static final List<String> KEYS = List.of("mapping", "filtering", "portPairs");

    private BehaviorReader() {
    }

    /** What the section says, and for the rest what it inherits. */
    static NatBehavior read(final Section section, final NatBehavior inherited) {
        final Mapping mapping = word(section, "mapping", Mapping.values()).orElse(inherited.mapping());
        final Optional<Boolean> pairs = section.value("portPairs",
                text -> Values.oneOf(text, List.of("true", "false")).equals("true")).map(Located::value);
        if (pairs.orElse(false) && mapping != Mapping.ENDPOINT_INDEPENDENT) {
            section.problem(section.keyPlace("portPairs"), "portPairs keeps the two endpoints of a client together, and"
                    + " with this mapping it has more than two. Fix: write mapping: endpoint-independent");
        }
        return new NatBehavior(mapping, word(section, "filtering", Filtering.values()).orElse(inherited.filtering()),
                pairs.orElse(inherited.portPairs()) && mapping == Mapping.ENDPOINT_INDEPENDENT);
    }

    /** Without SNAT there is no external endpoint that the keys could speak of. */
    static void refuse(final Section rule) {
        KEYS.stream().filter(rule::has).forEach(key -> rule.problem(rule.keyPlace(key), key
                + " is about external endpoints, and with snat: none there are none. Fix: remove it, or write a snat"));
    }

    private static <T extends Enum<T>> Optional<T> word(final Section section, final String key, final T[] values) {
        final List<String> words = Arrays.stream(values)
                .map(value -> value.name().toLowerCase(Locale.ROOT).replace('_', '-')).toList();
        return section.value(key, text -> values[words.indexOf(Values.oneOf(text, words))]).map(Located::value);
    }
}
