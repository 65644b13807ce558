// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Clients in A talk to the echo server in C through a box in B, and everybody counts. */
final class Experiment {
    /** Beyond its sending time a client starts, warms itself, waits for the last answers and ends. */
    private static final Duration CLIENT_OVERHEAD = Scene.START_LIMIT;
    private static final int LINGER_MS = 3_000;
    private static final int WARM_UP_SECONDS = 2;
    private static final int WARM_UP_RATE = 5_000;
    /** Their source ports are the first that the measured clients take, so C sees no others. */
    private static final int WARM_UP_FLOWS = 500;
    /** In {@link #samples}, behind the one before the client started. */
    private static final int FULL_SECOND = 1;
    private static final double SECOND_NS = 1e9;
    private static final double PERCENT = 100;
    /** As {@link io.culvert.control.lab.ClientReport#progress} writes it. */
    static final Pattern PROGRESS = Pattern.compile(" *([\\d.]+) s +sent (\\d+) +received (\\d+) .*");

    private final DemoPlan plan;
    private final Scene scene;
    private final Network network;
    private final Box box;
    private final Consumer<String> messages;
    private final List<Sample> samples = new ArrayList<>();
    private Optional<Restart> restart = Optional.empty();

    /** The counters at one moment. */
    private record Sample(long nowNs, Box.Traffic traffic, long boxTicks, long machineTicks) { }

    Experiment(final DemoPlan plan, final Scene scene, final Network network, final Box box,
               final Consumer<String> messages) {
        this.plan = plan;
        this.scene = scene;
        this.network = network;
        this.box = box;
        this.messages = messages;
    }

    /** @throws Box.Unusable when the box does not start, or nothing comes through it */
    Outcome run() {
        network.lay();
        final List<String> echoing = new ArrayList<>(
                List.of("lab", "echo", "--listen", "0.0.0.0:" + Topology.PORT, "--json"));
        if (plan.killAfter() > 0) {
            echoing.addAll(List.of("--flows", flowsFile().toString()));
        }
        final Child echo = scene.start("the echo server",
                network.server().inside(JavaProgram.command("lab", echoing)), Map.of());
        box.start();
        final boolean inTime =
                scene.await(Scene.START_LIMIT, () -> !echo.isAlive() || echo.errors().contains("listening"));
        if (!echo.isAlive()) {
            throw echo.died();
        }
        if (!inTime) {
            throw new Failure(Failure.FAILED, "the echo server was not ready after " + Scene.START_LIMIT.toSeconds()
                    + " s. Fix: try again when this machine is less busy");
        }
        messages.accept(box.label() + " relays; warming up for " + WARM_UP_SECONDS + " s");
        final ClientResult warmUp = client("the warm-up client", Math.min(plan.flows(), WARM_UP_FLOWS),
                Math.min(plan.rate(), WARM_UP_RATE), WARM_UP_SECONDS, echo, progress -> { });
        scene.checkWanted();
        if (warmUp.received() == 0) {
            throw new Box.Unusable("it started, but of " + warmUp.sent() + " packets none came back");
        }
        final BoxReport before = box.report();
        samples.add(sample());
        final ClientResult client = client("the client", plan.flows(), plan.rate(),
                plan.seconds() + outageLimitSeconds(), echo, this::show);
        if (echo.end() != 0) {
            throw echo.died();
        }
        return new Outcome(box.label(), warmUp, client, EchoResult.parse(echo.output()), box.finish(before),
                percent(true), percent(false), restart.map(this::withPorts));
    }

    /** The client goes on sending however long the relay takes to come back; {@link #isOver} ends it. */
    private int outageLimitSeconds() {
        return plan.killAfter() == 0 ? 0 : (int) Scene.START_LIMIT.multipliedBy(2).toSeconds();
    }

    /** Whether the client has sent for long enough with the relay that was started again. */
    private boolean isOver() {
        return restart.isPresent() && System.nanoTime() - restart.get().relayedNs()
                >= Duration.ofSeconds(plan.seconds() - plan.killAfter()).toNanos();
    }

    private Path flowsFile() {
        return scene.directory().resolve("flows-at-the-server");
    }

    private Restart withPorts(final Restart happened) {
        try {
            return happened.with(Restart.Ports.of(
                    Files.readAllLines(flowsFile()), happened.killedNs(), happened.relayedNs()));
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot read what the echo server saw: " + e
                    + ". Fix: make room in " + scene.directory(), e);
        }
    }

    /** Runs a client to its end, or until it shall send no more: it then reports what it has. */
    private ClientResult client(final String name, final int flows, final int rate, final int seconds,
                                final Child echo, final Consumer<Matcher> onProgress) {
        final Child client = scene.start(name, network.clients().inside(JavaProgram.command("lab", List.of(
                "lab", "client", "--target", Topology.LISTENER + ":" + Topology.PORT,
                "--flows", Integer.toString(flows), "--rate", Integer.toString(rate),
                "--seconds", Integer.toString(seconds), "--payload", Integer.toString(plan.payload()),
                "--linger", Integer.toString(LINGER_MS), "--json"))), Map.of());
        final long deadline = System.nanoTime() + Duration.ofSeconds(seconds).plus(CLIENT_OVERHEAD).toNanos();
        String last = "";
        while (client.isAlive()) {
            if (System.nanoTime() > deadline) {
                throw new Failure(Failure.FAILED, name + " was to send for " + seconds + " s and had not ended "
                        + CLIENT_OVERHEAD.toSeconds() + " s later; the last that it said: " + client.lastLine()
                        + ". Fix: end what else keeps this machine busy");
            }
            if (scene.pause() || isOver()) {
                break;
            }
            box.check();
            if (!echo.isAlive()) {
                throw echo.died();
            }
            final String line = client.lastLine();
            final Matcher progress = PROGRESS.matcher(line);
            if (!line.equals(last) && progress.matches()) {
                last = line;
                onProgress.accept(progress);
            }
        }
        if (client.end() != 0) {
            scene.checkWanted(); // stopped before it could listen to the signal
            throw new Failure(Failure.FAILED, name + ": " + client.complaint());
        }
        return ClientResult.parse(client.output());
    }

    private Sample sample() {
        return new Sample(System.nanoTime(), box.traffic(), box.cpuTicks(), CpuTime.ofMachine());
    }

    /** The first line covers the client's own start, too: its rates are lower than what follows. */
    private void show(final Matcher progress) {
        final Sample previous = samples.getLast();
        final Sample sample = sample();
        samples.add(sample);
        final long sent = Long.parseLong(progress.group(2));
        final long received = Long.parseLong(progress.group(3));
        final double seconds = (sample.nowNs - previous.nowNs) / SECOND_NS;
        final Box.Traffic traffic = sample.traffic.minus(previous.traffic);
        messages.accept(String.format(Locale.ROOT,
                "%6s s   sent %,d   received %,d   lost or on the way %,d   B in %,.0f/s out %,.0f/s   CPU of %s",
                progress.group(1), sent, received, sent - received, traffic.received() / seconds,
                traffic.sent() / seconds, cpu(previous, sample)));
        if (plan.killAfter() > 0 && restart.isEmpty() && Double.parseDouble(progress.group(1)) >= plan.killAfter()) {
            messages.accept("killing the relay, and starting it again");
            restart = Optional.of(box.restart());
            messages.accept(restart.get().sessionsKept() + " of " + restart.get().sessionsBefore()
                    + " sessions go on; nothing was relayed for " + restart.get().outageMillis() + " ms");
        }
    }

    private static String cpu(final Sample from, final Sample to) {
        return from.boxTicks == Box.NO_PROCESS
                ? String.format(Locale.ROOT, "the machine %.0f %%", percent(from, to, false))
                : String.format(Locale.ROOT, "B %.0f %%", percent(from, to, true));
    }

    /** Of one core, between the first full second and the last. */
    private double percent(final boolean ofBox) {
        return samples.size() < FULL_SECOND + 2 ? Double.NaN
                : percent(samples.get(FULL_SECOND), samples.getLast(), ofBox);
    }

    private static double percent(final Sample from, final Sample to, final boolean ofBox) {
        if (ofBox && from.boxTicks == Box.NO_PROCESS) {
            return Double.NaN;
        }
        final long ticks = ofBox ? to.boxTicks - from.boxTicks : to.machineTicks - from.machineTicks;
        return PERCENT * ticks / CpuTime.TICKS_PER_SECOND / ((to.nowNs - from.nowNs) / SECOND_NS);
    }
}
