// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On a made-up /sys of two nodes. */
class NumaNodesTest {
    private static final String FAR = "0000:8a:00.0";
    private static final String UNKNOWN = "0000:01:00.0";

    @TempDir
    private Path sysfs;

    @BeforeEach
    void buildSysfs() throws IOException {
        write("bus/pci/devices/" + FAR + "/numa_node", "1\n");
        write("bus/pci/devices/" + UNKNOWN + "/numa_node", "-1\n");
        write("devices/system/node/node1/cpulist", "2-3\n");
        for (int cpu = 0; cpu < 4; cpu++) {
            Files.createDirectories(sysfs.resolve("devices/system/cpu/cpu" + cpu + "/node" + cpu / 2));
        }
    }

    @Test
    void coresAtAnotherNodeAreNamedWithTheMend() {
        assertEquals(Optional.of("0000:8a:00.0 is at NUMA node 1, and of the cores 0, 1 at another: their packets cross"
                + " between the two. Fix: take cores of that node: 2-3"),
                new NumaNodes(sysfs).distance(FAR, List.of(0, 1, 2)));
    }

    @Test
    void nothingIsSaidOfCoresThatAreNear() {
        assertEquals(Optional.empty(), new NumaNodes(sysfs).distance(FAR, List.of(2, 3)));
    }

    /** On virtual machines, often; and no CPU of this number is known. */
    @Test
    void nothingIsSaidWhereTheKernelKnowsNoNode() {
        assertEquals(Optional.empty(), new NumaNodes(sysfs).distance(UNKNOWN, List.of(0, 2)));
        assertEquals(Optional.empty(), new NumaNodes(sysfs).distance("0000:99:00.0", List.of(0)));
        assertEquals(Optional.empty(), new NumaNodes(sysfs).distance(FAR, List.of(9)));
    }

    private void write(final String file, final String text) throws IOException {
        Files.createDirectories(sysfs.resolve(file).getParent());
        Files.writeString(sysfs.resolve(file), text);
    }
}
