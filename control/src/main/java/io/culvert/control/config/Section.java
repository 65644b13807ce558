// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;
import org.snakeyaml.engine.v2.nodes.Tag;

/**
 * One map of the file. Reading a value from it either gives the value with its place, or notes the problem and gives
 * nothing, so that the reader goes on to the next value. Parsers throw IllegalArgumentException with a message that
 * opens with the quoted text; the section puts its own name and the key in front.
 */
final class Section {
    /** Of items in a list of values, and of names in a map: the checks compare them in pairs. */
    static final int LIST_LIMIT = 1_000;

    private record Entry(Place keyPlace, Node value) {
    }

    private final String title;
    private final Place place;
    private final Problems problems;
    private final Map<String, Entry> entries = new LinkedHashMap<>();

    /** @param title what messages call it, like {@code rule "cam-42"}; empty for the whole file */
    private Section(final String title, final Place place, final Problems problems) {
        this.title = title;
        this.place = place;
        this.problems = problems;
    }

    /** A map whose keys are names that the operator chose. */
    static Optional<Section> ofNames(final Node node, final String title, final String example,
            final Problems problems) {
        if (!(node instanceof final MappingNode mapping)) {
            problems.add(Place.of(node.getStartMark()), prefix(title) + "must be a map of keys and values, not "
                    + kindOf(node) + ". Fix: write " + example);
            return Optional.empty();
        }
        final Section section = new Section(title, Place.of(node.getStartMark()), problems);
        mapping.getValue().forEach(section::take);
        return Optional.of(section);
    }

    /** A map whose keys are the given ones. */
    static Optional<Section> ofKeys(final Node node, final String title, final String example,
            final Collection<String> keys, final Problems problems) {
        final Optional<Section> section = ofNames(node, title, example, problems);
        section.ifPresent(present -> present.refuseKeysBeyond(keys));
        return section;
    }

    Place place() {
        return place;
    }

    /** The name for a section inside this one. */
    String titleOf(final String key) {
        return prefix(title) + key;
    }

    Collection<String> keys() {
        return entries.keySet();
    }

    boolean has(final String key) {
        return entries.containsKey(key);
    }

    Place keyPlace(final String key) {
        return entries.get(key).keyPlace;
    }

    Optional<Node> node(final String key) {
        return Optional.ofNullable(entries.get(key)).map(Entry::value);
    }

    /** Whether the value is this plain word, such as {@code none} where a map could stand. */
    boolean says(final String key, final String word) {
        return node(key).filter(node -> node instanceof final ScalarNode scalar && scalar.getValue().equals(word))
                .isPresent();
    }

    boolean isList(final String key) {
        return node(key).filter(SequenceNode.class::isInstance).isPresent();
    }

    <T> Optional<Located<T>> value(final String key, final Function<String, T> parser) {
        return node(key).flatMap(node -> scalar(key, node, parser));
    }

    <T> Optional<Located<T>> required(final String key, final String example, final Function<String, T> parser) {
        if (!has(key)) {
            missing(key, example);
        }
        return value(key, parser);
    }

    void missing(final String key, final String example) {
        problems.add(place, prefix(title) + "has no " + key + ". Fix: add " + example);
    }

    /** The items of a list that could be read; a single value is refused unless {@code single} allows it. */
    <T> List<Located<T>> list(final String key, final boolean single, final Function<String, T> parser) {
        final List<Located<T>> items = new ArrayList<>();
        final Optional<Node> node = node(key);
        if (node.isPresent() && node.get() instanceof final SequenceNode sequence) {
            if (sequence.getValue().isEmpty()) {
                problem(node.get(), key, "is an empty list. Fix: name at least one, or leave the key out");
            }
            if (sequence.getValue().size() > LIST_LIMIT) {
                problem(node.get(), key, "has " + sequence.getValue().size() + " items, more than " + LIST_LIMIT
                        + ". Fix: join neighbouring networks into larger ones, or split the list");
            }
            sequence.getValue().stream().limit(LIST_LIMIT)
                    .forEach(item -> scalar(key, item, parser).ifPresent(items::add));
        } else if (single) {
            value(key, parser).ifPresent(items::add);
        } else {
            node.ifPresent(other -> problem(other, key, "must be a list, not " + kindOf(other) + ". Fix: write " + key
                    + ": [" + (other instanceof final ScalarNode scalar ? scalar.getValue() : "...") + "]"));
        }
        return items;
    }

    void problem(final Place at, final String message) {
        problems.add(at, prefix(title) + message);
    }

    private <T> Optional<Located<T>> scalar(final String key, final Node node, final Function<String, T> parser) {
        if (!(node instanceof final ScalarNode scalar)) {
            problem(node, key, "must be a single value, not " + kindOf(node) + ". Fix: write one value after " + key
                    + ":");
            return Optional.empty();
        }
        if (scalar.getTag().equals(Tag.NULL)) {
            problem(node, key, "has no value. Fix: give it one, or remove the key");
            return Optional.empty();
        }
        try {
            return Optional.of(new Located<>(parser.apply(scalar.getValue()), Place.of(node.getStartMark())));
        } catch (final IllegalArgumentException unreadable) {
            problem(node, key, unreadable.getMessage());
            return Optional.empty();
        }
    }

    private void problem(final Node node, final String key, final String message) {
        problem(Place.of(node.getStartMark()), key + " " + message);
    }

    private void take(final NodeTuple tuple) {
        final Place keyPlace = Place.of(tuple.getKeyNode().getStartMark());
        if (!(tuple.getKeyNode() instanceof final ScalarNode key)) {
            problems.add(keyPlace, prefix(title) + "has " + kindOf(tuple.getKeyNode())
                    + " as a key. Fix: keys are plain words");
            return;
        }
        final Entry first = entries.putIfAbsent(key.getValue(), new Entry(keyPlace, tuple.getValueNode()));
        if (first != null) {
            problems.add(keyPlace, prefix(title) + "has the key " + Quote.of(key.getValue())
                    + " twice, first on line " + first.keyPlace.line() + ". Fix: keep one of them");
        }
    }

    private void refuseKeysBeyond(final Collection<String> keys) {
        entries.forEach((key, entry) -> {
            if (!keys.contains(key)) {
                problems.add(entry.keyPlace, prefix(title) + "unknown key " + Quote.of(key)
                        + Suggestion.forWord(key, keys).map(meant -> ", did you mean \"" + meant + "\"?").orElse(".")
                        + " Fix: use one of " + String.join(", ", keys));
            }
        });
        entries.keySet().retainAll(keys);
    }

    private static String prefix(final String title) {
        return title.isEmpty() ? "" : title + ": ";
    }

    static String kindOf(final Node node) {
        return switch (node) {
            case MappingNode map -> "a map";
            case SequenceNode list -> "a list";
            case ScalarNode scalar when scalar.getTag().equals(Tag.NULL) -> "nothing";
            case ScalarNode scalar -> "the single value " + Quote.of(scalar.getValue());
            default -> "this";
        };
    }
}
