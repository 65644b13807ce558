// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.instance.Instance;
import io.culvert.control.view.AddressFilter;
import io.culvert.control.view.Counters;
import io.culvert.control.view.FlowReader;
import io.culvert.control.view.Output;
import io.culvert.control.view.Session;
import io.culvert.control.view.SessionConntrack;
import io.culvert.control.view.SessionJson;
import io.culvert.control.view.SessionList;
import io.culvert.control.view.SessionOrder;
import io.culvert.control.view.SessionPrinter;
import io.culvert.control.view.SessionTable;
import java.lang.foreign.Arena;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code culvert flows}: the sessions, read from the relay's mapped tables. The relay does not notice. */
@Command(
        name = "flows",
        description = "Lists the sessions of a relay. Works while it is busy, stopped or dead.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  culvert flows --sort -bytes --limit 10",
            "  culvert flows --rule cam-wall --client 198.51.100.0/24 --state unreplied",
            "  culvert flows -o conntrack --dst 203.0.113.1 --dport 9000",
            "  culvert flows -o jsonl | jq 'select(.idleMillis > 5000) | .client'"
        })
public final class FlowsCommand implements Callable<Integer> {
    /** What stdout gets. */
    enum Format { TABLE, JSON, JSONL, CONNTRACK }

    private static final String ADDRESS = "ADDR[:PORT]|CIDR";

    @Spec
    private CommandSpec spec;

    @Option(names = {"-o", "--output"}, paramLabel = "FORMAT", defaultValue = "table",
            description = "table, json, jsonl (a session a line) or conntrack (as conntrack -L, with the seconds idle "
                    + "in place of those left).")
    private Format format;

    @Option(names = "--rule", paramLabel = "NAME", description = "Only sessions of this rule.")
    private String rule;

    @Option(names = "--client", paramLabel = ADDRESS, converter = ToFilter.class, description = "Who sends to us.")
    private AddressFilter client;

    @Option(names = "--listen", paramLabel = ADDRESS, converter = ToFilter.class, description = "Where we listen.")
    private AddressFilter listen;

    @Option(names = "--target", paramLabel = ADDRESS, converter = ToFilter.class, description = "Whom we relay to.")
    private AddressFilter target;

    @Option(names = "--snat", paramLabel = ADDRESS, converter = ToFilter.class,
            description = "The source that the target sees.")
    private AddressFilter snat;

    @Option(names = "--src", paramLabel = ADDRESS, converter = ToFilter.class,
            description = "As conntrack's: the client.")
    private AddressFilter src;

    @Option(names = "--dst", paramLabel = ADDRESS, converter = ToFilter.class,
            description = "As conntrack's: where the client sends to.")
    private AddressFilter dst;

    @Option(names = "--sport", paramLabel = "PORT", description = "As conntrack's: the client's port.")
    private Integer sport;

    @Option(names = "--dport", paramLabel = "PORT", description = "As conntrack's: the port the client sends to.")
    private Integer dport;

    @Option(names = "--state", paramLabel = "STATE",
            description = "active, unreplied or silent (10 s without a packet).")
    private Session.State state;

    @Option(names = "--sort", paramLabel = "[-]KEY", converter = ToOrder.class,
            description = "By id, rule, client, listen, target, snat, packets, bytes, idle, age or state; -KEY: "
                    + "largest first.")
    private Comparator<Session> order;

    @Option(names = "--limit", paramLabel = "N", description = "At most N sessions.")
    private Long limit;

    @Option(names = "--no-headers", description = "No line of column names.")
    private boolean noHeaders;

    @Option(names = "--instance", paramLabel = "NAME", description = "Which relay, when there are several.")
    private String instanceName;

    @Override
    public Integer call() {
        if (limit != null && limit < 0) {
            throw new CommandLine.ParameterException(spec.commandLine(), "--limit is below 0: " + limit);
        }
        final Instance instance = Instance.choose(instanceName);
        try (Arena arena = Arena.ofConfined()) {
            final Counters counters = new Counters(instance.openCounters(arena));
            final List<String> rules = counters.rules();
            if (rule != null && !rules.contains(rule)) {
                throw new Failure(Failure.NOT_FOUND, "relay \"" + instance.name() + "\" has no rule \"" + rule
                        + "\". Fix: name one of " + String.join(", ", rules));
            }
            final FlowReader reader = new FlowReader(instance.openFlows(counters.file(), arena), rules);
            final String summary = print(instance, rules, reader);
            if (!summary.isEmpty()) {
                spec.commandLine().getErr().println(summary);
            }
            return CommandLine.ExitCode.OK;
        }
    }

    private String print(final Instance instance, final List<String> rules, final FlowReader reader) {
        try (Output out = new Output(spec.commandLine().getOut())) {
            final SessionPrinter printer = switch (format) {
                case TABLE -> new SessionTable(out, rules, !noHeaders);
                case JSON -> SessionJson.list(out, instance.name(),
                        Instant.now().truncatedTo(ChronoUnit.MILLIS).toString());
                case JSONL -> SessionJson.lines(out);
                case CONNTRACK -> new SessionConntrack(out);
            };
            printer.begin();
            return printer.end(new SessionList(filter(), order, limit == null ? Long.MAX_VALUE : limit)
                    .show(reader, printer::print));
        }
    }

    private Predicate<Session> filter() {
        Predicate<Session> filter = session -> (rule == null || rule.equals(session.rule()))
                && (state == null || state == session.state())
                && (sport == null || sport == session.clientPort())
                && (dport == null || dport == session.listenPort());
        for (final AddressFilter wanted : present(client, src)) {
            filter = filter.and(session -> wanted.matches(session.clientAddress(), session.clientPort()));
        }
        for (final AddressFilter wanted : present(listen, dst)) {
            filter = filter.and(session -> wanted.matches(session.listenAddress(), session.listenPort()));
        }
        for (final AddressFilter wanted : present(target)) {
            filter = filter.and(session -> wanted.matches(session.targetAddress(), session.targetPort()));
        }
        for (final AddressFilter wanted : present(snat)) {
            filter = filter.and(session -> wanted.matches(session.externalAddress(), session.externalPort()));
        }
        return filter;
    }

    private static List<AddressFilter> present(final AddressFilter... filters) {
        return Stream.of(filters).filter(Objects::nonNull).toList();
    }

    static final class ToFilter implements ITypeConverter<AddressFilter> {
        @Override
        public AddressFilter convert(final String text) {
            try {
                return AddressFilter.parse(text);
            } catch (final IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }

    static final class ToOrder implements ITypeConverter<Comparator<Session>> {
        @Override
        public Comparator<Session> convert(final String text) {
            try {
                return SessionOrder.parse(text);
            } catch (final IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
