// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * Packets of many flows from A to C, where the kernel drops them at once: through Culvert in B, through the kernel's
 * NAT in B, or over a straight cable, which is what the packets cost that nobody relays. The source keeps to the first
 * CPU, with all that the kernel does for a packet that it sends.
 */
public final class OneWay {
    private static final Duration SETTLE = Duration.ofMillis(700);
    private static final double SECOND_NS = 1e9;
    private static final int FIRST_CPU = 0;
    /** The source is ended before its time is up. */
    private static final int LONG_ENOUGH_SECONDS = 120;
    private static final List<String> TOOLS = List.of("iptables", "iptables-legacy", "iptables-nft");

    /** What stands in between. */
    public enum Way { STRAIGHT, IPTABLES, CULVERT }

    /**
     * What is sent.
     *
     * @param rate packets per second
     * @param payload bytes of UDP payload
     */
    public record Stream(int flows, int rate, int payload) { }

    /**
     * What was counted.
     *
     * @param sent by A
     * @param arrived at C
     * @param busySeconds of all CPUs, whoever they worked for
     * @param relaySeconds of the relay's process; 0 where there is none
     */
    public record Measured(double seconds, long sent, long arrived, double busySeconds, double relaySeconds) { }

    private final StopSignal signal;
    private final Stream load;
    private final Duration look;

    /** @param look how long a measurement lasts */
    public OneWay(final StopSignal signal, final Stream load, final Duration look) {
        this.signal = signal;
        this.load = load;
        this.look = look;
    }

    /** @throws Failure when iptables or AF_XDP does not work here */
    public Measured measure(final Way way) {
        try (Scene scene = Scene.open(signal); Arena arena = Arena.ofConfined()) {
            final Network network = new Network(scene, Topology.TWO_ARM, false);
            final Box box = switch (way) {
                case STRAIGHT -> null;
                case IPTABLES -> new IptablesBox(network, Topology.TWO_ARM);
                case CULVERT -> new CulvertBox(scene, network, Topology.TWO_ARM, Driver.AF_XDP, arena);
            };
            if (box == null) {
                network.layStraight();
            } else {
                network.lay();
                box.start();
            }
            sink(network.server());
            return measure(scene, network, box);
        } catch (final Box.Unusable e) {
            throw new Failure(Failure.FAILED, e.getMessage() + ". Fix: run as root; the kernel needs AF_XDP"
                    + " (CONFIG_XDP_SOCKETS) for Culvert, and iptables with its nat table for the yardstick", e);
        }
    }

    /** As early as a packet can end, so that C costs little and the same in every way. */
    private static void sink(final Namespace server) {
        final boolean sinks = TOOLS.stream().anyMatch(tool ->
                server.attempt(tool, "-w", "-t", "raw", "-A", "PREROUTING", "-p", "udp", "-j", "DROP").isGood());
        if (!sinks) {
            throw new Box.Unusable("none of " + String.join(", ", TOOLS) + " can set a rule in C");
        }
    }

    private Measured measure(final Scene scene, final Network network, final Box box) {
        final List<String> client = JavaProgram.command("lab", List.of("lab", "client",
                "--target", Topology.LISTENER + ":" + Topology.PORT, "--flows", Integer.toString(load.flows()),
                "--rate", Integer.toString(load.rate()), "--seconds", Integer.toString(LONG_ENOUGH_SECONDS),
                "--payload", Integer.toString(load.payload()), "--flow-start-rate", "50000", "--linger", "0"));
        final List<String> command = new ArrayList<>(List.of("taskset", "-c", Integer.toString(FIRST_CPU)));
        command.addAll(client);
        final Child source = scene.start("the source", network.clients().inside(command), Map.of());
        final boolean flows = scene.await(Scene.START_LIMIT,
                () -> !source.isAlive() || !source.lastLine().isEmpty());
        if (!source.isAlive()) {
            throw source.died();
        }
        if (!flows) {
            throw new Failure(Failure.FAILED, "the source sent nothing in " + Scene.START_LIMIT.toSeconds()
                    + " s. Fix: try again when this machine is less busy");
        }
        scene.sleep(SETTLE);
        final Sample before = sample(network, box);
        scene.sleep(look);
        final Sample after = sample(network, box);
        return after.since(before);
    }

    /** The counters at one moment. */
    private record Sample(long nowNs, long sent, long arrived, long busyTicks, long relayTicks) {
        Measured since(final Sample earlier) {
            return new Measured((nowNs - earlier.nowNs) / SECOND_NS, sent - earlier.sent, arrived - earlier.arrived,
                    (busyTicks - earlier.busyTicks) / CpuTime.TICKS_PER_SECOND,
                    (relayTicks - earlier.relayTicks) / CpuTime.TICKS_PER_SECOND);
        }
    }

    private static Sample sample(final Network network, final Box box) {
        final long sent = count(network.clients(), "a0", "tx");
        final long arrived = count(network.server(), "c0", "rx");
        final long relayTicks = box == null || box.cpuTicks() == Box.NO_PROCESS ? 0 : box.cpuTicks();
        return new Sample(System.nanoTime(), sent, arrived, CpuTime.ofMachine(), relayTicks);
    }

    private static long count(final Namespace namespace, final String kernelInterface, final String direction) {
        final List<?> links = (List<?>) new Load(LoadSettings.builder().build())
                .loadFromString(namespace.ip("-s -j link show dev " + kernelInterface));
        final Map<?, ?> counts = (Map<?, ?>) ((Map<?, ?>) links.getFirst()).get("stats64");
        return ((Number) ((Map<?, ?>) counts.get(direction)).get("packets")).longValue();
    }
}
