// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.config.RelayConfig;
import java.io.IOException;
import java.net.NetworkInterface;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Two networks that are alike but for the relay in them: the kernel with DNAT and SNAT rules in the one, Culvert in the
 * other, both made from the same configuration. The same packets go through the kernel first, then through Culvert, and
 * what arrives at either end is compared, but for ports and echo identifiers of the external address, IP ids and TTLs.
 * <pre>
 *   client 198.51.100.2 --- 198.51.100.1 edge, relay, inner 192.0.2.1 --- 192.0.2.2 server
 * </pre>
 * The hosts at the ends are deaf, so that only the test speaks for them.
 */
final class OracleLab implements BeforeAllCallback, AfterEachCallback, AfterAllCallback {
    static final String CLIENT = RelayLab.CLIENT;
    static final String LISTENER = RelayLab.LISTENER;
    static final String EXTERNAL = RelayLab.EXTERNAL;
    static final String SERVER = RelayLab.SERVER;

    private static final int DEFAULT_MTU = 1_500;
    private static final String EDGE_MAC = "02:00:5e:00:53:00";
    private static final String INNER_MAC = "02:00:5e:00:53:01";
    private static final String CONFIGURATION = """
            instance: %s
            memory: { huge: false }
            metrics: none
            ports:
              edge: { device: "net_tap0,iface=client0", address: 198.51.100.1/24, mac: "%s" }
              inner: { device: "net_tap1,iface=server0", address: 192.0.2.1/24, mac: "%s", mtu: %d }
            """;
    /** Relayed to the same port; with it a side tells when everything sent before has passed. */
    private static final String MARKER_RULE = """
              - { name: marker, listen: "198.51.100.1:65000/udp", target: "192.0.2.2:65000" }
            """;

    private final String rules;
    private final int innerMtu;
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Thread hook = new Thread(this::closeAll, "oracle-lab");
    private OracleSide kernel;
    private OracleSide culvert;
    private RelayProcess relay;

    private OracleLab(final String rules, final int innerMtu) {
        this.rules = rules;
        this.innerMtu = innerMtu;
    }

    /**
     * @param rules {@code defaults:} and whatever else, then {@code rules:} last, its items indented by two; the SNAT
     *     address is {@link #EXTERNAL}
     */
    static OracleLab of(final String rules) {
        return new OracleLab(rules, DEFAULT_MTU);
    }

    /** Packets to the server may have so many bytes. */
    OracleLab withInnerMtu(final int mtu) {
        return new OracleLab(rules, mtu);
    }

    /** Plays the scenario on both sides; what arrives at the ends must be the same, and something must. */
    void agree(final Consumer<OracleSide> scenario) {
        agreeBut(UnaryOperator.identity(), scenario);
    }

    /** As {@link #agree}, where they may differ: {@code reading} makes of a line what both have in common. */
    void agreeBut(final UnaryOperator<String> reading, final Consumer<OracleSide> scenario) {
        final List<String> expected = kernel.play(scenario);
        assertFalse(expected.isEmpty(), "nothing arrives: is it the scenario that was meant?");
        assertEquals(read(expected, reading), read(culvert.play(scenario), reading));
    }

    private static String read(final List<String> transcript, final UnaryOperator<String> reading) {
        return transcript.stream().map(reading).collect(Collectors.joining("\n"));
    }

    /** As {@link #agree}, where the answer of both is none. */
    void agreeInSilence(final Consumer<OracleSide> scenario) {
        assertEquals(List.of(), kernel.play(scenario), "of the kernel");
        assertEquals(List.of(), culvert.play(scenario), "of Culvert");
    }

    RelayCounters counters() {
        return relay.counters();
    }

    @Override
    public void beforeAll(final ExtensionContext context) throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "namespaces and raw sockets need root");
        assumeTrue(Files.isWritable(Path.of("/run")) && Files.exists(Path.of("/proc/self/ns/net")),
                "this kernel has no network namespaces");
        Runtime.getRuntime().addShutdownHook(hook);
        final String yaml = CONFIGURATION.formatted(RelayLab.instance("oracle"), EDGE_MAC, INNER_MAC, innerMtu) + rules
                + MARKER_RULE;
        kernel = openKernel(RelayConfig.parse(yaml, "oracle.yaml"));
        culvert = openCulvert(yaml);
    }

    private OracleSide openKernel(final RelayConfig config) {
        final Namespace client = namespace("kernel-client");
        final Namespace host = namespace("kernel-relay");
        final Namespace server = namespace("kernel-server");
        Namespace.join(host, "edge0", client, RelayLab.CLIENT_LINK);
        Namespace.join(host, "inner0", server, RelayLab.SERVER_LINK);
        host.ip("link set inner0 mtu " + innerMtu);
        host.ip("addr add " + LISTENER + "/24 dev edge0");
        host.ip("addr add " + EXTERNAL + "/24 dev inner0");
        KernelNat.start(host, config);
        return side("the kernel", client, mac(host, "edge0"), server, mac(host, "inner0"));
    }

    private OracleSide openCulvert(final String yaml) throws IOException {
        final Path state = Files.createTempDirectory(Path.of("/dev/shm"), "culvert-test-");
        opened.push(() -> RelayLab.deleteTree(state));
        final Namespace client = namespace("client");
        final Namespace host = namespace("relay");
        final Namespace server = namespace("server");
        relay = RelayProcess.start(host, state, Map.of(), yaml);
        opened.push(relay);
        relay.awaitReady();
        move(host, RelayLab.CLIENT_LINK, client);
        move(host, RelayLab.SERVER_LINK, server);
        return side("Culvert", client, bytes(EDGE_MAC), server, bytes(INNER_MAC));
    }

    private OracleSide side(final String name, final Namespace client, final byte[] edgeMac, final Namespace server,
                            final byte[] innerMac) {
        client.ip("addr add " + CLIENT + "/24 dev " + RelayLab.CLIENT_LINK);
        server.ip("addr add " + SERVER + "/24 dev " + RelayLab.SERVER_LINK);
        KernelNat.silence(client);
        KernelNat.silence(server);
        final RawLink clientLink = RawLink.open(client, RelayLab.CLIENT_LINK);
        opened.push(clientLink);
        final RawLink serverLink = RawLink.open(server, RelayLab.SERVER_LINK);
        opened.push(serverLink);
        return new OracleSide(name, clientLink, edgeMac, serverLink, innerMac);
    }

    private Namespace namespace(final String role) {
        final Namespace created = Namespace.create(role);
        opened.push(created);
        return created;
    }

    private static void move(final Namespace from, final String link, final Namespace to) {
        from.ip("link set " + link + " netns " + to.name());
        to.ip("link set " + link + " up");
    }

    private static byte[] mac(final Namespace host, final String link) {
        return host.call(() -> NetworkInterface.getByName(link).getHardwareAddress());
    }

    private static byte[] bytes(final String mac) {
        return HexFormat.ofDelimiter(":").parseHex(mac);
    }

    @Override
    public void afterEach(final ExtensionContext context) {
        Eventually.holds(() -> "the ledger balances; unaccounted: " + counters().imbalance(),
                () -> counters().imbalance() == 0);
    }

    @Override
    public void afterAll(final ExtensionContext context) throws InterruptedException {
        try {
            if (relay != null) {
                relay.close();
                assertEquals(0, relay.awaitExit(), relay.output());
            }
        } finally {
            closeAll();
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }

    private void closeAll() {
        final AssertionError failure = new AssertionError("not everything could be taken away");
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (final Exception | AssertionError e) {
                failure.addSuppressed(e);
            }
        }
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }
}
