// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class InstanceTest {
    @TempDir
    private Path root;

    private void leaveState(final String name) throws IOException {
        Files.createFile(Files.createDirectories(root.resolve(name)).resolve("counters"));
    }

    @Test
    void isTheOnlyOneThereIs() throws IOException {
        leaveState("edge");
        Files.createDirectories(root.resolve("without-counters"));
        assertEquals(new Instance(root.resolve("edge")), Instance.only(root));
    }

    @Test
    void asksWhichWhenThereAreSeveral() throws IOException {
        leaveState("west");
        leaveState("east");
        final Failure failure = assertThrows(Failure.class, () -> Instance.only(root));
        assertEquals(Failure.NOT_FOUND, failure.exitCode());
        assertTrue(failure.getMessage().contains("east, west"), failure.getMessage());
    }

    @Test
    void saysThatThereIsNone() {
        assertEquals(Failure.NO_DAEMON, assertThrows(Failure.class, () -> Instance.only(root)).exitCode());
        assertEquals(Failure.NO_DAEMON,
                assertThrows(Failure.class, () -> Instance.only(root.resolve("never-made"))).exitCode());
    }

    /** Left by somebody to whom the directory belonged before, or by an older version on huge pages. */
    @Test
    void aLinkThatLiesThereIsRemovedAndNotWhatItLeadsTo() throws IOException {
        final Path precious = Files.writeString(root.resolve("precious"), "precious");
        final Instance instance = new Instance(Files.createDirectory(root.resolve("edge")));
        Files.createSymbolicLink(instance.flowsFile(0), precious);
        Files.createSymbolicLink(instance.countersFile(), precious);
        instance.clear();
        assertTrue(Files.exists(precious));
        assertEquals(List.of(), names(instance.directory()));
    }

    @Test
    void tablesOnAnotherFileSystemAreFoundAndGoWithIt() throws IOException {
        final Path pages = Files.createDirectory(root.resolve("hugepages"));
        final Instance instance = new Instance(Files.createDirectory(root.resolve("edge")));
        instance.putTablesOn(pages);
        final Path place = pages.resolve("culvert-edge");
        assertTrue(instance.hasTablesOnHugePages());
        assertEquals(place.resolve("flows-1"), instance.flowsFile(1));
        assertEquals("rwxr-x---", PosixFilePermissions.toString(Files.getPosixFilePermissions(place)));
        for (int worker = 0; worker < 3; worker++) {
            Files.createFile(instance.flowsFile(worker));
        }
        instance.removeFlowsFrom(1);
        assertEquals(List.of("flows-0"), names(place));
        instance.removeFlows();
        assertFalse(Files.exists(place));
        assertFalse(instance.hasTablesOnHugePages());
        assertEquals(instance.directory().resolve("flows-0"), instance.flowsFile(0));
    }

    /** On the way there and on the way back: nobody finds them before they are put in the others' place. */
    @Test
    void newTablesTakeThePlaceOfAllThatThereAre() throws IOException {
        final Path place = Files.createDirectory(root.resolve("culvert-edge"));
        final Instance instance = new Instance(Files.createDirectory(root.resolve("edge")));
        for (int worker = 0; worker < 3; worker++) {
            Files.createFile(instance.flowsFile(worker));
        }
        Files.writeString(Instance.newFlowsFile(place, 0), "new");
        assertEquals(0, Files.size(instance.flowsFile(0)));
        instance.takeNewFlows(place, 1);
        assertEquals("new", Files.readString(place.resolve("flows-0")));
        assertEquals(place.resolve("flows-0"), instance.flowsFile(0));
        assertEquals(List.of("tables"), names(instance.directory()));

        Files.createFile(Instance.newFlowsFile(instance.directory(), 0));
        instance.takeNewFlows(instance.directory(), 1);
        assertEquals(List.of("flows-0"), names(instance.directory()));
        assertFalse(Files.exists(place));
    }

    @Test
    void newTablesOfAKilledStartGoAndTheOthersStay() throws IOException {
        final Instance instance = new Instance(Files.createDirectory(root.resolve("edge")));
        Files.createFile(instance.flowsFile(0));
        Files.createFile(Instance.newFlowsFile(instance.directory(), 7));
        instance.removeNewFlows(instance.directory());
        instance.removeNewFlows(instance.placeOn(root.resolve("never-mounted")));
        assertEquals(List.of("flows-0"), names(instance.directory()));
    }

    private static List<String> names(final Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }
}
