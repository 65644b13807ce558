// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Neighbor;
import io.culvert.dataplane.wire.Ipv4;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.snakeyaml.engine.v2.nodes.Node;

/** The form of the file: which keys stand where, how each value is read, and what it is when left out. */
final class DraftReader {
    static final String API_VERSION = "culvert/v1";
    static final InetSocketAddress DEFAULT_METRICS = new InetSocketAddress(Addresses.parse("127.0.0.1"), 9470);

    private static final List<String> TOP_KEYS = List.of("apiVersion", "instance", "ports", "workers", "memory",
            "defaults", "limits", "icmp", "rules", "metrics");
    private static final List<String> PORT_KEYS =
            List.of("device", "address", "gateway", "mtu", "vlan", "mac", "reversePath", "neighbors");
    private static final String DEVICE_EXAMPLE = "device: \"0000:8a:00.0\"";
    private static final String ADDRESS_EXAMPLE = "address: 203.0.113.1/24";
    private static final String PORTS_EXAMPLE = "ports: { edge: { " + DEVICE_EXAMPLE + ", " + ADDRESS_EXAMPLE + " } }";
    private static final String NEIGHBORS_EXAMPLE = "neighbors: { 203.0.113.254: 52:54:00:aa:00:01 }";
    private static final String METRICS_EXAMPLE = "metrics: { listen: 127.0.0.1:9470 } or metrics: none";
    /** As many as DPDK has room for. */
    private static final int PORTS_LIMIT = 32;

    private final Problems problems;

    private DraftReader(final Problems problems) {
        this.problems = problems;
    }

    static Optional<Draft> read(final Node root, final Problems problems) {
        return Section.ofKeys(root, "", "instance:, ports: and rules: at the start of their lines", TOP_KEYS, problems)
                .map(new DraftReader(problems)::readFile);
    }

    private Draft readFile(final Section file) {
        file.value("apiVersion", text -> Values.oneOf(text, List.of(API_VERSION)));
        final Optional<Located<String>> instance = file.value("instance", Values::name);
        return new Draft(
                instance.map(Located::value).orElse("default"),
                readPorts(file),
                WorkersReader.read(file, problems),
                readMemory(file),
                LimitsReader.read(file, problems),
                IcmpConfig.read(file, problems),
                RulesReader.read(file, problems),
                readMetrics(file));
    }

    private List<Draft.Port> readPorts(final Section file) {
        final List<Draft.Port> ports = new ArrayList<>();
        if (!file.has("ports")) {
            file.missing("ports", PORTS_EXAMPLE);
        }
        final Optional<Section> section =
                file.node("ports").flatMap(node -> Section.ofNames(node, "ports", PORTS_EXAMPLE, problems));
        section.ifPresent(named -> {
            if (named.keys().isEmpty() || named.keys().size() > PORTS_LIMIT) {
                named.problem(named.place(), "must name 1 to " + PORTS_LIMIT + " ports. Fix: write " + PORTS_EXAMPLE);
            }
            named.keys().forEach(name -> readPort(named, name).ifPresent(ports::add));
        });
        return ports;
    }

    private Optional<Draft.Port> readPort(final Section ports, final String name) {
        final String title = "port " + Quote.of(name);
        try {
            Values.name(name);
        } catch (final IllegalArgumentException unusable) {
            ports.problem(ports.keyPlace(name), unusable.getMessage());
        }
        final String example = "{ " + DEVICE_EXAMPLE + ", " + ADDRESS_EXAMPLE + " }";
        return ports.node(name).flatMap(node -> Section.ofKeys(node, title, example, PORT_KEYS, problems))
                .map(port -> new Draft.Port(
                        name,
                        port.required("device", DEVICE_EXAMPLE, Devices::parse),
                        readOwnAddresses(port),
                        port.list("gateway", true, Addresses::parseNextHop),
                        port.value("mtu", Values.integer(Ipv4.LEAST_MTU, PortConfig.LARGEST_MTU)),
                        port.value("vlan", Values.integer(1, 4094)),
                        port.value("mac", DraftReader::unicastMac),
                        port.value("reversePath", text -> Values.oneOf(text, List.of("strict", "off"))),
                        readNeighbors(port)));
    }

    private static List<Located<Cidr>> readOwnAddresses(final Section port) {
        if (!port.has("address")) {
            port.missing("address", ADDRESS_EXAMPLE);
        }
        return port.list("address", true, DraftReader::ownAddress);
    }

    private static Cidr ownAddress(final String text) {
        if (text.indexOf('/') < 0) {
            final InetAddress address = Addresses.parseUnicast(text);
            throw new IllegalArgumentException(Quote.of(text) + " has no prefix length. Fix: write "
                    + Addresses.text(address) + (Addresses.isIpv6(address) ? "/64" : "/24")
                    + ", or the length that your network has");
        }
        final Cidr own = Cidr.parse(text);
        Addresses.parseUnicast(Addresses.text(own.address()));
        if (own.prefixLength() == 0) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " puts the whole Internet on this link. Fix: write the length that your network has, like "
                    + (Addresses.isIpv6(own.address()) ? "/64" : "/24"));
        }
        if (own.reserves(own.address())) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is the network or the broadcast address of its network. Fix: use an address between the two");
        }
        return own;
    }

    private static MacAddress unicastMac(final String text) {
        final MacAddress mac = MacAddress.parse(text);
        if (!mac.isUnicast()) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is a group address or all zeros, which no station has. Fix: use one like 52:54:00:aa:00:01");
        }
        return mac;
    }

    private List<Neighbor> readNeighbors(final Section port) {
        final List<Neighbor> neighbors = new ArrayList<>();
        port.node("neighbors")
                .flatMap(node -> Section.ofNames(node, port.titleOf("neighbors"), NEIGHBORS_EXAMPLE, problems))
                .ifPresent(section -> {
                    if (section.keys().size() > Section.LIST_LIMIT) {
                        section.problem(section.place(), "more than " + Section.LIST_LIMIT
                                + ". Fix: leave them to ARP and neighbor discovery, which find them by themselves");
                    }
                    section.keys().stream().limit(Section.LIST_LIMIT)
                            .forEach(key -> readNeighbor(section, key).ifPresent(neighbors::add));
                });
        return neighbors;
    }

    private static Optional<Neighbor> readNeighbor(final Section section, final String key) {
        final Optional<Located<MacAddress>> mac = section.value(key, DraftReader::unicastMac);
        try {
            final InetAddress address = Addresses.parseNextHop(key);
            return Optional.of(new Neighbor(new Located<>(address, section.keyPlace(key)), mac));
        } catch (final IllegalArgumentException unreadable) {
            section.problem(section.keyPlace(key), unreadable.getMessage());
            return Optional.empty();
        }
    }

    private MemoryConfig readMemory(final Section file) {
        final Optional<Section> memory = file.node("memory").flatMap(node -> Section.ofKeys(
                node, "memory", "memory: { huge: auto }", List.of("huge", "megabytes"), problems));
        return new MemoryConfig(
                memory.flatMap(section -> section.value("huge", DraftReader::huge))
                        .map(Located::value).orElse(MemoryConfig.Huge.AUTO),
                memory.flatMap(section -> section.value("megabytes", Values.integer(16, 1 << 20)))
                        .map(Located::value).orElse(0));
    }

    private static MemoryConfig.Huge huge(final String text) {
        return MemoryConfig.Huge.valueOf(
                Values.oneOf(text, List.of("auto", "true", "false")).toUpperCase(Locale.ROOT));
    }

    private Optional<InetSocketAddress> readMetrics(final Section file) {
        if (file.says("metrics", "none")) {
            return Optional.empty();
        }
        final Optional<InetSocketAddress> listen = file.node("metrics")
                .flatMap(node -> Section.ofKeys(node, "metrics", METRICS_EXAMPLE, List.of("listen"), problems))
                .flatMap(section -> section.value("listen", DraftReader::metricsAddress))
                .map(Located::value);
        return listen.or(() -> Optional.of(DEFAULT_METRICS));
    }

    private static InetSocketAddress metricsAddress(final String text) {
        if (text.indexOf(':') < 0) {
            throw new IllegalArgumentException(Quote.of(text) + " has no port. Fix: write 127.0.0.1:9470");
        }
        final Endpoint listen = Endpoint.parse(text, "", Addresses::parse);
        if (listen.ports().length() > 1 || listen.address().isMulticastAddress()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is not one address and one port. Fix: write 127.0.0.1:9470");
        }
        return new InetSocketAddress(listen.address(), listen.ports().low());
    }
}
