// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.Optional;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Compose;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionEndEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.DocumentStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.NodeEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.ReaderException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * Text to a tree of nodes that know their places. The events are walked before the tree is built, because building
 * recurses: depth, aliases and size are limited here, and nothing behind this class has to fear the input.
 */
final class Document {
    static final int BYTES_LIMIT = 4 << 20;
    /** The form itself is five deep: rules, a rule, snat, address, an address. */
    private static final int DEPTH_LIMIT = 16;

    private final String text;
    private final Problems problems;
    private final LoadSettings settings;

    private Document(final String text, final Problems problems) {
        this.text = text;
        this.problems = problems;
        this.settings = LoadSettings.builder().setSchema(new CoreSchema()).setCodePointLimit(BYTES_LIMIT)
                .setAllowNonScalarKeys(true).build();
    }

    /** The root, or empty when a problem says why there is none. */
    static Optional<Node> compose(final String text, final Problems problems) {
        if (text.length() > BYTES_LIMIT) {
            problems.add(Place.START, "the file is larger than " + (BYTES_LIMIT >> 20)
                    + " MiB, so it is hardly a configuration. Fix: use a port range in place of many rules");
            return Optional.empty();
        }
        return new Document(text, problems).compose();
    }

    private Optional<Node> compose() {
        try {
            if (!isHarmless()) {
                return Optional.empty();
            }
            final Optional<Node> root = new Compose(settings).composeString(text);
            if (root.isEmpty() || root.get().getTag().equals(Tag.NULL)) {
                problems.add(Place.START, "the file is empty: a relay needs at least one port and one rule."
                        + " Fix: start from deploy/examples/one-arm.yaml");
                return Optional.empty();
            }
            return root;
        } catch (final MarkedYamlEngineException e) {
            problems.add(Place.of(e.getProblemMark().or(e::getContextMark)), explain(e));
        } catch (final ReaderException e) {
            problems.add(placeOf(e.getPosition()), String.format(
                    "the character U+%04X is not allowed in YAML. Fix: remove it; the file must be plain UTF-8 text",
                    e.getCodePoint()));
        } catch (final YamlEngineException e) {
            problems.add(Place.START, "not valid YAML: " + firstLine(e.getMessage()) + ". Fix: mend the file's form");
        }
        return Optional.empty();
    }

    private boolean isHarmless() {
        int depth = 0;
        int documents = 0;
        for (final Event event : new Parse(settings).parseString(text)) {
            depth += event instanceof CollectionStartEvent ? 1 : event instanceof CollectionEndEvent ? -1 : 0;
            documents += event instanceof DocumentStartEvent ? 1 : 0;
            final Optional<String> harm;
            if (depth > DEPTH_LIMIT) {
                harm = Optional.of("nested more than " + DEPTH_LIMIT + " deep. Fix: look for a stray bracket");
            } else if (documents > 1) {
                harm = Optional.of("a second YAML document starts here. Fix: one relay, one file: remove this line");
            } else {
                harm = event instanceof final NodeEvent node ? harmOf(node) : Optional.empty();
            }
            if (harm.isPresent()) {
                problems.add(Place.of(event.getStartMark()), harm.get());
                return false;
            }
        }
        return true;
    }

    private static Optional<String> harmOf(final NodeEvent node) {
        final Optional<String> tag = switch (node) {
            case ScalarEvent scalar -> scalar.getTag();
            case CollectionStartEvent collection -> collection.getTag();
            default -> Optional.empty();
        };
        if (node instanceof AliasEvent || node.getAnchor().isPresent()) {
            return Optional.of("anchors (&) and aliases (*) are not supported, so that every value stands where it is"
                    + " used. Fix: write the value out, put it into defaults, or quote a text that starts with & or *");
        }
        return tag.map(name -> "the tag " + Quote.of(name)
                + " is not supported. Fix: remove it, or quote a text that starts with !");
    }

    private static String explain(final MarkedYamlEngineException e) {
        final String problem = e.getProblem();
        final String what = "not valid YAML: " + Optional.ofNullable(e.getContext()).map(c -> c + ", ").orElse("")
                + firstLine(problem);
        if (problem.contains("\\t") || problem.contains("TAB")) {
            return what + ". Fix: indent with spaces; YAML forbids tabs there";
        }
        if (problem.contains("mapping values are not allowed")) {
            return what + ". Fix: quote a text that contains \": \", or mend the indentation";
        }
        return what + ". Fix: look here and one line above for a missing quote, bracket, colon or space";
    }

    private static String firstLine(final String message) {
        return message.lines().findFirst().orElse("unreadable");
    }

    private Place placeOf(final int codePointIndex) {
        final String before = text.substring(0, text.offsetByCodePoints(0, codePointIndex));
        final int lineStart = before.lastIndexOf('\n') + 1;
        return new Place(1 + (int) before.chars().filter(c -> c == '\n').count(), 1 + before.length() - lineStart);
    }
}
