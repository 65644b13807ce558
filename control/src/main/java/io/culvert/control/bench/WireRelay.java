// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.Failure;
import io.culvert.control.demo.Child;
import io.culvert.control.demo.JavaProgram;
import io.culvert.control.demo.Scene;
import io.culvert.control.instance.Instance;
import io.culvert.control.view.Counters;
import io.culvert.control.view.Stats;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code culvert run} at the far end of the wire, as an operator would start it. */
final class WireRelay {
    private static final String INSTANCE = "wire";
    private static final Duration START_LIMIT = Duration.ofSeconds(30);

    private final Child child;
    private final Counters counters;

    private WireRelay(final Child child, final Counters counters) {
        this.child = child;
        this.counters = counters;
    }

    /**
     * Polls when this returns.
     *
     * @param otherCpu for all its threads but the worker, as operators isolate a worker's core
     * @param arena holds its mapped counters
     */
    static WireRelay start(final Scene scene, final String config, final int otherCpu, final Arena arena) {
        final Path file = scene.directory().resolve("culvert.yaml");
        try {
            Files.writeString(file, config);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot write " + file + ": " + e + ". Fix: make room there", e);
        }
        final List<String> command = new ArrayList<>(List.of("taskset", "-c", Integer.toString(otherCpu)));
        command.addAll(JavaProgram.command("run", List.of("run", "-c", file.toString())));
        final Child child = scene.startFreezable("the relay", command, Map.of(
                        Instance.STATE_VARIABLE, scene.directory().toString(),
                        "RUNTIME_DIRECTORY", scene.directory().toString()));
        final Instance instance = new Instance(scene.directory().resolve(INSTANCE));
        final boolean inTime = scene.await(START_LIMIT, () -> !child.isAlive() || isReady(instance));
        if (!child.isAlive()) {
            throw child.died();
        }
        if (!inTime) {
            throw new Failure(Failure.FAILED, "the relay was not ready after " + START_LIMIT.toSeconds()
                    + " s. Fix: try again when this machine is less busy");
        }
        return new WireRelay(child, new Counters(instance.openCounters(arena)));
    }

    private static boolean isReady(final Instance instance) {
        if (!Files.exists(instance.countersFile())) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            return instance.openCounters(arena).state() == CounterFile.State.READY;
        } catch (final Failure e) {
            return false; // half written
        }
    }

    Child child() {
        return child;
    }

    /** @throws Failure when it did not translate what it was measured with */
    void check() {
        final Stats stats = Stats.read(counters, System.currentTimeMillis());
        final long forward = stats.rules().stream().mapToLong(rule -> rule.forward().packets()).sum();
        final long reply = stats.rules().stream().mapToLong(rule -> rule.reply().packets()).sum();
        if (stats.sessions() != WireTraffic.FLOWS / 2 || forward == 0 || Math.abs(forward - reply) > forward / 2) {
            throw new Failure(Failure.FAILED, "the relay opened " + stats.sessions() + " sessions and relayed "
                    + forward + " packets forward and " + reply + " back, where " + WireTraffic.FLOWS / 2
                    + " sessions and as many packets back as forward were due. Fix: this is a bug; please report it");
        }
    }
}
