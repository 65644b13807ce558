// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.Failure;
import io.culvert.control.deploy.Script;
import io.culvert.control.instance.Instance;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The first thing that a daemon does is to take its lock; another user of the host has prepared the place. */
class InstanceLockTest {
    private static final String PRECIOUS = "what root keeps here\n";
    private static final List<String> AS_ANOTHER_USER =
            List.of("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-euc");

    /** As /dev/shm: everybody may make files in it. */
    @TempDir
    private Path shared;
    private Path precious;

    @BeforeEach
    void open() throws IOException {
        Files.setAttribute(shared, "unix:mode", 01777);
        precious = Files.writeString(shared.resolve("precious"), PRECIOUS);
    }

    private void asAnotherUser(final String script) throws IOException, InterruptedException {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can be another user");
        final Script done = Script.run(Map.of("SHARED", shared.toString(), "PRECIOUS", precious.toString()),
                Stream.concat(AS_ANOTHER_USER.stream(), Stream.of(script)).toList());
        assertEquals(0, done.exitCode(), done.output());
    }

    private Instance instance() {
        return new Instance(shared.resolve("culvert/edge"));
    }

    private static String mode(final Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void theDirectoriesAreMadeForTheUserAndHisGroup() throws IOException {
        InstanceLock.take(instance()).close();
        assertEquals("rwxr-x---", mode(shared.resolve("culvert")));
        assertEquals("rwxr-x---", mode(shared.resolve("culvert/edge")));
        assertEquals("rw-------", mode(shared.resolve("culvert/edge/lock")));
    }

    @Test
    void aSecondDaemonOfTheNameIsRefusedUntilTheFirstHasEnded() {
        try (InstanceLock held = InstanceLock.take(instance())) {
            assertTrue(held != null);
            // Within one process Java refuses the second lock before the kernel does.
            assertThrows(RuntimeException.class, () -> InstanceLock.take(instance()));
        }
        InstanceLock.take(instance()).close();
    }

    @Test
    void nothingIsMadeOrRemovedInAnotherUsersDirectory() throws Exception {
        asAnotherUser("""
                mkdir -m 777 "$SHARED/culvert" "$SHARED/culvert/edge"
                ln -s "$PRECIOUS" "$SHARED/culvert/edge/flows-0"
                ln -s "$SHARED/made-by-root" "$SHARED/culvert/edge/lock"
                """);
        assertRefused();
        assertEquals(PRECIOUS, Files.readString(precious));
        assertFalse(Files.exists(shared.resolve("made-by-root")));
        try (Stream<Path> entries = Files.list(shared.resolve("culvert/edge"))) {
            assertEquals(2, entries.count());
        }
    }

    @Test
    void aLinkOfAnotherUserInPlaceOfTheDirectoryIsRefused() throws Exception {
        Files.createDirectory(shared.resolve("of-root"));
        asAnotherUser("ln -s \"$SHARED/of-root\" \"$SHARED/culvert\"");
        assertRefused();
        assertFalse(Files.exists(shared.resolve("of-root/edge")));
    }

    @Test
    void anInterfaceIsNotLockedInAnotherUsersDirectory() throws Exception {
        asAnotherUser("mkdir -m 777 \"$SHARED/culvert\"");
        assertThrows(IOException.class,
                () -> InterfaceLock.take(shared.resolve("culvert"), "net_af_xdp0,iface=eth1", "eth1"));
        try (Stream<Path> entries = Files.list(shared.resolve("culvert"))) {
            assertEquals(0, entries.count());
        }
    }

    private void assertRefused() {
        final Failure refusal = assertThrows(Failure.class, () -> InstanceLock.take(instance()));
        assertEquals(Failure.FAILED, refusal.exitCode());
        assertTrue(refusal.getMessage().matches("cannot keep state in .*: .* belongs to nobody.*"
                + "[.] Fix: remove it if nobody needs it, or set CULVERT_STATE to a directory that .*"),
                refusal.getMessage());
    }
}
