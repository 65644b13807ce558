// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.boot.HugePages;
import io.culvert.control.demo.Child;
import io.culvert.control.demo.Scene;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * How fast is the relay over a wire to a foreign generator, next to foreign programs that do less? testpmd's flowgen on
 * one core, the device under test on another, memif rings in between. All devices run from the beginning and are frozen
 * while another one is measured, so each has its turn in every round.
 */
public final class WireBench {
    /** As deep as memif's default; the same for all. */
    private static final String RING = "rsize=10,bsize=2048,socket-abstract=no";
    private static final Duration SETTLE = Duration.ofMillis(100);
    private static final Duration CONNECT_LIMIT = Duration.ofSeconds(5);
    private static final int SOURCE_MEGABYTES = 64;
    /** The relay's share of huge pages: its buffers, and the flow table. */
    private static final int RELAY_MEGABYTES = 160;
    /** The search for the loss-free rate begins above what was saturated. */
    private static final double HEADROOM = 1.1;

    private final WirePlan plan;
    private final Scene scene;
    private final Arena arena;
    private final Consumer<String> messages;
    private final int generatorCpu;
    private final int deviceCpu;
    private final boolean huge;
    private final Map<WireDevice, Child> children = new EnumMap<>(WireDevice.class);
    private final Map<Integer, Map<WireDevice, List<Saturated>>> saturated = new TreeMap<>();
    /** The device that is not frozen; null when all run. */
    private WireDevice running;

    /** One look at full speed. */
    private record Saturated(double rate, TestpmdPort counts) { }

    private WireBench(final WirePlan plan, final Scene scene, final Arena arena, final int[] cpus, final boolean huge,
                      final Consumer<String> messages) {
        this.plan = plan;
        this.scene = scene;
        this.arena = arena;
        this.messages = messages;
        this.generatorCpu = cpus[0];
        this.deviceCpu = cpus[cpus.length - 1];
        this.huge = huge;
    }

    /** @throws Failure when testpmd or a second CPU is missing */
    public static WireReport run(final WirePlan plan, final StopSignal signal, final Consumer<String> messages) {
        Testpmd.checkInstalled();
        final int[] cpus = Lcore.allowedCpus();
        if (cpus.length < 2) {
            throw new Failure(Failure.FAILED, "bench wire needs two CPUs, one for the generator and one for the device"
                    + " under test, and this process may use one. Fix: allow it a second one (taskset, cgroup)");
        }
        final int testpmds = WireDevice.values().length; // the generator, and all devices but the relay
        final boolean huge = HugePages.ofHost().canHold(
                (long) (testpmds * Testpmd.megabytes() + RELAY_MEGABYTES + SOURCE_MEGABYTES) << 20);
        try (Scene scene = Scene.open(signal); Arena arena = Arena.ofShared()) {
            initEal(scene, cpus[0], huge);
            try {
                return new WireBench(plan, scene, arena, cpus, huge, messages).measure();
            } finally {
                Eal.cleanup();
            }
        }
    }

    private static void initEal(final Scene scene, final int cpu, final boolean huge) {
        final List<String> arguments = new ArrayList<>(List.of("-l", Integer.toString(cpu),
                "--file-prefix", scene.directory().getFileName().toString(), "--no-telemetry", "--no-pci",
                "--log-level", "error", "-m", Integer.toString(SOURCE_MEGABYTES)));
        arguments.addAll(huge ? List.of("--in-memory") : List.of("--no-huge", "--no-shconf"));
        Eal.init(arguments);
    }

    private WireReport measure() {
        final Machine machine = Machine.here();
        messages.accept("starting testpmd and the relay");
        final WireRelay relay = startDevices();
        final Testpmd generator = Testpmd.start(scene, "flowgen", generatorCpu, huge, generatorDevices());
        for (int round = -1; round < plan.rounds(); round++) {
            messages.accept(round < 0 ? "warming up" : "saturated, round " + (round + 1) + " of " + plan.rounds());
            round(generator, round);
        }
        relay.check();
        disconnect(generator);
        return new WireReport(machine, huge, figures(lossFree()));
    }

    private WireRelay startDevices() {
        WireRelay relay = null;
        for (final WireDevice device : WireDevice.values()) {
            final String wire = "net_memif0,role=server,id=0,socket=" + socket(device) + "," + RING;
            if (device == WireDevice.CULVERT) {
                relay = WireRelay.start(
                        scene, WireTraffic.relayConfig(wire, deviceCpu, huge), generatorCpu, arena);
                children.put(device, relay.child());
            } else {
                final Testpmd testpmd = Testpmd.start(scene, device.mode(), deviceCpu, huge, List.of(wire));
                testpmd.startForwarding();
                children.put(device, testpmd.child());
            }
            children.get(device).freeze(); // or it polls while the next one starts on its core
        }
        return relay;
    }

    private Path socket(final WireDevice device) {
        return scene.directory().resolve(device.mode() + ".sock");
    }

    private List<String> generatorDevices() {
        final List<String> devices = new ArrayList<>();
        for (final WireDevice device : WireDevice.values()) {
            devices.add(generatorDevice(device));
        }
        return devices;
    }

    private String generatorDevice(final WireDevice device) {
        return "net_memif" + device.ordinal() + ",role=client,id=0,socket=" + socket(device) + "," + RING;
    }

    /** @param round the first, -1, warms up and is not kept */
    private void round(final Testpmd generator, final int round) {
        for (final int size : WirePlan.FRAME_SIZES) {
            generator.set("set txpkts " + size);
            for (int turn = 0; turn < WireDevice.values().length; turn++) {
                // Who begins changes from round to round.
                final WireDevice device = WireDevice.values()[(turn + round + 1) % WireDevice.values().length];
                final Saturated look = saturate(generator, device);
                if (round >= 0) {
                    saturated.computeIfAbsent(size, key -> new EnumMap<>(WireDevice.class))
                            .computeIfAbsent(device, key -> new ArrayList<>()).add(look);
                }
            }
        }
    }

    private Saturated saturate(final Testpmd generator, final WireDevice device) {
        alone(device);
        generator.set("set portlist " + device.ordinal());
        generator.startForwarding();
        scene.sleep(SETTLE);
        generator.rate(device.ordinal());
        scene.sleep(plan.look());
        final long rate = generator.rate(device.ordinal());
        return new Saturated(rate, generator.stopForwarding());
    }

    /** Gives the device's core to it. */
    private void alone(final WireDevice device) {
        if (device != running) {
            children.forEach((other, child) -> {
                if (other != device && (running == null || other == running)) {
                    child.freeze();
                }
            });
            children.get(device).thaw();
            running = device;
        }
    }

    /** The far ends notice it only while they run. */
    private void disconnect(final Testpmd generator) {
        children.values().forEach(Child::thaw);
        running = null;
        generator.quit();
        scene.sleep(SETTLE);
    }

    /**
     * The loss-free rate of every device and size: the best of several searches, for this machine pauses by itself now
     * and then. On a thread of its own, for it becomes DPDK's, on the generator's core.
     */
    private Map<Integer, Map<WireDevice, PacedSource.Trial>> lossFree() {
        return Pinned.run(generatorCpu, () -> {
            final Map<WireDevice, PacedSource> sources = new EnumMap<>(WireDevice.class);
            try (Arena frames = Arena.ofConfined()) {
                for (final WireDevice device : WireDevice.values()) {
                    alone(device);
                    sources.put(device, connect(device));
                }
                final Map<Integer, Map<WireDevice, PacedSource.Trial>> best = new TreeMap<>();
                for (int search = 0; search < plan.searches(); search++) {
                    messages.accept("loss-free, search " + (search + 1) + " of " + plan.searches());
                    for (final int size : WirePlan.FRAME_SIZES) {
                        final Headers headers = WireTraffic.headers(size, frames);
                        for (final WireDevice device : WireDevice.values()) {
                            alone(device);
                            best.computeIfAbsent(size, key -> new EnumMap<>(WireDevice.class)).merge(device,
                                    search(sources.get(device), headers, size, highest(size, device)),
                                    (one, other) -> one.rate() > other.rate() ? one : other);
                        }
                    }
                }
                return best;
            } finally {
                sources.values().forEach(PacedSource::close);
            }
        });
    }

    private PacedSource connect(final WireDevice device) {
        final PacedSource source = new PacedSource(generatorDevice(device));
        if (!scene.await(CONNECT_LIMIT, source::isConnected)) {
            source.close();
            throw new Failure(Failure.FAILED, device.label() + " did not take up the wire again after "
                    + CONNECT_LIMIT.toSeconds() + " s. Fix: this is a bug; please report it");
        }
        return source;
    }

    private double highest(final int size, final WireDevice device) {
        return saturated.get(size).get(device).stream().mapToDouble(Saturated::rate).max().orElseThrow() * HEADROOM;
    }

    /** Halves the range between what lost nothing and what lost something. */
    private PacedSource.Trial search(final PacedSource source, final Headers headers, final int size,
                                     final double highest) {
        PacedSource.Trial best = new PacedSource.Trial(0, 0, 0, false);
        double low = 0;
        double high = highest;
        for (int step = 0; step < plan.halvings(); step++) {
            scene.checkWanted();
            final double rate = (low + high) / 2;
            PacedSource.Trial trial = source.offer(headers, size, rate, plan.trial());
            if (trial.lost() > 0) {
                trial = source.offer(headers, size, rate, plan.trial());
            }
            if (trial.lost() == 0) {
                best = trial.rate() > best.rate() ? trial : best;
                low = rate;
            } else {
                high = rate;
            }
        }
        return best;
    }

    private List<WireReport.Figure> figures(final Map<Integer, Map<WireDevice, PacedSource.Trial>> lossFree) {
        final List<WireReport.Figure> figures = new ArrayList<>();
        saturated.forEach((size, devices) -> devices.forEach((device, looks) -> {
            final PacedSource.Trial best = lossFree.get(size).get(device);
            figures.add(new WireReport.Figure(size, device, looks.stream().map(Saturated::rate).toList(),
                    Median.of(looks, look -> look.counts().refusedShare()).value(),
                    Median.of(looks, look -> look.counts().lostShare()).value(), best.rate(), best.isLate()));
        }));
        return figures;
    }
}
