// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.doctor.NicFamily;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** {@code docs/nics.md} and what {@code culvert doctor} says of a NIC are one table. */
class NicPageTest {
    @ParameterizedTest
    @EnumSource
    void thePageSaysOfADriverWhatTheDoctorSays(final NicFamily family) throws IOException {
        final String row = Files.readAllLines(Script.checkout().resolve("docs/nics.md")).stream()
                .filter(line -> line.contains("| `" + family.driver() + "` |")).findFirst().orElseThrow();
        final String[] cells = row.split("\\|");
        assertEquals(family.queues(), Integer.parseInt(cells[4].strip().split(" ")[0]), row);
        final String replies = switch (family.replies()) {
            case STEERED -> "steered";
            case IF_OFFERED -> "steered if the hypervisor offers RSS";
            case HANDED -> "handed over";
            case ONE_QUEUE -> "one queue";
        };
        assertTrue(cells[5].strip().startsWith(replies), row);
    }
}
