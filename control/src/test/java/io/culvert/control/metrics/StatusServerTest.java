// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.deploy.Patience;
import io.culvert.control.deploy.Script;
import io.culvert.control.view.RelayFixture;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.LoopHistogram;
import io.culvert.dataplane.stats.WorkerCounters;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StatusServerTest {
    /** Well beyond the 5 s that a request may take to arrive. */
    private static final int READ_LIMIT_MS = 20_000;
    private static final RelayInfo INFO = new RelayInfo("edge",
            Map.of("version", "0.1.0", "jdk", "25", "dpdk", "22.11"),
            List.of(Map.of("port", "p0", "device", "net_tap0", "driver", "net_tap", "numa_node", "0"),
                    Map.of("port", "p1", "device", "0000:8a:00.1", "driver", "net_ice", "numa_node", "1")));

    private final RelayFixture relay = new RelayFixture("status-server-test", 2, 100);
    private final HttpClient client = HttpClient.newHttpClient();
    private StatusServer server;

    @BeforeEach
    void start() throws IOException {
        server = new StatusServer(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), relay.counters,
                relay.files, INFO);
        relay.counters.beat();
        for (int worker = 0; worker < 2; worker++) {
            beat(worker, 0);
        }
    }

    @AfterEach
    void stop() {
        client.close();
        server.close();
        relay.close();
    }

    private void beat(final int worker, final long ageMs) {
        relay.worker(worker).set(relay.catalog.of(WorkerCounter.HEARTBEAT_MS), System.currentTimeMillis() - ageMs);
    }

    private HttpResponse<String> ask(final String method, final String path) throws Exception {
        return client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.address().getPort() + path))
                .timeout(Patience.LIMIT)
                .method(method, HttpRequest.BodyPublishers.noBody()).build(), HttpResponse.BodyHandlers.ofString());
    }

    private Map<String, Double> scrape() throws Exception {
        final HttpResponse<String> response = ask("GET", "/metrics");
        assertEquals(200, response.statusCode());
        return response.body().lines().filter(line -> !line.startsWith("#")).collect(Collectors.toMap(
                line -> line.substring(0, line.lastIndexOf(' ')),
                line -> Double.valueOf(line.substring(line.lastIndexOf(' ') + 1).replace("+Inf", "Infinity")),
                (one, other) -> {
                    throw new IllegalStateException("a series twice");
                }, TreeMap::new));
    }

    @Test
    @Tag("RFC6888-REQ-10")
    @Tag("RFC6888-REQ-11c")
    void exportsEachSeriesUnderItsName() throws Exception {
        final WorkerCounters first = relay.worker(0);
        final WorkerCounters second = relay.worker(1);
        first.add(relay.catalog.received(0), 7);
        second.add(relay.catalog.received(0), 5);
        second.add(relay.catalog.dropped(1) + DropReason.ACL.ordinal(), 3);
        first.add(relay.catalog.of(WorkerCounter.BUSY_CYCLES), 90);
        first.add(relay.catalog.of(WorkerCounter.SESSIONS), 50);
        second.set(relay.catalog.of(WorkerCounter.HEARTBEAT_MS), 1_700_000_000_500L);
        first.add(relay.catalog.created(1), 9);
        second.add(relay.catalog.ended(1), 2);
        first.add(relay.catalog.ruleTraffic(0) + 3, 640);
        relay.counters.setProcess(relay.series.snatPortsUsed(0), 11);
        relay.counters.setProcess(relay.series.receiveMissed(1), 13);
        relay.counters.state(CounterFile.State.READY);
        final Map<String, Double> series = scrape();
        final Map<String, Double> expected = new TreeMap<>();
        expected.put("culvert_port_receive_packets_total{port=\"p0\",}", 12.0);
        expected.put("culvert_dropped_packets_total{port=\"p1\",reason=\"acl\",}", 3.0);
        expected.put("culvert_worker_cycles_total{state=\"busy\",worker=\"0\",}", 90.0);
        expected.put("culvert_flows{worker=\"0\",}", 50.0);
        expected.put("culvert_flows_limit", 200.0);
        expected.put("culvert_flow_table_fill_ratio", 0.25);
        expected.put("culvert_worker_heartbeat_timestamp_seconds{worker=\"1\",}", 1_700_000_000.5);
        expected.put("culvert_flows_created_total{rule=\"intercom\",}", 9.0);
        expected.put("culvert_flows_ended_total{reason=\"idle\",rule=\"intercom\",}", 2.0);
        expected.put("culvert_rule_flows{rule=\"intercom\",}", 7.0);
        expected.put("culvert_rule_bytes_total{direction=\"reply\",rule=\"cam-wall\",}", 640.0);
        expected.put("culvert_snat_ports_used{pool=\"203.0.113.1\",}", 11.0);
        expected.put("culvert_port_receive_missed_packets_total{port=\"p1\",}", 13.0);
        expected.put("culvert_neighbors{state=\"reachable\",}", 0.0);
        expected.put("culvert_build_info{dpdk=\"22.11\",jdk=\"25\",version=\"0.1.0\",}", 1.0);
        expected.put("culvert_port_info{device=\"net_tap0\",driver=\"net_tap\",numa_node=\"0\",port=\"p0\",}", 1.0);
        expected.put("culvert_state{state=\"ready\",}", 1.0);
        expected.put("culvert_state{state=\"draining\",}", 0.0);
        expected.forEach((name, value) -> assertEquals(value, series.get(name), name));
        assertTrue(series.keySet().stream().anyMatch(name -> name.startsWith("jvm_memory_used_bytes{")));
        assertTrue(series.containsKey("process_cpu_seconds_total"));
    }

    @Test
    void turnsLoopCyclesIntoAHistogramOfSeconds() throws Exception {
        final LoopHistogram loops = new LoopHistogram(relay.worker(1));
        loops.record(1_000);
        loops.record(2_000);
        loops.record(1L << 40);
        final Map<String, Double> series = scrape();
        final String name = "culvert_worker_loop_duration_seconds";
        assertEquals(1.0, series.get(name + "_bucket{worker=\"1\",le=\"1.024E-6\",}"));
        assertEquals(2.0, series.get(name + "_bucket{worker=\"1\",le=\"2.048E-6\",}"));
        assertEquals(3.0, series.get(name + "_bucket{worker=\"1\",le=\"+Inf\",}"));
        assertEquals(3.0, series.get(name + "_count{worker=\"1\",}"));
        assertEquals((3_000 + (1L << 40)) / 1e9, series.get(name + "_sum{worker=\"1\",}"), 1e-6);
        assertEquals(0.0, series.get(name + "_count{worker=\"0\",}"));
    }

    @Test
    void keepsTheNumberOfSeriesWhateverTheNumberOfSessions() throws Exception {
        final long before = scrape().keySet().stream().filter(name -> name.startsWith("culvert_")).count();
        for (int i = 0; i < 50; i++) {
            relay.open(0, 0, "10.0.0.1:" + (1000 + i), "203.0.113.1:9000", "203.0.113.1:" + (2000 + i), "10.9.9.9:9");
        }
        assertEquals(before, scrape().keySet().stream().filter(name -> name.startsWith("culvert_")).count());
    }

    /** The series' functions must outlive a garbage collection, or counters would freeze. */
    @Test
    void goesOnCountingAfterACollection() throws Exception {
        final String name = "culvert_port_transmit_bytes_total{port=\"p1\",}";
        for (int round = 1; round <= 3; round++) {
            System.gc();
            relay.worker(0).add(relay.catalog.sent(1) + 1, 100);
            assertEquals(100.0 * round, scrape().get(name));
        }
    }

    @Test
    void pleasesPromtool(@TempDir final Path directory) throws Exception {
        final boolean installed = Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(path -> Files.isExecutable(Path.of(path, "promtool")));
        assumeTrue(installed, "promtool is not installed: apt install prometheus");
        final Path metrics = Files.writeString(directory.resolve("metrics"), ask("GET", "/metrics").body());
        final Script promtool = Script.run(Map.of(), List.of("sh", "-c", "promtool check metrics < " + metrics));
        assertEquals("", promtool.output());
        assertEquals(0, promtool.exitCode());
    }

    @Test
    void isNotReadyWhileALinkIsDown() throws Exception {
        relay.counters.state(CounterFile.State.READY);
        relay.counters.setProcess(relay.series.up(0), 1);
        relay.counters.setProcess(relay.series.up(1), 0);
        final HttpResponse<String> halfUp = ask("GET", "/readyz");
        assertEquals(503, halfUp.statusCode());
        assertEquals("no link on p1\n", halfUp.body());
        relay.counters.setProcess(relay.series.up(1), 1);
        assertEquals(200, ask("GET", "/readyz").statusCode());
    }

    @Test
    void isReadyOnlyInThatState() throws Exception {
        relay.counters.setProcess(relay.series.up(0), 1);
        relay.counters.setProcess(relay.series.up(1), 1);
        for (final CounterFile.State state : CounterFile.State.values()) {
            relay.counters.state(state);
            final HttpResponse<String> response = ask("GET", "/readyz");
            assertEquals(state == CounterFile.State.READY ? 200 : 503, response.statusCode(), state.name());
            assertEquals(state.name().toLowerCase() + "\n", response.body());
        }
    }

    @Test
    void isHealthyWhileEveryHeartIsFresh() throws Exception {
        relay.counters.state(CounterFile.State.READY);
        assertEquals(200, ask("GET", "/healthz").statusCode());
        beat(1, 60_000);
        final HttpResponse<String> response = ask("GET", "/healthz");
        assertEquals(503, response.statusCode());
        assertEquals("worker 1 has no fresh heartbeat\n", response.body());
    }

    @Test
    void showsAPageForPeople() throws Exception {
        final HttpResponse<String> page = ask("GET", "/");
        assertEquals(200, page.statusCode());
        assertTrue(page.body().startsWith("culvert edge  starting\n"), page.body());
    }

    @Test
    void servesNothingElse() throws Exception {
        for (final String path : List.of("/metricsx", "/metrics/", "/etc/passwd", "/..%2f..%2fetc/passwd",
                "/%2e%2e/metrics", "//metrics")) {
            assertEquals(404, ask("GET", path).statusCode(), path);
        }
        for (final String method : List.of("POST", "PUT", "DELETE", "OPTIONS", "TRACE")) {
            assertEquals(405, ask(method, "/metrics").statusCode(), method);
        }
        assertTrue(raw("GET http://elsewhere/metrics HTTP/1.1\r\nHost: a\r\n\r\n").startsWith("HTTP/1.1 404"));
        assertEquals(200, ask("GET", "/metrics?collect=all").statusCode());
    }

    @Test
    void answersHeadWithoutABody() throws Exception {
        final HttpResponse<String> response = ask("HEAD", "/metrics");
        assertEquals(200, response.statusCode());
        assertEquals("", response.body());
        assertTrue(response.headers().firstValueAsLong("Content-Length").orElse(0) > 1_000);
    }

    @Test
    void refusesAHeaderWithoutEnd() throws Exception {
        final String answer = raw("GET /metrics HTTP/1.1\r\nX: " + "x".repeat(1_000_000) + "\r\n\r\n");
        assertFalse(answer.startsWith("HTTP/1.1 200"), answer);
        assertEquals(200, ask("GET", "/metrics").statusCode());
    }

    /** As many slow clients as do not fill the house; what they started must end, and nobody waits for them. */
    @Test
    void cutsOffSlowClientsAndServesOthersMeanwhile() throws Exception {
        final List<Socket> slow = new ArrayList<>();
        try {
            for (int i = 0; i < 20; i++) {
                final Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.address().getPort());
                slow.add(socket);
                socket.getOutputStream().write("GET /metrics HTTP/1.1\r\nHost:".getBytes(StandardCharsets.US_ASCII));
            }
            assertEquals(200, ask("GET", "/metrics").statusCode());
            for (final Socket socket : slow) {
                // Fails with a timeout unless the server hangs up.
                readToEnd(socket);
            }
        } finally {
            for (final Socket socket : slow) {
                socket.close();
            }
        }
    }

    /** With 10,000 rules a page takes tens of megabytes while it is made, and the daemon's heap is small. */
    @Test
    void manyWhoAskForALongPageAtOnceFindFewInMemory(@TempDir final Path directory) throws Exception {
        final List<String> rules = IntStream.range(0, 10_000).mapToObj(rule -> "one-of-many-rules-" + rule).toList();
        final List<Socket> slow = new ArrayList<>();
        try (Arena arena = Arena.ofShared()) {
            final CounterFile large = CounterFile.create(directory.resolve("counters"),
                    new CounterCatalog(RelayFixture.PORTS, rules), List.of(), 1, RelayFixture.TSC_HZ, arena);
            large.beat();
            try (StatusServer busy = new StatusServer(
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), large, List.of(), INFO)) {
                for (int i = 0; i < 24; i++) {
                    final Socket socket = new Socket();
                    socket.setReceiveBufferSize(4_096);
                    socket.connect(busy.address());
                    slow.add(socket);
                    socket.getOutputStream().write(
                            "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
                }
                int served = 0;
                for (final Socket socket : slow) {
                    socket.setSoTimeout(READ_LIMIT_MS);
                    final String status = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
                    served += status.equals("HTTP/1.1 200") ? 1 : 0;
                }
                // On a machine that is busy with other things none may be made in the time that a response has.
                assertTrue(served < slow.size(), served + " of " + slow.size());
                large.beat();
                assertEquals(200, client.send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                        + busy.address().getPort() + "/healthz")).timeout(Patience.LIMIT).build(),
                        HttpResponse.BodyHandlers.ofString()).statusCode());
            }
        } finally {
            for (final Socket socket : slow) {
                socket.close();
            }
        }
    }

    private String raw(final String request) throws IOException {
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), server.address().getPort())) {
            try {
                socket.getOutputStream().write((request).getBytes(StandardCharsets.US_ASCII));
                socket.shutdownOutput();
            } catch (final SocketException e) {
                return "";
            }
            return readToEnd(socket);
        }
    }

    private static String readToEnd(final Socket socket) throws IOException {
        socket.setSoTimeout(READ_LIMIT_MS);
        try (InputStream in = socket.getInputStream()) {
            return new String(in.readAllBytes(), StandardCharsets.US_ASCII);
        } catch (final SocketException e) {
            return "";
        }
    }
}
