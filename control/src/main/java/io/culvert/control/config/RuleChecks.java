// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Port;
import io.culvert.control.config.Draft.Rule;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What must hold between the rules, and between the rules and the ports: every packet has one clear way. */
final class RuleChecks {
    private static final Comparator<Rule> BY_LISTENER =
            Comparator.<Rule, byte[]>comparing(rule -> listenOf(rule).address().getAddress(), Arrays::compareUnsigned)
                    .thenComparingInt(rule -> listenOf(rule).ports().low());

    private final List<Port> ports;
    private final List<Rule> rules;
    /** The rules whose listener could be read, neighbours in the list when they share an address. */
    private final List<Rule> listeners;
    private final Problems problems;

    private RuleChecks(final List<Port> ports, final List<Rule> rules, final Problems problems) {
        this.ports = ports;
        this.rules = rules;
        this.listeners = rules.stream().filter(rule -> rule.listen().isPresent()).sorted(BY_LISTENER).toList();
        this.problems = problems;
    }

    static void check(final List<Port> ports, final List<Rule> rules, final Problems problems) {
        final RuleChecks checks = new RuleChecks(ports, rules, problems);
        checks.checkNames();
        FamilyChecks.check(rules, problems);
        checks.checkListeners();
        EchoChecks.check(rules, problems);
        checks.checkTargets();
        checks.checkSources();
        new SnatChecks(ports, rules, problems).check();
    }

    private void checkNames() {
        final Map<String, Located<String>> names = new HashMap<>();
        for (final Rule rule : rules) {
            rule.name().ifPresent(name -> {
                final Located<String> first = names.putIfAbsent(name.value(), name);
                if (first != null) {
                    problems.add(name.place(), "the name \"" + name.value() + "\" is already taken by the rule on line "
                            + first.line() + ". Fix: give each rule a name of its own");
                }
            });
        }
    }

    private void checkListeners() {
        for (final Rule rule : listeners) {
            whyNotOurs(ports, listenOf(rule).address()).ifPresent(why -> problems.add(placeOf(rule), rule.title()
                    + " listens on " + Addresses.text(listenOf(rule).address()) + ", which is " + why
                    + ". Fix: listen on an address of the relay's own"));
        }
        checkClashes();
    }

    /** One problem for each rule, with one of the rules it clashes with: mending that shows the next. */
    private void checkClashes() {
        final List<SourceSpans> clients = listeners.stream()
                .map(rule -> new SourceSpans(rule.sources().orElse(List.of()))).toList();
        final Set<Rule> clashing = Collections.newSetFromMap(new IdentityHashMap<>());
        for (int at = 0; at < listeners.size(); at++) {
            for (int next = at + 1; next < listeners.size()
                    && listenOf(listeners.get(at)).overlaps(listenOf(listeners.get(next))); next++) {
                final boolean inOrder = placeOf(listeners.get(at)).compareTo(placeOf(listeners.get(next))) < 0;
                final int first = inOrder ? at : next;
                final int second = inOrder ? next : at;
                if (!clashing.contains(listeners.get(second)) && clash(listeners.get(first), listeners.get(second),
                        clients.get(second).firstOverlap(clients.get(first)))) {
                    clashing.add(listeners.get(second));
                }
            }
        }
    }

    /** Two rules may share a listener only when no client belongs to both; says so and returns true if one does. */
    private boolean clash(final Rule first, final Rule second, final Optional<SourceSpans.Overlap> overlap) {
        if (first.sources().isEmpty() || second.sources().isEmpty()) {
            final boolean bothTakeAnyone = first.sources().isEmpty() && second.sources().isEmpty();
            problems.add(placeOf(second), alreadyUsed(first, second)
                    + (bothTakeAnyone ? "" : "; one of the two takes any client")
                    + ". Fix: pick a free port, or give both rules sources that do not overlap");
            return true;
        }
        overlap.ifPresent(sources -> problems.add(sources.ours().place(), alreadyUsed(first, second)
                + ", and its source " + sources.ours().value() + " overlaps " + sources.theirs().value()
                + " there. Fix: pick a free port, or separate the sources"));
        return overlap.isPresent();
    }

    private static String alreadyUsed(final Rule first, final Rule second) {
        return second.title() + " listens on " + listenOf(second) + ", already used by "
                + first.title().replace("rule ", "") + " (line " + placeOf(first).line() + ")";
    }

    private void checkTargets() {
        final Map<InetAddress, String> own = ownAddresses();
        for (final Rule rule : rules) {
            rule.target().ifPresent(target -> {
                rule.listen().ifPresent(listen -> checkLengths(rule, listen.value().ports(), target));
                whyNotATarget(own, target.value()).ifPresent(
                        why -> problems.add(target.place(),
                                rule.title() + " relays to " + target.value() + ", " + why));
            });
        }
    }

    private void checkLengths(final Rule rule, final PortRange listen, final Located<Endpoint> target) {
        final PortRange ports = target.value().ports();
        if (ports.length() != 1 && ports.length() != listen.length()) {
            final int high = ports.low() + listen.length() - 1;
            problems.add(target.place(), rule.title() + " listens on " + listen.length() + " ports (" + listen
                    + ") and relays to " + ports.length() + " (" + ports + "), so the offset cannot be kept."
                    + " Fix: write "
                    + (high <= 65_535 && high > ports.low() ? ports.low() + "-" + high + ", or " : "")
                    + "one port, where all of them end");
        }
    }

    private Optional<String> whyNotATarget(final Map<InetAddress, String> own, final Endpoint target) {
        final InetAddress address = target.address();
        if (own.containsKey(address)) {
            return Optional.of(listeners.stream().filter(rule -> listenOf(rule).overlaps(target)).findFirst()
                    .map(loop -> "where " + loop.title() + " (line " + placeOf(loop).line()
                            + ") listens: packets would run in a circle")
                    .orElse("which is the relay's own address (" + own.get(address) + "), and no server is there")
                    + ". Fix: write the server behind the relay");
        }
        if (ports.stream().flatMap(port -> port.addresses().stream()).anyMatch(at -> at.value().reserves(address))) {
            return Optional.of("which is the network or broadcast address of a port's network. Fix: write the"
                    + " address of one server");
        }
        return hasWayTo(new Cidr(address, Addresses.bits(address))) ? Optional.empty()
                : Optional.of("which is in no port's network, and no port has a gateway. Fix: add gateway: to the port"
                        + " that leads there");
    }

    /** Replies need a way back to the client. */
    private void checkSources() {
        for (final Rule rule : rules) {
            rule.sources().ifPresent(sources -> sources.stream().filter(source -> !hasWayTo(source.value()))
                    .forEach(source -> problems.add(source.place(), rule.title() + " serves " + source.value()
                            + ", which is in no port's network, and no port has a gateway: replies would have no way"
                            + " back. Fix: add gateway: to the port that leads there")));
        }
    }

    /** A port that could not be read completely may have been the way: no second problem then. */
    private boolean hasWayTo(final Cidr network) {
        return ports.isEmpty() || ports.stream().anyMatch(port -> port.hasGatewayFor(network.address())
                || port.addresses().isEmpty()
                || port.addresses().stream().anyMatch(own -> own.value().overlaps(network)));
    }

    private Map<InetAddress, String> ownAddresses() {
        final Map<InetAddress, String> own = new HashMap<>();
        for (final Port port : ports) {
            port.addresses().forEach(address -> own.putIfAbsent(address.value().address(), port.title()));
        }
        for (final Rule rule : rules) {
            rule.listen().ifPresent(
                    listen -> own.putIfAbsent(listen.value().address(), rule.title() + " listens there"));
            rule.snat().ifPresent(snat -> snat.value().addresses().forEach(
                    address -> own.putIfAbsent(address, rule.title() + " uses it for SNAT")));
        }
        return own;
    }

    /** Why the relay cannot have this address; empty when it can. It may lie outside all ports' networks. */
    static Optional<String> whyNotOurs(final List<Port> ports, final InetAddress address) {
        if (ports.stream().anyMatch(port -> port.owns(address))) {
            return Optional.empty();
        }
        for (final Port port : ports) {
            if (port.gateways().stream().anyMatch(gateway -> gateway.value().equals(address))) {
                return Optional.of("the gateway of " + port.title());
            }
            if (port.neighbors().stream().anyMatch(neighbor -> neighbor.address().value().equals(address))) {
                return Optional.of("a neighbor of " + port.title());
            }
            final Optional<Located<Cidr>> reserving =
                    port.addresses().stream().filter(own -> own.value().reserves(address)).findFirst();
            if (reserving.isPresent()) {
                return Optional.of("the network or broadcast address of " + reserving.get().value().network()
                        + " on " + port.title());
            }
        }
        return Optional.empty();
    }

    private static Endpoint listenOf(final Rule rule) {
        return rule.listen().orElseThrow().value();
    }

    private static Place placeOf(final Rule rule) {
        return rule.listen().orElseThrow().place();
    }
}
