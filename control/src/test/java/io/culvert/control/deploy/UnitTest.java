// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** What {@code culvert.service} may do: enough for vfio, and little else; and what it must not do to the state. */
class UnitTest {
    private static final Path UNITS = Script.checkout().resolve("deploy/systemd");
    private static final Path UNIT = UNITS.resolve("culvert.service");
    /** systemd counts exposure in tenths. */
    private static final int MOST_EXPOSED = 25;

    /** The container is a misc device of its own: the class char-vfio, which the groups are in, does not cover it. */
    @Test
    void mayOpenTheContainerOfVfioAndItsGroups() throws IOException {
        final List<String> lines = Files.readAllLines(UNIT);
        assertTrue(lines.contains("DevicePolicy=closed"), "the device policy");
        assertTrue(lines.contains("DeviceAllow=/dev/vfio/vfio rw"), "the container");
        assertTrue(lines.contains("DeviceAllow=char-vfio rw"), "the groups");
    }

    @Test
    void exposesLittle() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/systemd-analyze")), "no systemd-analyze here");
        final Script judged = Script.run(Map.of(), List.of("systemd-analyze", "security", "--offline=yes",
                "--no-pager", "--threshold=" + MOST_EXPOSED, UNIT.toString()));
        assertEquals(0, judged.exitCode(), judged.output());
    }

    /** Either setting has systemd remove all that the service's user has below /dev/shm, whenever the service ends. */
    @Test
    void leavesTheSessionsWhereTheyAreWhenTheServiceEnds() throws IOException {
        try (Stream<Path> files = Files.list(UNITS)) {
            for (final Path file : files.toList()) {
                assertEquals(List.of(), Files.readAllLines(file).stream()
                        .filter(line -> line.matches("(RemoveIPC|DynamicUser)=.*")).toList(), file::toString);
            }
        }
    }
}
