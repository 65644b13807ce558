// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.nat.NatBehavior;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Stream;
import org.snakeyaml.engine.v2.nodes.MappingNode;
import org.snakeyaml.engine.v2.nodes.Node;
import org.snakeyaml.engine.v2.nodes.NodeTuple;
import org.snakeyaml.engine.v2.nodes.ScalarNode;
import org.snakeyaml.engine.v2.nodes.SequenceNode;

/** The sections {@code defaults} and {@code rules}: a rule is read with the defaults filled in. */
final class RulesReader {
    private static final List<String> DEFAULTS_KEYS = keys("idleTimeout", "unansweredTimeout", "ttl", "snat",
            "inboundRefresh");
    private static final List<String> RULE_KEYS = keys(
            "name", "listen", "sources", "target", "snat", "idleTimeout", "unansweredTimeout", "ttl",
            "inboundRefresh", "echo", "maxSessions", "newPerSecond");
    private static final List<String> SNAT_KEYS = List.of("address", "ports");
    private static final String LISTEN_EXAMPLE = "listen: 203.0.113.1:9000/udp";
    private static final String TARGET_EXAMPLE = "target: 192.0.2.17:9000";
    private static final String SNAT_EXAMPLE = "snat: { address: 203.0.113.1, ports: 40000-60000 }";
    private static final String RULE_EXAMPLE = "- { name: cam, " + LISTEN_EXAMPLE + ", " + TARGET_EXAMPLE + " }";
    /** RFC 4787 REQ-5 recommends five minutes. */
    private static final Duration DEFAULT_IDLE_TIMEOUT = Duration.ofMinutes(5);
    private static final Duration DEFAULT_UNANSWERED_TIMEOUT = Duration.ofSeconds(30);
    private static final PortRange DEFAULT_SNAT_PORTS = new PortRange(1024, 65_535);
    private static final int RULES_LIMIT = 10_000;

    private final Problems problems;
    private final Optional<Section> defaults;
    private final Optional<Located<SnatConfig>> defaultSnat;
    private final Optional<Duration> defaultIdleTimeout;
    private final Optional<Duration> defaultUnansweredTimeout;
    private final boolean defaultDecrementTtl;
    private final boolean defaultInboundRefresh;
    private final NatBehavior defaultBehavior;

    private RulesReader(final Section file, final Problems problems) {
        this.problems = problems;
        this.defaults = file.node("defaults").flatMap(node -> Section.ofKeys(
                node, "defaults", "defaults: { idleTimeout: 300s }", DEFAULTS_KEYS, problems));
        this.defaultSnat = defaults.flatMap(this::readSnat);
        this.defaultIdleTimeout = defaults.flatMap(section -> duration(section, "idleTimeout"));
        this.defaultUnansweredTimeout = defaults.flatMap(section -> duration(section, "unansweredTimeout"));
        this.defaultDecrementTtl = defaults.flatMap(RulesReader::decrementTtl).orElse(true);
        this.defaultInboundRefresh = defaults.flatMap(RulesReader::inboundRefresh).orElse(true);
        this.defaultBehavior = defaults.map(section -> BehaviorReader.read(section, NatBehavior.STRICT))
                .orElse(NatBehavior.STRICT);
        defaults.ifPresent(section -> checkTimeouts(section, defaultIdleTimeout, defaultUnansweredTimeout));
    }

    private static List<String> keys(final String... own) {
        return Stream.concat(Stream.of(own), BehaviorReader.KEYS.stream()).toList();
    }

    static List<Draft.Rule> read(final Section file, final Problems problems) {
        return new RulesReader(file, problems).readRules(file);
    }

    private List<Draft.Rule> readRules(final Section file) {
        final String example = "rules: [ ... ] with items like " + RULE_EXAMPLE;
        final List<Draft.Rule> rules = new ArrayList<>();
        if (!file.has("rules")) {
            file.missing("rules", example);
            return rules;
        }
        final Node node = file.node("rules").orElseThrow();
        final Place place = Place.of(node.getStartMark());
        if (!(node instanceof final SequenceNode list)) {
            problems.add(place, "rules must be a list, not " + Section.kindOf(node) + ". Fix: write " + example);
        } else if (list.getValue().isEmpty() || list.getValue().size() > RULES_LIMIT) {
            problems.add(place, "rules must have 1 to " + RULES_LIMIT + " items, not " + list.getValue().size()
                    + ". Fix: write one with a port range in place of many, at least " + RULE_EXAMPLE);
        } else {
            for (int at = 0; at < list.getValue().size(); at++) {
                readRule(list.getValue().get(at), at + 1).ifPresent(rules::add);
            }
        }
        return rules;
    }

    private Optional<Draft.Rule> readRule(final Node node, final int number) {
        final String title = titleOf(node, number);
        return Section.ofKeys(node, title, RULE_EXAMPLE, RULE_KEYS, problems).map(rule -> {
            final Optional<Duration> idle = duration(rule, "idleTimeout");
            final Optional<Duration> unanswered = duration(rule, "unansweredTimeout");
            checkTimeouts(rule, idle, unanswered);
            final Duration idleTimeout = idle.or(() -> defaultIdleTimeout).orElse(DEFAULT_IDLE_TIMEOUT);
            final Optional<Located<Endpoint>> listen = rule.required("listen", LISTEN_EXAMPLE, Endpoint::parseListen);
            return new Draft.Rule(
                    title,
                    rule.required("name", "name: cam-" + number, Values::ruleName),
                    listen,
                    readSources(rule),
                    rule.required("target", TARGET_EXAMPLE, RulesReader::target),
                    listen.map(at -> ofFamily(snatOf(rule), at.value().address())).orElseGet(() -> snatOf(rule)),
                    behaviorOf(rule),
                    idleTimeout,
                    unanswered.orElseGet(() -> inheritedUnansweredTimeout(idleTimeout)),
                    decrementTtl(rule).orElse(defaultDecrementTtl),
                    inboundRefresh(rule).orElse(defaultInboundRefresh),
                    rule.value("echo", text -> Values.oneOf(text, List.of("answer", "relay"))),
                    LimitsReader.maxSessions(rule),
                    LimitsReader.newPerSecond(rule));
        });
    }

    /** Known before the rule is checked, because its problems carry it. */
    private static String titleOf(final Node node, final int number) {
        final Stream<NodeTuple> entries =
                node instanceof final MappingNode rule ? rule.getValue().stream() : Stream.empty();
        return entries.filter(entry -> entry.getKeyNode() instanceof final ScalarNode key
                        && key.getValue().equals("name") && entry.getValueNode() instanceof ScalarNode)
                .map(entry -> "rule " + Quote.of(((ScalarNode) entry.getValueNode()).getValue()))
                .findFirst().orElse("rule " + number);
    }

    /** Cut to the rule's idle timeout: an unanswered session never outlives an answered one. */
    private Duration inheritedUnansweredTimeout(final Duration idleTimeout) {
        final Duration inherited = defaultUnansweredTimeout.orElse(DEFAULT_UNANSWERED_TIMEOUT);
        return inherited.compareTo(idleTimeout) < 0 ? inherited : idleTimeout;
    }

    private static void checkTimeouts(
            final Section section, final Optional<Duration> idle, final Optional<Duration> unanswered) {
        if (idle.isPresent() && unanswered.isPresent() && unanswered.get().compareTo(idle.get()) > 0) {
            section.problem(section.keyPlace("unansweredTimeout"), "unansweredTimeout is longer than idleTimeout,"
                    + " so silence would be kept longer than a conversation. Fix: make it at most "
                    + idle.get().toSeconds() + "s");
        }
    }

    private static Endpoint target(final String text) {
        final Endpoint target = Endpoint.parseTarget(text);
        if (target.address().isLinkLocalAddress()) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is a link-local address, which is not relayed to. Fix: use the target's routed address");
        }
        return target;
    }

    private static Optional<List<Located<Cidr>>> readSources(final Section rule) {
        if (!rule.has("sources")) {
            return Optional.empty();
        }
        final List<Located<Cidr>> sources = rule.list("sources", false, RulesReader::source);
        final Set<Cidr> seen = new LinkedHashSet<>();
        for (final Located<Cidr> source : sources) {
            if (!seen.add(source.value())) {
                rule.problem(source.place(), "sources names " + source.value() + " twice. Fix: remove one");
            }
        }
        return Optional.of(sources);
    }

    private static Cidr source(final String text) {
        final Cidr source = Cidr.parse(text);
        if (!source.equals(source.network())) {
            throw new IllegalArgumentException(Quote.of(text) + " has host bits set, so it is not clear whether the"
                    + " network or the host is meant. Fix: write " + source.network() + ", or "
                    + Addresses.text(source.address()) + "/" + Addresses.bits(source.address()));
        }
        final boolean isAnyone = source.prefixLength() < Byte.SIZE;
        final Optional<String> oddity = isAnyone ? Optional.empty() : Addresses.oddity(source.address());
        if (oddity.isPresent()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is " + oddity.get() + ", which no client sends from. Fix: remove it");
        }
        return source;
    }

    private Optional<Located<SnatConfig>> snatOf(final Section rule) {
        if (rule.has("snat")) {
            return readSnat(rule);
        }
        if (defaults.filter(section -> section.has("snat")).isEmpty()) {
            rule.missing("snat", SNAT_EXAMPLE + " to the rule or to defaults, or snat: none to let the target see"
                    + " the client's own address");
        }
        return defaultSnat;
    }

    /** The addresses of the listener's family, where a pool has both: a relay of two families has one default. */
    private static Optional<Located<SnatConfig>> ofFamily(final Optional<Located<SnatConfig>> pool,
                                                          final InetAddress listener) {
        return pool.map(snat -> {
            final List<InetAddress> fitting = snat.value().addresses().stream()
                    .filter(address -> Addresses.areOfOneFamily(address, listener)).toList();
            return fitting.isEmpty() ? snat
                    : new Located<>(new SnatConfig(fitting, snat.value().ports()), snat.place());
        });
    }

    private NatBehavior behaviorOf(final Section rule) {
        final boolean isTransparent = rule.says("snat", "none")
                || !rule.has("snat") && defaults.filter(section -> section.says("snat", "none")).isPresent();
        if (isTransparent) {
            BehaviorReader.refuse(rule);
            return NatBehavior.STRICT;
        }
        return BehaviorReader.read(rule, defaultBehavior);
    }

    private Optional<Located<SnatConfig>> readSnat(final Section owner) {
        if (!owner.has("snat") || owner.says("snat", "none")) {
            return Optional.empty();
        }
        final Optional<Section> section = owner.node("snat").flatMap(node -> Section.ofKeys(
                node, owner.titleOf("snat"), SNAT_EXAMPLE + ", or snat: none", SNAT_KEYS, problems));
        return section.flatMap(snat -> {
            if (!snat.has("address")) {
                snat.missing("address", "address: 203.0.113.1, one of the relay's own");
            }
            final List<InetAddress> addresses = new ArrayList<>();
            for (final Located<InetAddress> address : snat.list("address", true, Addresses::parseUnicast)) {
                if (addresses.contains(address.value())) {
                    snat.problem(address.place(), "address names " + Addresses.text(address.value())
                            + " twice. Fix: remove one");
                } else {
                    addresses.add(address.value());
                }
            }
            final PortRange ports =
                    snat.value("ports", PortRange::parse).map(Located::value).orElse(DEFAULT_SNAT_PORTS);
            return addresses.isEmpty() ? Optional.empty()
                    : Optional.of(new Located<>(new SnatConfig(List.copyOf(addresses), ports), snat.place()));
        });
    }

    private static Optional<Duration> duration(final Section section, final String key) {
        return section.value(key, Values::duration).map(Located::value);
    }

    private static Optional<Boolean> decrementTtl(final Section section) {
        final Function<String, String> parser = text -> Values.oneOf(text, List.of("decrement", "preserve"));
        return section.value("ttl", parser).map(word -> word.value().equals("decrement"));
    }

    private static Optional<Boolean> inboundRefresh(final Section section) {
        final Function<String, String> parser = text -> Values.oneOf(text, List.of("true", "false"));
        return section.value("inboundRefresh", parser).map(word -> Boolean.valueOf(word.value()));
    }
}
