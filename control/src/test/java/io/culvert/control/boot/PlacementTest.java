// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.culvert.control.config.WorkersConfig;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PlacementTest {
    /** {@code workers} of {@code auto} on a host, by the CPUs that the service starts on and all that it may use. */
    @ParameterizedTest
    @CsvSource({
        "1, 0 1 2 3, 0 1 2 3, 3,     0 1 2",
        "2, 0 1 2 3, 0 1 2 3, 3 2,   0 1",
        "1, 0 1,     0 1 2 3, 3,     0 1",
        "2, 0 1,     0 1 2 3, 3 2,   0 1",
        "3, 0 1,     0 1 2 3, 3 2 1, 0",
        "1, 0,       0,       0,     ''",
        "3, 0 1,     0 1,     1 0 0, ''",
    })
    void workersOfAutoKeepOffTheCpusOfControlAsLongAsThereAreOthers(final int count, final String affinity,
            final String usable, final String workers, final String control) {
        final Placement placement = Placement.of(
                new WorkersConfig(List.of(), count, WorkersConfig.Poll.BUSY), cpus(affinity), cpus(usable));
        assertArrayEquals(cpus(workers), placement.workers());
        assertArrayEquals(cpus(control), placement.control());
    }

    @Test
    void coresThatAreNamedAreTaken() {
        final Placement placement = Placement.of(
                new WorkersConfig(List.of(1, 5), 2, WorkersConfig.Poll.BUSY), cpus("0 1"), cpus("0 1 2 3 4 5"));
        assertArrayEquals(cpus("1 5"), placement.workers());
        assertArrayEquals(cpus("0"), placement.control());
    }

    private static int[] cpus(final String text) {
        return text.isEmpty() ? new int[0] : Arrays.stream(text.split(" ")).mapToInt(Integer::parseInt).toArray();
    }
}
