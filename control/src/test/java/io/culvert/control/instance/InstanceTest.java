// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.instance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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
}
