// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * The demo's hosts and the cables between them, offloads off: a veth would hand on UDP checksums half made. One arm
 * needs a switch, a bridge in a namespace of its own.
 */
final class Network {
    private static final String BRIDGE = "br0";
    /** Packets that a tap holds for a relay that is late; what comes then is lost. */
    private static final int TAP_QUEUE = 10_000;

    /** Packets that B's kernel interfaces carried, and those that came and that nobody took. */
    record Counts(long received, long sent, long dropped) { }

    private final Topology topology;
    private final boolean taps;
    private final Namespace a;
    private final Namespace b;
    private final Namespace c;
    private final Namespace s;

    /** @param taps whether B brings its own cables, see {@link #plugTaps} */
    Network(final Scene scene, final Topology topology, final boolean taps) {
        this.topology = topology;
        this.taps = taps;
        a = scene.namespace("a");
        b = scene.namespace("b");
        c = scene.namespace("c");
        s = topology == Topology.ONE_ARM ? scene.namespace("s") : null;
    }

    Namespace clients() {
        return a;
    }

    Namespace relay() {
        return b;
    }

    Namespace server() {
        return c;
    }

    /** The kernel interfaces that B's ports are made of. */
    List<String> relayInterfaces() {
        if (topology == Topology.ONE_ARM) {
            return List.of(taps ? "b9" : "b0");
        }
        return taps ? List.of("a0", "c0") : List.of("b0", "b1");
    }

    /** B's address on each of {@link #relayInterfaces}. */
    List<String> relayAddresses() {
        return topology == Topology.ONE_ARM ? List.of(Topology.LISTENER)
                : List.of(Topology.LISTENER, topology.source());
    }

    /** All that can be there before B runs. */
    void lay() {
        if (topology == Topology.ONE_ARM) {
            s.ip("link add " + BRIDGE + " type bridge mcast_snooping 0");
            s.ip("link set " + BRIDGE + " up");
            join("a9", a, "a0");
            join("c9", c, "c0");
            if (!taps) {
                join("b9", b, "b0");
            }
        } else if (!taps) {
            cable(a, "a0", b, "b0");
            cable(c, "c0", b, "b1");
        }
        if (!taps || topology == Topology.ONE_ARM) {
            address();
        }
    }

    /** A and C on one cable, with C in B's place. */
    void layStraight() {
        cable(a, "a0", c, "c0");
        a.ip("address add " + Topology.CLIENT + Topology.PREFIX + " dev a0");
        c.ip("address add " + Topology.LISTENER + Topology.PREFIX + " dev c0");
    }

    /** Hands the kernel ends of B's taps, which exist once B runs, to whom they lead to. */
    void plugTaps() {
        if (topology == Topology.ONE_ARM) {
            b.ip("link set b9 netns " + s.name());
            s.ip("link set b9 master " + BRIDGE);
            s.ip("link set b9 txqueuelen " + TAP_QUEUE + " up");
        } else {
            b.ip("link set a0 netns " + a.name());
            b.ip("link set c0 netns " + c.name());
            a.ip("link set a0 txqueuelen " + TAP_QUEUE + " up");
            c.ip("link set c0 txqueuelen " + TAP_QUEUE + " up");
            address();
        }
    }

    /** Gives B's kernel the addresses that the relay would have. */
    void addressRelay() {
        IntStream.range(0, relayInterfaces().size()).forEach(port ->
                b.ip("address add " + relayAddresses().get(port) + Topology.PREFIX + " dev "
                        + relayInterfaces().get(port)));
    }

    Counts relayCounts() {
        long received = 0;
        long sent = 0;
        long dropped = 0;
        for (final Object item : (List<?>) new Load(LoadSettings.builder().build())
                .loadFromString(b.ip("-s -j link show"))) {
            final Map<?, ?> link = (Map<?, ?>) item;
            if (relayInterfaces().contains((String) link.get("ifname"))) {
                final Map<?, ?> counts = (Map<?, ?>) link.get("stats64");
                received += count(counts.get("rx"), "packets");
                sent += count(counts.get("tx"), "packets");
                dropped += count(counts.get("rx"), "dropped");
            }
        }
        return new Counts(received, sent, dropped);
    }

    private static long count(final Object direction, final String name) {
        return ((Number) ((Map<?, ?>) direction).get(name)).longValue();
    }

    private void address() {
        a.ip("address add " + Topology.CLIENT + Topology.PREFIX + " dev a0");
        c.ip("address add " + topology.server() + Topology.PREFIX + " dev c0");
    }

    private void join(final String port, final Namespace host, final String hostInterface) {
        cable(s, port, host, hostInterface);
        s.ip("link set " + port + " master " + BRIDGE);
    }

    private static void cable(final Namespace left, final String leftEnd, final Namespace right,
                              final String rightEnd) {
        left.ip("link add " + leftEnd + " type veth peer name " + rightEnd + " netns " + right.name());
        finish(left, leftEnd);
        finish(right, rightEnd);
    }

    private static void finish(final Namespace namespace, final String end) {
        namespace.run("ethtool", "-K", end, "tx", "off", "gro", "off", "gso", "off");
        namespace.ip("link set " + end + " up");
    }
}
