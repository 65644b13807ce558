// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.deploy.Patience;
import io.culvert.control.deploy.Script;
import io.culvert.control.view.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The whole demo as its user starts it: a process of its own, with namespaces, relay, server and client. */
class DemoTest {
    private static final int FLOWS = 200;
    /** Of a demo that is to be interrupted. */
    private static final int ENDLESS_SECONDS = 600;

    @TempDir
    private Path scratch;
    private Process demo;

    @BeforeAll
    static void needsRoot() {
        assumeTrue(Unprivileged.isPrivileged(), "SKIPPED: needs root for network namespaces");
        Path checkout = Path.of("").toAbsolutePath();
        while (!Files.exists(checkout.resolve("deploy"))) {
            checkout = checkout.getParent();
        }
        System.setProperty("culvert.home", checkout.toString());
    }

    @AfterEach
    void endDemo() throws InterruptedException {
        if (demo != null && demo.isAlive()) {
            demo.destroy();
            demo.waitFor(Patience.SECONDS, TimeUnit.SECONDS);
        }
    }

    /** A demo starts three programs one after the other, and one again. */
    private void awaitEnd() throws InterruptedException {
        assertTrue(demo.waitFor(2 * Patience.SECONDS, TimeUnit.SECONDS), this::said);
    }

    @ParameterizedTest
    @CsvSource({"--json, two-arm, 10.9.1.1", "--one-arm, one-arm, 10.9.0.1"})
    void everyPacketComesBackAndNothingStaysBehind(final String option, final String topology, final String source)
            throws Exception {
        start("--json", option, "--seconds", "2", "--rate", "5000");
        awaitEnd();
        assertEquals(0, demo.exitValue(), this::said);

        final Map<?, ?> report = (Map<?, ?>) StrictJson.parse(Files.readString(output()));
        assertEquals(topology, report.get("topology"), this::said);
        assertTrue((Long) report.get("sent") > FLOWS, this::said);
        assertEquals(report.get("sent"), report.get("received"), this::said);
        assertEquals((long) FLOWS, report.get("flowsAnswered"), this::said);
        assertEquals(0L, report.get("corrupted"), this::said);
        assertEquals(source, report.get("observedSource"), this::said);
        assertEquals((long) FLOWS, ((Map<?, ?>) report.get("observedPorts")).get("distinct"), this::said);
        final Map<?, ?> relay = (Map<?, ?>) report.get("relay");
        assertTrue((Long) relay.get("rxPackets") >= 2 * (Long) report.get("sent"), this::said);
        assertEquals(true, relay.get("ledgerBalanced"), this::said);
        assertEquals(Map.of(), relay.get("drops"), this::said);
        assertNothingStays();
    }

    @Test
    void everySessionOutlivesTheKilledRelayWithItsExternalPort() throws Exception {
        start("--json", "--kill-after", "2", "--rate", "5000");
        awaitEnd();
        assertEquals(0, demo.exitValue(), this::said);

        final Map<?, ?> report = (Map<?, ?>) StrictJson.parse(Files.readString(output()));
        assertEquals((long) FLOWS, report.get("sessionsBefore"), this::said);
        assertEquals((long) FLOWS, report.get("sessionsKept"), this::said);
        assertEquals((long) FLOWS, report.get("samePorts"), this::said);
        assertEquals(0L, report.get("changedPorts"), this::said);
        assertEquals(0L, report.get("silentFlows"), this::said);
        assertTrue((Long) report.get("outageMillis") > 0, this::said);
        assertEquals(0L, report.get("corrupted"), this::said);
        assertEquals(true, ((Map<?, ?>) report.get("relay")).get("ledgerBalanced"), this::said);
        assertNothingStays();
    }

    @Test
    void aCtrlCInTheMiddleReportsAndLeavesNothing() throws Exception {
        start("--seconds", Integer.toString(ENDLESS_SECONDS), "--json");
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        while (!said().contains(" sent ") && demo.isAlive() && System.nanoTime() < deadline) {
            demo.waitFor(20, TimeUnit.MILLISECONDS);
        }
        assertTrue(said().contains(" sent "), this::said);
        final List<ProcessHandle> children = demo.descendants().toList();
        assertEquals(3, children.size(), "relay, server and client");
        assertTrue(Command.attempt(List.of("kill", "-INT", Long.toString(demo.pid()))).isGood());

        awaitEnd();
        assertEquals(0, demo.exitValue(), this::said);
        final Map<?, ?> report = (Map<?, ?>) StrictJson.parse(Files.readString(output()));
        assertTrue((Double) report.get("seconds") < ENDLESS_SECONDS, this::said);
        children.forEach(child -> assertFalse(child.isAlive(), () -> child.info() + " outlives the demo"));
        assertNothingStays();
    }

    @Test
    void whatAKilledDemoLeftIsSweptByTheNext() throws Exception {
        start("--seconds", Integer.toString(ENDLESS_SECONDS));
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        while (demo.isAlive() && System.nanoTime() < deadline && leftBy(demo.pid()).size() < 4) {
            demo.waitFor(20, TimeUnit.MILLISECONDS);
        }
        final List<ProcessHandle> children = demo.descendants().toList();
        final long killed = demo.pid();
        demo.destroyForcibly().waitFor();
        for (final ProcessHandle child : children) {
            child.onExit().get(Patience.SECONDS, TimeUnit.SECONDS);
        }
        assertEquals(4, leftBy(killed).size(), () -> leftBy(killed).toString());

        start("--seconds", Integer.toString(ENDLESS_SECONDS));
        while (!said().contains("relay in B") || !leftBy(killed).isEmpty()) {
            assertTrue(demo.isAlive() && System.nanoTime() < deadline, () -> said() + leftBy(killed));
            demo.waitFor(20, TimeUnit.MILLISECONDS);
        }
        demo.destroy();
        assertTrue(demo.waitFor(Patience.SECONDS, TimeUnit.SECONDS), this::said);
        assertNothingStays();
    }

    /** With Ctrl-C as a terminal has it: a build in the background passes it on as ignored. */
    private void start(final String... options) throws IOException {
        final List<String> arguments = new ArrayList<>(List.of("demo", "--flows", Integer.toString(FLOWS)));
        Stream.of(options).filter(option -> !arguments.contains(option)).forEach(arguments::add);
        final List<String> command = new ArrayList<>(Script.INTERRUPTIBLE);
        command.addAll(JavaProgram.command("lab", arguments));
        demo = new ProcessBuilder(command).redirectOutput(output().toFile()).redirectError(errors().toFile()).start();
    }

    private void assertNothingStays() {
        assertEquals(List.of(), leftBy(demo.pid()));
    }

    private static List<String> leftBy(final long pid) {
        final String name = "culvert-demo-" + pid + "-";
        final List<String> left = new ArrayList<>(Command.run(List.of("ip", "netns", "list")).lines()
                .filter(line -> line.startsWith(name)).toList());
        try (Stream<Path> entries = Files.list(Path.of("/dev/shm"))) {
            entries.map(Path::toString).filter(entry -> entry.contains(name)).forEach(left::add);
        } catch (final IOException e) {
            left.add(e.toString());
        }
        return left;
    }

    private Path output() {
        return scratch.resolve("out");
    }

    private Path errors() {
        return scratch.resolve("err");
    }

    private String said() {
        try {
            return Files.readString(errors());
        } catch (final IOException e) {
            return e.toString();
        }
    }
}
