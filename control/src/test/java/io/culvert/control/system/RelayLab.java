// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.dataplane.stats.CounterFile.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HexFormat;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/**
 * The network and the relay of one test class: a client, a relay and a server, each in a namespace of its own. After
 * each test the loss ledger must balance; after the last the relay must end well, and everything is taken away again.
 * <pre>
 *   two arms: client 198.51.100.2 --- 198.51.100.1 edge, relay, inner 192.0.2.1 --- 192.0.2.2 server
 *   one arm:  client 198.51.100.2, relay 198.51.100.1 and server 198.51.100.3 on one bridge
 * </pre>
 * With IPv6, each address has another one beside it: 198.51.100.N and 2001:db8:198::N, 192.0.2.N and 2001:db8:192::N.
 */
final class RelayLab
        implements BeforeAllCallback, AfterEachCallback, AfterAllCallback, TestExecutionExceptionHandler {
    static final String CLIENT = "198.51.100.2";
    static final String LISTENER = "198.51.100.1";
    static final String EXTERNAL = "192.0.2.1";
    static final String SERVER = "192.0.2.2";
    static final String ONE_ARM_SERVER = "198.51.100.3";
    static final String CLIENT6 = ipv6(CLIENT);
    static final String LISTENER6 = ipv6(LISTENER);
    static final String EXTERNAL6 = ipv6(EXTERNAL);
    static final String SERVER6 = ipv6(SERVER);
    /** Interfaces of the client and the server. */
    static final String CLIENT_LINK = "client0";
    static final String SERVER_LINK = "server0";

    private static final Path STATE = Path.of("/dev/shm");
    private static final String FAULTS = "faults";
    private static final Pattern LEARNT = Pattern.compile("lladdr ([0-9a-f:]+)");
    private static final String COMMON = """
            instance: %s
            memory: { huge: false }
            metrics: none
            """;

    /** What the relay's ports are made of. */
    enum Driver {
        /** One end of a veth pair. */
        AF_XDP,
        /** The driver creates a kernel interface; it is moved to where the other end of a cable would be. */
        TAP
    }

    private final boolean oneArm;
    private final boolean dualStack;
    private final Driver driver;
    private final String rules;
    private String innerKeys = "";
    private boolean failing;
    private Map<String, String> environment = Map.of();
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final Thread hook = new Thread(this::closeAll, "relay-lab");
    private Path state;
    private Namespace client;
    private Namespace server;
    private Namespace host;
    private Namespace bridge;
    private RelayProcess relay;

    private RelayLab(final boolean oneArm, final boolean dualStack, final Driver driver, final String rules) {
        this.oneArm = oneArm;
        this.dualStack = dualStack;
        this.driver = driver;
        this.rules = rules;
    }

    /** @param rules the configuration but for instance, ports, memory and metrics */
    static RelayLab twoArm(final Driver driver, final String rules) {
        return new RelayLab(false, false, driver, rules);
    }

    /** @param rules as for {@link #twoArm}; the only port is {@code edge} */
    static RelayLab oneArm(final Driver driver, final String rules) {
        return new RelayLab(true, false, driver, rules);
    }

    /** {@link #twoArm}, with IPv6 beside IPv4 everywhere. */
    static RelayLab dualStack(final Driver driver, final String rules) {
        return new RelayLab(false, true, driver, rules);
    }

    /** @param keys of the port {@code inner} beside the usual ones, each with a comma in front */
    RelayLab inner(final String keys) {
        innerKeys = keys;
        return this;
    }

    /** With DPDK functions that fail when {@link #fail} says so: native/test/faults.c. */
    RelayLab withFaults() {
        failing = true;
        return this;
    }

    /**
     * From now on the DPDK function fails.
     *
     * @param device the name of the one that it fails for; empty for all
     */
    void fail(final String function, final String device) throws IOException {
        Files.writeString(state.resolve(FAULTS).resolve(function), device);
    }

    /** From now on it does its work again. */
    void mend(final String function) throws IOException {
        Files.delete(state.resolve(FAULTS).resolve(function));
    }

    @Override
    public void beforeAll(final ExtensionContext context) throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "namespaces and raw sockets need root");
        assumeTrue(Files.isWritable(Path.of("/run")) && Files.exists(Path.of("/proc/self/ns/net")),
                "this kernel has no network namespaces");
        Runtime.getRuntime().addShutdownHook(hook);
        state = Files.createTempDirectory(STATE, "culvert-test-");
        opened.push(() -> deleteTree(state));
        if (failing) {
            environment = Map.of("CULVERT_FAULTS", Files.createDirectory(state.resolve(FAULTS)).toString(),
                    "LD_PRELOAD", Path.of(System.getProperty("culvert.library"))
                            .resolveSibling("libculvert-faults.so").toString());
        }
        client = open("client");
        host = open("relay");
        server = open("server");
        if (oneArm) {
            bridge = open("bridge");
            bridge.ip("link add lan0 type bridge");
            bridge.ip("link set lan0 up");
            plug(client, CLIENT_LINK);
            plug(server, SERVER_LINK);
        }
        if (driver == Driver.AF_XDP) {
            cable();
        }
        startRelay();
    }

    /** Starts the relay of {@link #configuration()}, also after its predecessor has ended. */
    RelayProcess startRelay() throws IOException {
        return startRelay(configuration());
    }

    /** The same with another configuration, or with options of {@code culvert run}. */
    RelayProcess startRelay(final String yaml, final String... options) throws IOException {
        relay = launch(yaml, options).awaitReady();
        if (driver == Driver.TAP) {
            cable();
        }
        return relay;
    }

    /** Starts a relay beside the lab's own. It is ready, and ended with the lab at the latest. */
    RelayProcess start(final String yaml) throws IOException {
        return launch(yaml).awaitReady();
    }

    /** As {@link #start}, but it need not get ready. */
    RelayProcess launch(final String yaml, final String... options) throws IOException {
        final RelayProcess started = RelayProcess.start(host, state, environment, yaml, options);
        opened.push(started);
        return started;
    }

    String configuration() {
        return COMMON.formatted(instance("lab")) + ports() + rules;
    }

    /** A name that no other run on this machine has. */
    static String instance(final String name) {
        return "test-" + ProcessHandle.current().pid() + "-" + name;
    }

    private String ports() {
        return "ports:\n" + port("edge", 0, CLIENT_LINK, LISTENER)
                + (oneArm ? "" : port("inner", 1, SERVER_LINK, EXTERNAL));
    }

    private String port(final String name, final int number, final String link, final String address) {
        final String device = driver == Driver.AF_XDP
                ? "\"net_af_xdp" + number + ",iface=" + name + "0\""
                // The kernel's end has the device's address, so the relay's must be another.
                : "\"net_tap" + number + ",iface=" + (oneArm ? name + "0" : link) + "\", mac: \"02:00:5e:00:53:0"
                        + number + "\"";
        return "  " + name + ": { device: " + device + ", address: [" + address + "/24"
                + (dualStack ? ", " + ipv6(address) + "/64" : "") + "]" + ("inner".equals(name) ? innerKeys : "")
                + " }\n";
    }

    private Namespace open(final String role) {
        final Namespace created = Namespace.create(role);
        opened.push(created);
        return created;
    }

    private void plug(final Namespace end, final String link) {
        Namespace.join(end, link, bridge, "to-" + link);
        bridge.ip("link set to-" + link + " master lan0");
    }

    /** Connects the relay's ports and gives addresses to those at the other ends. */
    private void cable() {
        if (oneArm) {
            if (driver == Driver.AF_XDP) {
                plug(host, "edge0");
            } else {
                host.ip("link set edge0 netns " + bridge.name());
                bridge.ip("link set edge0 master lan0 up");
            }
            address(server, SERVER_LINK, ONE_ARM_SERVER);
        } else {
            cable("edge0", client, CLIENT_LINK);
            cable("inner0", server, SERVER_LINK);
            address(server, SERVER_LINK, SERVER);
            server.ip("route add 198.51.100.0/24 via " + EXTERNAL);
        }
        address(client, CLIENT_LINK, CLIENT);
        if (dualStack) {
            // A network without duplicate address detection: its addresses may be used at once.
            client.ip("addr add " + CLIENT6 + "/64 dev " + CLIENT_LINK + " nodad");
            server.ip("addr add " + SERVER6 + "/64 dev " + SERVER_LINK + " nodad");
            server.ip("route add " + ipv6("198.51.100.0") + "/64 via " + EXTERNAL6);
        }
    }

    /** The IPv6 address that goes with an address of the lab. */
    private static String ipv6(final String address) {
        return address.startsWith("198.51.100.") ? "2001:db8:198::" + address.substring(11)
                : "2001:db8:192::" + address.substring(8);
    }

    private void cable(final String port, final Namespace end, final String link) {
        if (driver == Driver.AF_XDP) {
            Namespace.join(host, port, end, link);
        } else {
            host.ip("link set " + link + " netns " + end.name());
            end.ip("link set " + link + " up");
        }
    }

    private static void address(final Namespace end, final String link, final String address) {
        end.ip("addr add " + address + "/24 dev " + link);
    }

    /** The relay's address on the edge, as the client's kernel learns it by ARP. */
    byte[] relayMac() {
        client.exec("ping", "-c", "1", "-W", "10", LISTENER);
        final Matcher learnt = LEARNT.matcher(client.ip("neigh show " + LISTENER));
        assertTrue(learnt.find(), "the client knows no address of the relay");
        return HexFormat.ofDelimiter(":").parseHex(learnt.group(1));
    }

    Namespace client() {
        return client;
    }

    Namespace server() {
        return server;
    }

    /** Where the relay runs. */
    Namespace host() {
        return host;
    }

    RelayProcess relay() {
        return relay;
    }

    RelayCounters counters() {
        return relay.counters();
    }

    @Override
    public void afterEach(final ExtensionContext context) {
        Eventually.holds(() -> "the ledger balances; unaccounted: " + counters().imbalance(),
                () -> counters().imbalance() == 0);
    }

    @Override
    public void handleTestExecutionException(final ExtensionContext context, final Throwable failure)
            throws Throwable {
        failure.addSuppressed(new AssertionError("the relay's output: " + relay.output()));
        throw failure;
    }

    @Override
    public void afterAll(final ExtensionContext context) throws InterruptedException {
        try {
            if (relay != null) {
                relay.close();
                assertEquals(0, relay.awaitExit(), relay.output());
                assertEquals(State.STOPPED, counters().file().state());
                assertEquals(0, counters().imbalance(), "unaccounted for after the end");
            }
        } finally {
            closeAll();
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }

    /** Closes everything, whatever fails on the way; then fails with all of it. */
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

    static void deleteTree(final Path directory) throws IOException {
        if (Files.exists(directory)) {
            try (Stream<Path> paths = Files.walk(directory)) {
                paths.sorted(Comparator.reverseOrder()).forEach(RelayLab::delete);
            }
        }
    }

    private static void delete(final Path path) {
        try {
            Files.delete(path);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
