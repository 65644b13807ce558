// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.instance.Instance;
import io.culvert.control.view.Counters;
import io.culvert.control.view.FlowReader;
import io.culvert.control.view.Output;
import io.culvert.control.view.SessionList;
import io.culvert.control.view.SessionTable;
import io.culvert.control.view.Stats;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/** {@code culvert run} in B with one rule. Its counters and flows are read from its mapped files, as anybody may. */
final class CulvertBox implements Box {
    private static final String INSTANCE = "demo";
    /** A start and an outage are measured to this. */
    private static final Duration BRIEF_LOOK = Duration.ofMillis(1);
    private static final int FLOW_LINES = 3;
    /** A real relay has its core to itself; here it goes before the client and the server that it shares one with. */
    private static final int NICENESS = -20;

    private final Scene scene;
    private final Network network;
    private final Topology topology;
    private final Driver driver;
    private final Instance instance;
    private final Arena arena;
    private Child relay;
    private Counters counters;
    /** CPU time of a process that was killed. */
    private long ticksBefore;
    private Duration startedIn;

    /** @param arena holds the mapped files */
    CulvertBox(final Scene scene, final Network network, final Topology topology, final Driver driver,
               final Arena arena) {
        this.scene = scene;
        this.network = network;
        this.topology = topology;
        this.driver = driver;
        this.arena = arena;
        this.instance = new Instance(scene.directory().resolve(INSTANCE));
    }

    @Override
    public String label() {
        return driver.label();
    }

    @Override
    public void start() {
        final Path config = configFile();
        try {
            Files.writeString(config, config());
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot write " + config + ": " + e + ". Fix: make room there", e);
        }
        launch("the relay");
    }

    private void launch(final String name) {
        final List<String> command = new ArrayList<>(List.of("nice", "-n", Integer.toString(NICENESS)));
        command.addAll(network.relay().inside(
                JavaProgram.command("run", List.of("run", "-c", configFile().toString()))));
        final long startNs = System.nanoTime();
        relay = scene.start(name, command, Map.of(
                Instance.STATE_VARIABLE, scene.directory().toString(),
                "RUNTIME_DIRECTORY", scene.directory().toString())); // where EAL keeps its own files
        final boolean inTime = scene.await(Scene.START_LIMIT, BRIEF_LOOK, () -> !relay.isAlive() || isReady());
        if (!relay.isAlive()) {
            throw new Unusable(relay.complaint());
        }
        if (!inTime) {
            throw new Unusable("the relay was not ready after " + Scene.START_LIMIT.toSeconds() + " s");
        }
        startedIn = Duration.ofNanos(System.nanoTime() - startNs);
        relay.goFirst(NICENESS);
        if (driver == Driver.TAP) {
            network.plugTaps();
        }
    }

    /** From the start of its process until it relayed. */
    Duration startedIn() {
        return startedIn;
    }

    private Path configFile() {
        return scene.directory().resolve("culvert.yaml");
    }

    /** A predecessor's counters lie there until the process has its own. */
    private boolean isReady() {
        if (counters == null || counters.file().pid() != relay.pid()) {
            counters = counters().orElse(counters);
        }
        return counters != null && counters.file().pid() == relay.pid()
                && counters.file().state() == CounterFile.State.READY;
    }

    /** Those of the process that runs now; empty while there are none. */
    private Optional<Counters> counters() {
        if (!Files.exists(instance.countersFile())) {
            return Optional.empty();
        }
        try (Arena look = Arena.ofConfined()) {
            return instance.openCounters(look).pid() == relay.pid()
                    ? Optional.of(new Counters(instance.openCounters(arena))) : Optional.empty();
        }
    }

    @Override
    public Restart restart() {
        ticksBefore += CpuTime.ofProcess(relay.pid());
        final long killedNs = System.nanoTime();
        relay.kill();
        final long relayed = forwarded();
        final Set<List<Object>> before = sessions();
        launch("the relay again");
        final Set<List<Object>> kept = sessions();
        if (!scene.await(Scene.START_LIMIT, BRIEF_LOOK, () -> forwarded() > relayed)) {
            throw new Failure(Failure.FAILED, "the relay was started again and has relayed nothing for "
                    + Scene.START_LIMIT.toSeconds() + " s; the end of what it said:\n" + relay.errors().strip()
                    + "\nFix: please report it");
        }
        final long relayedNs = System.nanoTime();
        kept.retainAll(before);
        return new Restart(before.size(), kept.size(), killedNs, relayedNs, Restart.Ports.UNKNOWN);
    }

    private long forwarded() {
        return stats().rules().stream().mapToLong(rule -> rule.forward().packets()).sum();
    }

    /** Who they are and the external endpoints they hold. */
    private Set<List<Object>> sessions() {
        final Set<List<Object>> sessions = new HashSet<>();
        new FlowReader(instance.openFlows(counters.file(), arena), counters.rules()).forEach(session ->
                sessions.add(List.of(session.clientAddress(), session.clientPort(), session.listenPort(),
                        session.externalAddress(), session.externalPort())));
        return sessions;
    }

    private String config() {
        final StringBuilder ports = new StringBuilder();
        final List<String> interfaces = network.relayInterfaces();
        for (int port = 0; port < interfaces.size(); port++) {
            // The tap's kernel end is another host, so it must have another MAC address than the port.
            final String mac = driver == Driver.TAP ? ", mac: \"02:00:00:09:0%d:01\"".formatted(port) : "";
            ports.append("  b%d: { device: \"%s\", address: %s%s%s }%n".formatted(port,
                    driver.device(port, interfaces.get(port)), network.relayAddresses().get(port), Topology.PREFIX,
                    mac));
        }
        return """
                instance: %s
                ports:
                %smemory: { huge: false }
                metrics: none
                rules:
                  - name: echo
                    listen: %s:%d/udp
                    sources: [%s/32]
                    target: %s:%d
                    snat: { address: %s, ports: 1024-65535 }
                """.formatted(INSTANCE, ports, Topology.LISTENER, Topology.PORT, Topology.CLIENT, topology.server(),
                Topology.PORT, topology.source());
    }

    @Override
    public Traffic traffic() {
        return traffic(stats());
    }

    private static Traffic traffic(final Stats stats) {
        return new Traffic(stats.ports().stream().mapToLong(port -> port.received().packets()).sum(),
                stats.ports().stream().mapToLong(port -> port.sent().packets()).sum());
    }

    private Stats stats() {
        return Stats.read(counters, System.currentTimeMillis());
    }

    @Override
    public long cpuTicks() {
        return ticksBefore + CpuTime.ofProcess(relay.pid());
    }

    @Override
    public void check() {
        if (!relay.isAlive()) {
            throw relay.died();
        }
    }

    @Override
    public BoxReport report() {
        final Stats stats = stats();
        final Map<String, Long> drops = new TreeMap<>();
        for (final Stats.Port port : stats.ports()) {
            for (final Map.Entry<DropReason, Long> drop : port.drops().entrySet()) {
                if (drop.getValue() > 0) {
                    drops.merge(drop.getKey().label(), drop.getValue(), Long::sum);
                }
            }
        }
        return new BoxReport(traffic(stats), drops, stats.ports().stream().mapToLong(Stats.Port::missed).sum(),
                stats.rules().stream().mapToLong(rule -> rule.forward().packets()).sum(),
                stats.rules().stream().mapToLong(rule -> rule.reply().packets()).sum(),
                stats.workers().stream().mapToDouble(Stats.Worker::longestLoopMicros).max().orElse(0),
                stats.isBalanced(), flows());
    }

    /** Ended first: then its counters are final. Sessions can be read from what it leaves. */
    @Override
    public BoxReport finish(final BoxReport before) {
        if (relay.end() != 0) {
            throw relay.died();
        }
        return report().since(before);
    }

    /** As {@code culvert flows --limit 3} prints them. */
    private List<String> flows() {
        final StringWriter text = new StringWriter();
        final List<String> rules = counters.rules();
        final FlowReader reader = new FlowReader(instance.openFlows(counters.file(), arena), rules);
        final String summary;
        try (Output out = new Output(new PrintWriter(text))) {
            final SessionTable table = new SessionTable(out, rules, true);
            table.begin();
            summary = table.end(new SessionList(session -> true, null, FLOW_LINES).show(reader, table::print));
        }
        final List<String> lines = new ArrayList<>(text.toString().lines().toList());
        lines.add(summary);
        return lines;
    }
}
