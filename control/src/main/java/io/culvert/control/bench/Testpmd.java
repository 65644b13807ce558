// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.control.Failure;
import io.culvert.control.demo.Child;
import io.culvert.control.demo.Scene;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** A {@code dpdk-testpmd} of DPDK's own, spoken to at its prompt. Forwards on one core. */
final class Testpmd {
    private static final String PROGRAM = "dpdk-testpmd";
    private static final String PROMPT = "testpmd> ";
    /** The last line of a port's statistics. */
    private static final String STATISTICS_END = "####\n";
    private static final Duration PATIENCE = Duration.ofSeconds(15);
    private static final Duration LOOK = Duration.ofMillis(5);
    /** As many as Culvert takes at once; it is faster so than with its own 32. */
    private static final int BURST = 64;
    private static final int BUFFERS = 8_191;
    private static final int MEGABYTES = 64;

    private final Scene scene;
    private final String name;
    private final Child child;

    private Testpmd(final Scene scene, final String name, final Child child) {
        this.scene = scene;
        this.name = name;
        this.child = child;
    }

    /** Huge pages that one takes. */
    static int megabytes() {
        return MEGABYTES;
    }

    /** @throws Failure when this host has none */
    static void checkInstalled() {
        final boolean there = Arrays.stream(System.getenv().getOrDefault("PATH", "").split(":"))
                .anyMatch(directory -> Files.isExecutable(Path.of(directory, PROGRAM)));
        if (!there) {
            throw new Failure(Failure.FAILED, PROGRAM + ", the yardstick, is not on the PATH. Fix: install it"
                    + " (Debian and Ubuntu: apt-get install dpdk-dev), or add its directory to PATH");
        }
    }

    /**
     * At its prompt when this returns; it forwards nothing yet.
     *
     * @param devices virtual devices, which become ports in this order
     */
    static Testpmd start(final Scene scene, final String mode, final int cpu, final boolean huge,
                         final List<String> devices) {
        // stdbuf: into a file, testpmd would write its answers when it ends. The prompt itself is never buffered.
        final List<String> words = new ArrayList<>(List.of("stdbuf", "-oL", PROGRAM,
                "--lcores", "0@" + cpu + ",1@" + cpu, "--file-prefix", scene.directory().getFileName() + "-" + mode,
                "--no-pci", "--no-telemetry", "-m", Integer.toString(MEGABYTES)));
        words.addAll(huge ? List.of("--in-memory") : List.of("--no-huge", "--no-shconf"));
        devices.forEach(device -> words.addAll(List.of("--vdev", device)));
        words.addAll(List.of("--", "-i", "--forward-mode=" + mode, "--nb-cores=1", "--burst=" + BURST,
                "--total-num-mbufs=" + BUFFERS, "--flowgen-flows=" + WireTraffic.FLOWS, "--disable-link-check"));
        final String name = "testpmd-" + mode;
        final Child child = scene.startFreezable(
                name, words, Map.of("RUNTIME_DIRECTORY", scene.directory().toString()));
        final Testpmd testpmd = new Testpmd(scene, name, child);
        testpmd.await(0, PROMPT);
        return testpmd;
    }

    Child child() {
        return child;
    }

    void startForwarding() {
        ask("start", PROMPT);
    }

    /** @return what it forwarded since it was started */
    TestpmdPort stopForwarding() {
        return TestpmdPort.parse(ask("stop", "Done."));
    }

    /** Words that are answered by a new prompt. */
    void set(final String words) {
        ask(words, PROMPT);
    }

    /** Packets received per second since this was asked last. */
    long rate(final int port) {
        return TestpmdPort.rate(ask("show port stats " + port, STATISTICS_END));
    }

    /** Ends it, its ports first. */
    void quit() {
        final long printed = child.printed();
        child.tell("quit");
        await(printed, "Bye...");
        child.end();
    }

    private String ask(final String words, final String end) {
        final long printed = child.printed();
        child.tell(words);
        return await(printed, end);
    }

    private String await(final long printed, final String end) {
        final long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (child.isAlive() && !child.outputFrom(printed).contains(end) && System.nanoTime() < deadline) {
            scene.sleep(LOOK);
        }
        final String answer = child.outputFrom(printed);
        if (!answer.contains(end)) {
            if (!child.isAlive()) {
                throw child.died();
            }
            throw new Failure(Failure.FAILED, name + " did not answer in " + PATIENCE.toSeconds()
                    + " s; the end of what it said:\n" + child.errors().strip() + "\nFix: what it asks for");
        }
        return answer;
    }
}
