// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.config.Cidr;
import io.culvert.control.config.MacAddress;
import io.culvert.control.config.PortConfig;
import io.culvert.control.config.PortRange;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.config.RuleConfig;
import io.culvert.control.config.SnatConfig;
import io.culvert.control.system.UdpFrame;
import io.culvert.dataplane.nat.NatBehavior;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * A client and a target that a golden case knows nothing of, with a rule, a pool and stations of their own, on the
 * first and the last port that have an IPv4 network. A packet of theirs stands before, between and behind the packets
 * of the case, and leaves byte for byte as if the case were not: it forbids fragments, so that its id is its own.
 */
final class WalkBystander {
    private static final int HOST = 250;
    private static final int LISTEN = 4_320;
    private static final int CLIENT_PORT = 4_322;
    private static final int TARGET_PORT = 4_324;
    private static final int TTL = 64;
    private static final MacAddress CLIENT_MAC = MacAddress.parse("02:00:00:00:fa:01");
    private static final MacAddress TARGET_MAC = MacAddress.parse("02:00:00:00:fa:02");
    private static final Duration LONG = Duration.ofHours(1);

    private final PortConfig edge;
    private final PortConfig inner;
    private final InetSocketAddress client;
    private final InetSocketAddress listener;
    private final InetSocketAddress external;
    private final InetSocketAddress target;
    /** By port: what must leave there, and what has been sent there. */
    private final Map<String, List<byte[]>> due = new HashMap<>();
    private final Map<String, Integer> sent = new HashMap<>();
    private int sequence;

    private WalkBystander(final PortConfig edge, final PortConfig inner) {
        this.edge = edge;
        this.inner = inner;
        final InetAddress own = network(edge).address();
        final InetAddress outside = network(inner).address();
        client = new InetSocketAddress(host(own, HOST), CLIENT_PORT);
        listener = new InetSocketAddress(own, LISTEN);
        external = new InetSocketAddress(outside, CLIENT_PORT);
        target = new InetSocketAddress(host(outside, HOST + 1), TARGET_PORT);
    }

    /** None where no port has an IPv4 network with room for two more hosts and a configured MAC address. */
    static Optional<WalkBystander> of(final RelayConfig config) {
        final List<PortConfig> suited = config.ports().stream()
                .filter(port -> port.mac().isPresent() && network(port) != null).toList();
        return suited.isEmpty() ? Optional.empty()
                : Optional.of(new WalkBystander(suited.getFirst(), suited.getLast()));
    }

    private static Cidr network(final PortConfig port) {
        return port.addresses().stream().filter(cidr -> cidr.address() instanceof Inet4Address
                && cidr.prefixLength() <= 24).findFirst().orElse(null);
    }

    private static InetAddress host(final InetAddress neighbor, final int lastByte) {
        final byte[] bytes = neighbor.getAddress();
        bytes[bytes.length - 1] = (byte) lastByte;
        try {
            return InetAddress.getByAddress(bytes);
        } catch (final UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    RelayConfig join(final RelayConfig config) {
        final List<RuleConfig> rules = new ArrayList<>(config.rules());
        final PortRange pool = new PortRange(CLIENT_PORT, CLIENT_PORT);
        rules.add(new RuleConfig("bystander", listener.getAddress(), new PortRange(LISTEN, LISTEN), List.of(),
                target.getAddress(), new PortRange(TARGET_PORT, TARGET_PORT),
                Optional.of(new SnatConfig(List.of(external.getAddress()), pool)), NatBehavior.STRICT, LONG, LONG, true,
                true, false, OptionalInt.empty(), OptionalInt.empty()));
        return new RelayConfig(config.instance(), config.ports().stream().map(this::introduced).toList(),
                config.workers(), config.memory(), config.limits(), config.icmp(), rules, config.metrics());
    }

    private PortConfig introduced(final PortConfig port) {
        final Map<InetAddress, MacAddress> neighbors = new LinkedHashMap<>(port.neighbors());
        if (port.name().equals(edge.name())) {
            neighbors.put(client.getAddress(), CLIENT_MAC);
        }
        if (port.name().equals(inner.name())) {
            neighbors.put(target.getAddress(), TARGET_MAC);
        }
        return new PortConfig(port.name(), port.device(), port.addresses(), port.gateways(), port.mtu(), port.vlan(),
                port.mac(), port.checksReversePath(), neighbors);
    }

    /** The frames of the case that come in on a port, with the bystander's before, between and behind them. */
    List<byte[]> mix(final String port, final List<byte[]> frames) {
        final List<byte[]> mixed = new ArrayList<>(speak(port));
        for (final byte[] frame : frames) {
            mixed.add(frame);
            mixed.addAll(speak(port));
        }
        return mixed;
    }

    private List<byte[]> speak(final String port) {
        final List<byte[]> said = new ArrayList<>();
        if (port.equals(edge.name())) {
            said.add(frame(edge, CLIENT_MAC, edge.mac().orElseThrow(), client, listener, TTL));
            due(inner, frame(inner, inner.mac().orElseThrow(), TARGET_MAC, external, target, TTL - 1));
            sequence++;
        }
        if (port.equals(inner.name())) {
            said.add(frame(inner, TARGET_MAC, inner.mac().orElseThrow(), target, external, TTL));
            due(edge, frame(edge, edge.mac().orElseThrow(), CLIENT_MAC, listener, client, TTL - 1));
            sequence++;
        }
        sent.merge(port, said.size(), Integer::sum);
        return said;
    }

    private void due(final PortConfig port, final byte[] frame) {
        due.computeIfAbsent(port.name(), name -> new ArrayList<>()).add(frame);
    }

    private byte[] frame(final PortConfig port, final MacAddress fromMac, final MacAddress toMac,
                         final InetSocketAddress from, final InetSocketAddress to, final int ttl) {
        final byte[] payload = ByteBuffer.allocate(32).putInt(sequence).array();
        final byte[] frame = UdpFrame.of(fromMac.bytes(), toMac.bytes(), from, to, payload).dontFragment().ttl(ttl)
                .bytes();
        if (port.vlan().isEmpty()) {
            return frame;
        }
        final ByteBuffer tagged = ByteBuffer.allocate(frame.length + 4).put(frame, 0, 12).putShort((short) 0x8100);
        return tagged.putShort((short) port.vlan().getAsInt()).put(frame, 12, frame.length - 12).array();
    }

    /** What left on a port without the bystander's frames, which are all there, in order and as they must be. */
    List<byte[]> takeFrom(final String port, final List<byte[]> left) {
        final List<byte[]> expected = due.getOrDefault(port, List.of());
        final List<byte[]> others = new ArrayList<>();
        int found = 0;
        for (final byte[] frame : left) {
            if (found < expected.size() && Arrays.equals(expected.get(found), frame)) {
                found++;
            } else {
                others.add(frame);
            }
        }
        final int next = found;
        assertEquals(expected.size(), found, () -> "the bystander's packets out of " + port + ", of which this one does"
                + " not leave as it must: " + HexFormat.of().formatHex(expected.get(next)));
        return others;
    }

    /** How many of the packets that a series counts are the bystander's. */
    long partOf(final String series) {
        for (final String port : List.of(edge.name(), inner.name())) {
            if (series.equals("culvert_port_receive_packets_total{port=\"" + port + "\"}")) {
                return sent.getOrDefault(port, 0);
            }
            if (series.equals("culvert_port_transmit_packets_total{port=\"" + port + "\"}")) {
                return due.getOrDefault(port, List.of()).size();
            }
        }
        return 0;
    }
}
