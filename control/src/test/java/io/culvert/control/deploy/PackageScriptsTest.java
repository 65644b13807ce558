// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What dpkg runs when the package is upgraded, removed and purged, on a host whose /dev, /run and /var/log are made up,
 * with a systemd that only writes down its calls.
 */
class PackageScriptsTest {
    private static final String HOST = """
            mount -t tmpfs none /run
            mkdir /run/systemd /run/systemd/system
            mount -t tmpfs none /var/log
            mkdir /var/log/culvert
            mount -t tmpfs none /dev
            mkdir -p /dev/shm/culvert/edge /dev/hugepages/culvert-edge /dev/hugepages/other /dev/hugepages1G/culvert-a
            touch /dev/null /dev/hugepages/culvert-edge/flows-0
            """;

    @TempDir
    private Path scratch;
    private Path calls;

    @BeforeEach
    void fakePrograms() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can mount a file system");
        calls = Files.createFile(scratch.resolve("calls"));
        for (final String name : List.of("systemctl", "systemd-sysusers", "systemd-tmpfiles", "chown", "chmod",
                "modprobe", "deb-systemd-invoke", "deb-systemd-helper", "culvert",
                "culvert-host-prepare")) {
            program(name, "");
        }
    }

    private void program(final String name, final String body) throws IOException {
        final Path program = Files.createDirectories(scratch.resolve("bin")).resolve(name);
        Files.writeString(program, "#!/bin/sh\necho \"" + name + " $*\" >> " + calls + "\n" + body);
        Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    }

    @Test
    void aPurgeTakesTheTablesOnHugePagesToo() throws Exception {
        assertEquals("/dev/hugepages/other\n",
                run("", "postrm purge", "find /dev/shm /dev/hugepages* /var/log -mindepth 1"));
    }

    @Test
    void aRemovalStopsTheServiceAndDisablesIt() throws Exception {
        run("", "prerm remove", "");
        assertEquals(List.of("deb-systemd-invoke stop culvert.service", "systemctl --quiet disable culvert.service"),
                Files.readAllLines(calls));
    }

    @Test
    void anUpgradeLeavesTheServiceRunningUntilTheNewVersionIsThere() throws Exception {
        run("", "prerm upgrade 2.0", "");
        assertEquals("", Files.readString(calls));
    }

    /** What it calls and fails without, beside what every Debian has. */
    @Test
    void anInstallationMakesTheUserWithAProgramThatThePackageDependsOn() throws Exception {
        run("", "postinst configure", "");
        assertTrue(Files.readAllLines(calls).contains("systemd-sysusers culvert.conf"), Files.readString(calls));
        final String depends = Files.readAllLines(Script.checkout().resolve("deploy/package/build")).stream()
                .filter(line -> line.startsWith("Depends: ")).findFirst().orElseThrow();
        assertTrue(depends.contains(", systemd | systemd-standalone-sysusers"), depends);
    }

    /** Whatever state lies about of other instances, which no new version may be able to read. */
    @Test
    void anUpgradeRestartsARelayWhoseSessionsTheNewVersionCanRead() throws Exception {
        program("culvert", "[ \"$1\" = config ] || [ \"$CULVERT_STATE $3\" = '" + scratch + "/state edge' ]\n");
        final String said = upgrade();
        assertTrue(Files.readAllLines(calls).contains("deb-systemd-invoke restart culvert.service"), said);
    }

    @Test
    void anUpgradeLeavesARelayAloneWhoseSessionsTheNewVersionCannotRead() throws Exception {
        program("culvert", "[ \"$1\" = config ] || exit 4\n");
        final String said = upgrade();
        assertTrue(said.contains("cannot take over the sessions of: edge"), said);
        assertFalse(Files.readString(calls).contains("restart"), Files.readString(calls));
    }

    /** Half edited, perhaps, or with a word that the new version has no more. */
    @Test
    void anUpgradeLeavesARelayAloneWhoseConfigurationTheNewVersionRefuses() throws Exception {
        program("culvert", "[ \"$1\" != config ]\n");
        final String said = upgrade();
        assertTrue(said.contains("does not accept /etc/culvert/culvert.yaml"), said);
        assertTrue(Files.readString(calls).contains("culvert config check /etc/culvert/culvert.yaml"),
                Files.readString(calls));
        assertFalse(Files.readString(calls).contains("restart"), Files.readString(calls));
    }

    /** Its preparation may know an obstacle that the old version's did not. */
    @Test
    void anUpgradeLeavesARelayAloneOnAHostThatTheNewVersionRefuses() throws Exception {
        program("culvert", "");
        program("culvert-host-prepare", "exit 1\n");
        final String said = upgrade();
        assertTrue(said.contains("would not start on this host"), said);
        assertTrue(Files.readString(calls).contains("--dry-run --config /etc/culvert/host.conf"),
                Files.readString(calls));
        assertFalse(Files.readString(calls).contains("restart"), Files.readString(calls));
    }

    /** This JVM stands for the service: it has mapped the counters of its instance. */
    private String upgrade() throws Exception {
        program("systemctl", "case $* in *MainPID*) echo " + ProcessHandle.current().pid() + ";; esac\n");
        final Path counters = Files.createDirectories(scratch.resolve("state/edge")).resolve("counters");
        Files.createFile(Files.createDirectories(scratch.resolve("state/stale")).resolve("counters"));
        Files.writeString(counters, "counters");
        try (Arena arena = Arena.ofConfined(); FileChannel file = FileChannel.open(counters, StandardOpenOption.READ)) {
            file.map(FileChannel.MapMode.READ_ONLY, 0, file.size(), arena);
            return run("touch /dev/shm/culvert/edge/counters; mount -t tmpfs none /etc; mkdir /etc/culvert; "
                    + "touch /etc/culvert/culvert.yaml /etc/culvert/host.conf", "postinst configure 1.0", "");
        }
    }

    /** @return what is printed by a script of the package, and by the commands before and after it */
    private String run(final String before, final String script, final String after) throws Exception {
        final String commands = String.join("\n",
                HOST, before, Script.checkout().resolve("deploy/package") + "/" + script, after);
        final Script done = Script.run(Map.of("PATH", scratch.resolve("bin") + ":" + System.getenv("PATH")),
                List.of("unshare", "--mount", "sh", "-ec", commands));
        assertEquals(0, done.exitCode(), done.output());
        return done.output();
    }
}
