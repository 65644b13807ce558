// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.state;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.host.NeighborFile;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Another user of the host was here first, or fills the file system. */
class StateDirectoryTest {
    private static final String PRECIOUS = "what root keeps here\n";

    @TempDir
    private Path scratch;
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void unmap() {
        arena.close();
    }

    private static void assumeRoot() {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can make files of another user");
    }

    private static void giveAway(final Path path) throws IOException {
        Files.setAttribute(path, "unix:uid", 65_534, LinkOption.NOFOLLOW_LINKS);
    }

    private Path precious() throws IOException {
        return Files.writeString(scratch.resolve("precious"), PRECIOUS);
    }

    private Path state() throws IOException {
        final Path state = scratch.resolve("state");
        StateDirectory.make(state);
        return state;
    }

    @Test
    void anotherUsersDirectoryIsRefused() throws IOException {
        assumeRoot();
        final Path state = state();
        giveAway(state);
        assertRefused(state, "belongs to nobody");
    }

    @Test
    void aDirectoryInAnotherUsersDirectoryIsRefused() throws IOException {
        assumeRoot();
        final Path parent = Files.createDirectory(scratch.resolve("parent"));
        final Path state = Files.createDirectory(parent.resolve("state"));
        giveAway(parent);
        assertRefused(state, "belongs to nobody, who could replace what is below");
    }

    @Test
    void aDirectoryBehindAnotherUsersLinkIsRefused() throws IOException {
        assumeRoot();
        final Path all = Files.createDirectory(scratch.resolve("all"));
        Files.createDirectory(all.resolve("state"));
        final Path link = Files.createSymbolicLink(scratch.resolve("link"), all);
        StateDirectory.own(link.resolve("state")).close();
        giveAway(link);
        assertRefused(link.resolve("state"), "belongs to nobody");
    }

    @Test
    void aLinkInPlaceOfTheDirectoryIsRefused() throws IOException {
        final Path link = Files.createSymbolicLink(scratch.resolve("link"), state());
        assertRefused(link, "is a link, not a directory");
        assertThrows(StateDirectory.Untrusted.class, () -> StateDirectory.of(link), "readers too");
    }

    @ParameterizedTest
    @ValueSource(strings = {"rwxrwx---", "rwxr-x-w-"})
    void aDirectoryThatOthersMayWriteToIsRefused(final String mode) throws IOException {
        final Path state = state();
        Files.setPosixFilePermissions(state, PosixFilePermissions.fromString(mode));
        assertRefused(state, "may be written to by others than its owner (" + mode + ")");
    }

    @Test
    void aDirectoryInOneThatEverybodyMayChangeIsRefusedUnlessItIsSticky() throws IOException {
        final Path all = Files.createDirectory(scratch.resolve("all"));
        final Path state = Files.createDirectory(all.resolve("state"));
        Files.setAttribute(all, "unix:mode", 01777);
        StateDirectory.own(state).close();
        Files.setAttribute(all, "unix:mode", 0777);
        assertRefused(state, "others may write to ");
    }

    private static void assertRefused(final Path state, final String why) {
        final IOException refusal = assertThrows(
                StateDirectory.Untrusted.class, () -> StateDirectory.own(state).close());
        assertTrue(refusal.getMessage().contains(why), refusal.getMessage());
    }

    /** A file that is made takes the link's place; one that is opened is refused. */
    @Test
    void noLinkIsFollowed() throws IOException {
        final Path precious = precious();
        final Path state = state();
        for (final String name : List.of("flows-0", "counters.new", "neighbors", "lock")) {
            Files.createSymbolicLink(state.resolve(name), precious);
        }
        for (final boolean writable : new boolean[] {false, true}) {
            assertThrows(StateDirectory.Untrusted.class, () -> open(state, "flows-0", writable));
        }
        assertThrows(StateDirectory.Untrusted.class, () -> FlowFile.attach(state.resolve("flows-0"), arena));
        assertThrows(StateDirectory.Untrusted.class, () -> FlowFile.read(state.resolve("flows-0"), arena));
        assertThrows(StateDirectory.Untrusted.class, () -> NeighborFile.read(state.resolve("neighbors"), arena));
        try (StateDirectory directory = StateDirectory.own(state)) {
            assertThrows(StateDirectory.Untrusted.class, () -> directory.lock("lock"));
        }
        writeAll(state);
        assertEquals(PRECIOUS, Files.readString(precious));
    }

    private static void open(final Path state, final String name, final boolean writable) throws IOException {
        try (StateDirectory directory = StateDirectory.of(state);
                FileChannel file = writable ? directory.write(name) : directory.read(name)) {
            file.size();
        }
    }

    private void writeAll(final Path state) throws IOException {
        FlowFile.create(state.resolve("flows-0"), 0, 10, StateDirectory.PAGE_BYTES, arena);
        CounterFile.create(state.resolve("counters"), new CounterCatalog(List.of("p"), List.of("r")), List.of(), 1,
                1_000, arena);
        NeighborFile.create(state.resolve("neighbors"), arena);
    }

    /** As the kernel sees it, by a process of that user. */
    @Test
    void nobodyElseReadsTheFiles() throws Exception {
        assumeRoot();
        Files.setPosixFilePermissions(scratch, PosixFilePermissions.fromString("rwxr-xr-x"));
        final Path state = state();
        writeAll(state);
        try (StateDirectory directory = StateDirectory.own(state)) {
            directory.lock("lock").close();
        }
        assertEquals("rwxr-x---", mode(state));
        for (final String name : List.of("flows-0", "counters", "neighbors")) {
            assertEquals("rw-r-----", mode(state.resolve(name)), name);
            final Process reader = new ProcessBuilder("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    "cat", state.resolve(name).toString()).redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD).start();
            assertTrue(reader.waitFor(30, TimeUnit.SECONDS), "cat ends");
            assertFalse(reader.exitValue() == 0, name + " is read by nobody");
        }
        assertEquals("rw-------", mode(state.resolve("lock")), "readers could hold the lock");
    }

    private static String mode(final Path path) throws IOException {
        return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
    }

    @Test
    void anotherUsersFileInAnOwnDirectoryIsRefused() throws IOException {
        assumeRoot();
        final Path state = state();
        writeAll(state);
        giveAway(state.resolve("flows-0"));
        final IOException refusal = assertThrows(
                StateDirectory.Untrusted.class, () -> FlowFile.read(state.resolve("flows-0"), arena));
        assertTrue(refusal.getMessage().contains("belongs to nobody, and the directory to root"),
                refusal.getMessage());
    }

    @Test
    @Timeout(60)
    void aPipeInPlaceOfAFileHoldsNobodyUp() throws Exception {
        final Path state = state();
        assertTrue(new ProcessBuilder("mkfifo", state.resolve("counters").toString()).inheritIO().start()
                .waitFor(30, TimeUnit.SECONDS));
        final IOException refusal = assertThrows(
                StateDirectory.Untrusted.class, () -> CounterFile.read(state.resolve("counters"), arena));
        assertTrue(refusal.getMessage().endsWith("is not a regular file"), refusal.getMessage());
    }

    /** One that is only made long takes memory when it is written to, and then it is too late to say no. */
    @Test
    void aFileHasAllItsMemoryFromTheStart() throws IOException {
        final Path state = state();
        writeAll(state);
        for (final String name : List.of("flows-0", "counters", "neighbors")) {
            final Path file = state.resolve(name);
            final long blocks = Long.parseLong(run("stat", "-c", "%b", file.toString()));
            assertTrue(blocks * 512 >= Files.size(file), name + ": " + blocks + " blocks of 512 bytes for "
                    + Files.size(file) + " bytes");
        }
    }

    @Test
    void aFullFileSystemIsRefusedWithTheSizeAndLeavesNoFile() throws IOException {
        assumeRoot();
        final Path small = Files.createDirectory(scratch.resolve("small"));
        run("mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "culvert-test", small.toString());
        try {
            final Path state = small.resolve("state");
            StateDirectory.make(state);
            final IOException refusal = assertThrows(StateDirectory.Full.class,
                    () -> FlowFile.create(state.resolve("flows-0"), 0, 50_000, StateDirectory.PAGE_BYTES, arena));
            assertTrue(refusal.getMessage().contains("flows-0 takes 9 MiB and its file system has 1 MiB left"),
                    refusal.getMessage());
            assertFalse(Files.exists(state.resolve("flows-0")));
            FlowFile.create(state.resolve("flows-0"), 0, 100, StateDirectory.PAGE_BYTES, arena);
        } finally {
            run("umount", "-l", small.toString());
        }
    }

    private static String run(final String... command) throws IOException {
        final Path output = Files.createTempFile("state-directory-test", ".out");
        final Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile())
                .start();
        try {
            assertTrue(process.waitFor(30, TimeUnit.SECONDS), () -> String.join(" ", command) + " ends");
        } catch (final InterruptedException e) {
            throw new AssertionError(e);
        }
        final String text = Files.readString(output).strip();
        Files.delete(output);
        assertEquals(0, process.exitValue(), () -> String.join(" ", command) + ": " + text);
        return text;
    }
}
