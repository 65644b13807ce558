// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher at the root, in a made-up checkout with made-up JDKs and a Maven that only writes down its calls. */
final class LauncherTest {

    @TempDir
    private Path base;
    private Path root;
    private Path mavenCalls;

    @BeforeEach
    void layOut() throws IOException {
        root = Files.createDirectories(base.resolve("checkout"));
        mavenCalls = base.resolve("maven-calls");
        Files.copy(Script.checkout().resolve("culvert"), root.resolve("culvert"));
        for (final String source : List.of("pom.xml", "control/pom.xml", "control/src/main/A.java",
                "native/src/a.c", "native/include/a.h", "native/Makefile", "bindings/headers/a.h")) {
            final Path file = root.resolve(source);
            Files.createDirectories(file.getParent());
            Files.writeString(file, "");
        }
        addJdk("jdk17", "17.0.15");
        addJdk("jdk25", "25.0.1");
        addProgram(base.resolve("bin/mvn"), """
                echo "$JAVA_HOME $*" >> %1$s/maven-calls
                [ ! -e %1$s/hold ] || until [ -e %1$s/release ]; do sleep 0.02; done
                [ ! -e %1$s/broken ] || { echo 'error: no such symbol'; exit 7; }
                mkdir -p %2$s/control/target %2$s/native/target
                touch %2$s/control/target/culvert-control.jar %2$s/native/target/libculvert.so
                """.formatted(base, root));
        Files.createSymbolicLink(base.resolve("bin/java"), base.resolve("jdk25/bin/java"));
    }

    @Test
    void looksOnThePathWhenJavaHomeIsTooOld() throws Exception {
        final Script started = launch("jdk17", "stats");

        assertEquals(0, started.exitCode(), started.output());
        assertTrue(started.output().contains("jdk25 runs"), started.output());
        assertTrue(Files.readString(mavenCalls).startsWith(base.resolve("jdk25") + " "), "Maven's JDK");
    }

    @Test
    void asksAJdkWithoutReleaseFileForItsVersion() throws Exception {
        Files.delete(base.resolve("jdk17/release"));
        addJdk("jdk24", "24.0.2");
        Files.delete(base.resolve("jdk24/release"));

        assertTrue(launch("jdk17", "stats").output().contains("jdk25 runs"));
        assertTrue(launch("jdk24", "stats").output().contains("jdk24 runs"));
    }

    @Test
    void buildsOnceAndThenOnlyWhenSourcesChange() throws Exception {
        launch("jdk25", "stats");
        launch("jdk25", "stats");
        assertEquals(1, builds(), "unchanged");

        Files.setLastModifiedTime(root.resolve("native/src/a.c"), FileTime.from(Instant.now()));
        launch("jdk25", "stats");
        launch("jdk25", "stats");
        assertEquals(2, builds(), "a source changed");

        Files.delete(root.resolve("control/src/main/A.java"));
        launch("jdk25", "stats");
        launch("jdk25", "stats");
        assertEquals(3, builds(), "a source was deleted");

        Files.delete(root.resolve("native/target/libculvert.so"));
        launch("jdk25", "stats");
        assertEquals(4, builds(), "a product was deleted");
    }

    @Test
    void buildsOnceWhenTwoStartAtOnce() throws Exception {
        Files.createFile(base.resolve("hold"));
        final Script.Running first = start(environment("jdk25"), "stats");
        await(() -> Files.exists(mavenCalls));
        final Script.Running second = start(environment("jdk25"), "flows");
        await(() -> second.process().descendants()
                .anyMatch(child -> child.info().command().orElse("").endsWith("/flock")));
        Files.createFile(base.resolve("release"));

        final Script firstEnd = Script.finish(first);
        final Script secondEnd = Script.finish(second);
        assertAll(
                () -> assertTrue(firstEnd.output().contains("jdk25 runs"), firstEnd.output()),
                () -> assertTrue(secondEnd.output().contains("jdk25 runs"), secondEnd.output()),
                () -> assertEquals(1, builds()));
    }

    @Test
    void showsTheBuildsOutputOnlyWhenItFails() throws Exception {
        Files.createFile(base.resolve("broken"));
        final Script failed = launch("jdk25", "stats");
        assertEquals(1, failed.exitCode());
        assertTrue(failed.output().contains("error: no such symbol"), failed.output());
        assertFalse(failed.output().contains("jdk25 runs"), failed.output());

        Files.delete(base.resolve("broken"));
        final Script mended = launch("jdk25", "stats");
        assertEquals(0, mended.exitCode(), mended.output());
        assertEquals(2, builds(), "a failed build is no build");
    }

    @Test
    void worksThroughASymlink() throws Exception {
        final Path link = Files.createSymbolicLink(base.resolve("bin/relay"), root.resolve("culvert"));

        final Script started = Script.finish(Script.start(environment("jdk25"), List.of(link.toString(), "stats")));

        assertEquals(0, started.exitCode(), started.output());
        assertTrue(started.output().contains("-Dculvert.home=" + root), started.output());
    }

    @Test
    void givesEachRoleItsOwnFlags() throws Exception {
        assertAll(
                () -> assertTrue(launch("jdk25", "run", "-c", "a b.yaml").output().contains("/jvm/run.argfile")),
                () -> assertTrue(launch("jdk25", "lab", "echo").output().contains("/jvm/lab.argfile")),
                () -> assertTrue(launch("jdk25", "stats").output().contains("/jvm/cli.argfile")),
                () -> assertTrue(launch("jdk25", "bench", "stall").output().contains("-XX:-DisableExplicitGC")),
                () -> assertFalse(launch("jdk25", "run", "-c", "a.yaml").output().contains("ExplicitGC")),
                () -> assertTrue(launch("jdk25", "run", "-c", "a b.yaml").output().endsWith("run -c <a b.yaml>\n")));
    }

    @Test
    void handsTestArgumentsToMavenAndItsExitCodeBack() throws Exception {
        launch("jdk25", "build");
        Files.createFile(base.resolve("broken"));

        final Script tested = launch("jdk25", "test", "-Dtest=FlowTableTest");

        assertEquals(7, tested.exitCode(), tested.output());
        assertTrue(Files.readString(mavenCalls).endsWith("verify -Dtest=FlowTableTest\n"));
    }

    @Test
    void installsWhatIsMissingAndOnlyThen() throws Exception {
        final Map<String, String> bare = bareMachine("0");

        final Script installed = launch(bare, "stats");
        final List<String> calls = Files.readAllLines(base.resolve("apt-calls"));
        launch(bare, "build");

        assertEquals(0, installed.exitCode(), installed.output());
        assertEquals(2, calls.size(), calls.toString());
        assertTrue(calls.getFirst().endsWith(" update"), calls.toString());
        assertTrue(calls.getLast().startsWith("noninteractive "), calls.toString());
        assertTrue(calls.getLast().endsWith(" install -y --no-install-recommends gcc make pkg-config libdpdk-dev"),
                calls.toString());
        assertEquals(calls, Files.readAllLines(base.resolve("apt-calls")), "nothing is missing any more");
    }

    @Test
    void installsTheYardstickOfBenchWireFromThePackageThatHasIt() throws Exception {
        final Map<String, String> bare = bareMachine("0");
        launch(bare, "build");

        launch(bare, "bench", "wire");

        final String installed = Files.readAllLines(base.resolve("apt-calls")).getLast();
        assertTrue(installed.contains(" install ") && installed.endsWith(" dpdk-dev"), installed);
    }

    @Test
    void installsForTestBootWhatTheCasesCallAndNothingElse() throws Exception {
        final Map<String, String> bare = bareMachine("0");
        launch(bare, "build");

        launch(bare, "test-boot");

        final List<String> installed = List.of(Files.readAllLines(base.resolve("apt-calls")).getLast().split(" "));
        assertTrue(installed.containsAll(List.of("qemu-system-x86", "socat", "iputils-ping")), installed::toString);
        assertFalse(installed.contains("lintian"), installed::toString);
    }

    @Test
    void fromAPackageItStartsItsOwnJavaAndBuildsNothing() throws Exception {
        addJdk("checkout/runtime", "25.0.1");

        final Script started = launch("jdk17", "run", "-c", "a.yaml");

        assertEquals(0, started.exitCode(), started.output());
        assertTrue(started.output().contains("checkout/runtime runs"), started.output());
        assertTrue(started.output().contains("-XX:SharedArchiveFile=" + root.resolve("run.jsa")), started.output());
        assertTrue(started.output().contains("-jar " + root.resolve("java/culvert-control.jar")), started.output());
        for (final String verb : List.of("build", "test", "test-boot", "test-package", "package", "bench")) {
            final Script refused = launch("jdk17", verb, "walk");
            assertEquals(1, refused.exitCode(), refused.output());
            assertTrue(refused.output().contains("'culvert " + verb + "' is for a checkout of the sources, and this is"
                    + " an installed package"), refused.output());
        }
        assertFalse(Files.exists(mavenCalls), "it built");
    }

    @Test
    void saysWhatToInstallWhenNotRoot() throws Exception {
        final Script refused = launch(bareMachine("1000"), "stats");

        assertEquals(1, refused.exitCode(), refused.output());
        assertTrue(refused.output().contains("sudo apt-get update && sudo apt-get install -y --no-install-recommends"
                + " gcc make pkg-config libdpdk-dev\n"), refused.output());
        assertFalse(Files.exists(base.resolve("apt-calls")), "apt was called");
    }

    /** A machine without compiler and DPDK, on which apt-get "installs" them by making the programs. */
    private Map<String, String> bareMachine(final String userId) throws IOException {
        final Path bin = base.resolve("bare");
        addProgram(bin.resolve("id"), "echo " + userId);
        addProgram(bin.resolve("apt-get"), """
                echo "$DEBIAN_FRONTEND $*" >> %1$s/apt-calls
                case $* in *' install '*) for t in cc make pkg-config; do ln -s /bin/true %1$s/bare/$t; done ;; esac
                """.formatted(base));
        for (final String tool : List.of("bash", "cat", "find", "flock", "ln", "mkdir", "mktemp", "mv", "readlink",
                "rm", "sed", "sh", "sleep", "touch")) {
            Files.createSymbolicLink(bin.resolve(tool), toolOfThisMachine(tool));
        }
        Files.createSymbolicLink(bin.resolve("mvn"), base.resolve("bin/mvn"));
        return Map.of("JAVA_HOME", base.resolve("jdk25").toString(), "PATH", bin.toString());
    }

    private static Path toolOfThisMachine(final String name) {
        return Stream.of(System.getenv("PATH").split(":"))
                .map(directory -> Path.of(directory, name))
                .filter(Files::isExecutable)
                .findFirst()
                .orElseThrow();
    }

    private int builds() throws IOException {
        return (int) Files.readAllLines(mavenCalls).stream().filter(line -> line.endsWith(" package")).count();
    }

    private Script launch(final String javaHome, final String... arguments) throws Exception {
        return launch(environment(javaHome), arguments);
    }

    private Script launch(final Map<String, String> environment, final String... arguments) throws Exception {
        return Script.finish(start(environment, arguments));
    }

    private Script.Running start(final Map<String, String> environment, final String... arguments)
            throws IOException {
        final List<String> command = new ArrayList<>(List.of(root.resolve("culvert").toString()));
        command.addAll(List.of(arguments));
        return Script.start(environment, command);
    }

    private Map<String, String> environment(final String javaHome) {
        return Map.of(
                "JAVA_HOME", base.resolve(javaHome).toString(),
                "PATH", base.resolve("bin") + ":" + System.getenv("PATH"));
    }

    private void addJdk(final String name, final String version) throws IOException {
        addProgram(base.resolve(name).resolve("bin/java"), """
                [ "$1" != -version ] || { echo 'openjdk version "%s" 2025-10-21' >&2; exit; }
                printf '%%s' '%s runs'
                for word; do case $word in *' '*) printf ' <%%s>' "$word" ;; *) printf ' %%s' "$word" ;; esac; done
                echo
                """.formatted(version, name));
        Files.copy(base.resolve(name).resolve("bin/java"), base.resolve(name).resolve("bin/javac"));
        Files.writeString(base.resolve(name).resolve("release"),
                "IMPLEMENTOR=\"Nobody\"\nJAVA_VERSION=\"" + version + "\"\nJAVA_VERSION_DATE=\"2025-10-21\"\n");
    }

    private static void addProgram(final Path program, final String body) throws IOException {
        Files.createDirectories(program.getParent());
        Files.writeString(program, "#!/bin/sh\n" + body);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    private static void await(final BooleanSupplier condition) throws InterruptedException {
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, "waited in vain");
            Thread.sleep(10);
        }
    }
}
