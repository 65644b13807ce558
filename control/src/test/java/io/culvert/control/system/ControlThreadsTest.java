// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** What HTTP clients can take from a relay: neither a worker's core nor its files. */
class ControlThreadsTest {
    private static final InetSocketAddress LISTENER = at(RelayLab.LISTENER, 7890);
    private static final int METRICS = 9470;
    private static final int POLICY_AT = 38;
    private static final String ROUND_ROBIN = "2";
    /** Connections, and what the server itself holds. */
    private static final int FILES_LIMIT = 40;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890", snat: { address: 192.0.2.1 } }
            """);

    private record Task(String name, String policy, String cpus) { }

    @BeforeAll
    static void serveMetrics() throws Exception {
        LAB.relay().close();
        LAB.startRelay(LAB.configuration().replace("metrics: none", "metrics: { listen: 127.0.0.1:" + METRICS + " }"));
    }

    @Test
    void noThreadThatGoesFirstOrServesHttpMayRunWhereAWorkerPolls() throws IOException {
        assumeTrue(Runtime.getRuntime().availableProcessors() > 1, "with one CPU there is nowhere else");
        scrape();
        final List<Task> tasks = tasks();
        final String polling = tasks.stream().filter(task -> task.name.startsWith("worker-0")).findFirst()
                .orElseThrow().cpus;
        final List<Task> http = tasks.stream()
                .filter(task -> task.name.startsWith("culvert-http") || task.name.startsWith("HTTP-")).toList();
        assertTrue(http.size() > 1, tasks::toString);
        http.forEach(task -> assertFalse(task.policy.equals(ROUND_ROBIN), task::toString));
        final List<Task> others = tasks.stream().filter(task -> task.policy.equals(ROUND_ROBIN)
                || task.name.startsWith("eal-")).toList();
        assertTrue(others.stream().anyMatch(task -> task.name.equals("VM Thread")), "the VM's own thread goes first");
        assertTrue(others.stream().anyMatch(task -> task.name.startsWith("eal-")), others::toString);
        Stream.concat(http.stream(), others.stream()).forEach(task -> assertFalse(
                cpus(task.cpus).contains(Integer.parseInt(polling)), () -> task + ", a worker polls on " + polling));
    }

    private static List<Integer> cpus(final String list) {
        final List<Integer> cpus = new ArrayList<>();
        for (final String range : list.split(",")) {
            final String[] ends = range.split("-");
            for (int cpu = Integer.parseInt(ends[0]); cpu <= Integer.parseInt(ends[ends.length - 1]); cpu++) {
                cpus.add(cpu);
            }
        }
        return cpus;
    }

    private static List<Task> tasks() throws IOException {
        try (Stream<Path> threads = Files.list(Path.of("/proc", Long.toString(LAB.relay().pid()), "task"))) {
            return threads.map(ControlThreadsTest::task).toList();
        }
    }

    private static Task task(final Path thread) {
        try {
            final String stat = Files.readString(thread.resolve("stat"));
            final String cpus = Files.readAllLines(thread.resolve("status")).stream()
                    .filter(line -> line.startsWith("Cpus_allowed_list:")).findFirst().orElseThrow();
            return new Task(Files.readString(thread.resolve("comm")).strip(),
                    stat.substring(stat.lastIndexOf(')') + 2).split(" ")[POLICY_AT],
                    cpus.substring(cpus.indexOf(':') + 1).strip());
        } catch (final IOException e) {
            return new Task("ended", "0", "0");
        }
    }

    @Test
    void manyConnectionsTakeFewFilesAndThoseComeBack() throws Exception {
        scrape();
        final long before = files();
        final List<Socket> held = new ArrayList<>();
        try {
            for (int i = 0; i < 200; i++) {
                held.add(connect());
            }
            assertRelays();
            assertTrue(files() <= before + FILES_LIMIT, before + " files, then " + files());
        } finally {
            for (final Socket socket : held) {
                socket.close();
            }
        }
        assertRecovers(before);
    }

    /** The limit is set to what the relay holds open, so it can open nothing more until the limit is lifted. */
    @Test
    void withoutAFileLeftItGoesOnRelayingAndServesAgainAfterwards() throws Exception {
        scrape();
        final long before = files();
        final String limit = LAB.host().exec("prlimit", "--pid", pid(), "--nofile", "--output", "SOFT", "--noheadings");
        LAB.host().exec("prlimit", "--pid", pid(), "--nofile=" + before + ":");
        final Socket waits = connect();
        try (waits) {
            final long heartbeat = LAB.counters().file().heartbeatMs();
            Eventually.holds("housekeeping goes on", () -> LAB.counters().file().heartbeatMs() > heartbeat + 1_000);
            assertRelays();
        } finally {
            LAB.host().exec("prlimit", "--pid", pid(), "--nofile=" + limit.strip() + ":");
        }
        assertRecovers(before);
    }

    private static void assertRecovers(final long before) {
        Eventually.holds("the page comes", () -> {
            try {
                return scrape().contains("culvert_state");
            } catch (final IOException e) {
                return false;
            }
        });
        Eventually.holds(() -> "the files come back: " + before + " before, " + files(), () -> files() <= before + 2);
        assertRelays();
    }

    private static String pid() {
        return Long.toString(LAB.relay().pid());
    }

    private static long files() {
        try (Stream<Path> files = Files.list(Path.of("/proc", pid(), "fd"))) {
            return files.count();
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
    }

    private static Socket connect() {
        return LAB.host().call(() -> new Socket(InetAddress.getLoopbackAddress(), METRICS));
    }

    private static String scrape() throws IOException {
        try (Socket socket = connect()) {
            socket.setSoTimeout(10_000);
            socket.getOutputStream().write("GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                    .getBytes(StandardCharsets.US_ASCII));
            return new String(socket.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
        }
    }

    private static void assertRelays() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(LISTENER, server);
        }
    }
}
