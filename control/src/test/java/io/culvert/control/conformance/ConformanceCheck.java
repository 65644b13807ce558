// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Every row of dataplane/CONFORMANCE.md is proven by what ran in this build. Not among the other tests: it runs behind
 * the last of them, and only where all of them ran.
 */
class ConformanceCheck {
    @Test
    void everyClaimIsProven() throws IOException {
        assumeTrue("root".equals(System.getProperty("user.name")), "without root the tests in namespaces are skipped");
        final Path modules = Path.of("..");
        final Proofs proofs = Proofs.of(
                List.of(modules.resolve("bindings"), modules.resolve("dataplane"), modules.resolve("control")),
                Path.of("src/test/resources/walks"), buildStarted());
        final List<String> problems =
                ConformancePage.problems(Files.readString(modules.resolve("dataplane/CONFORMANCE.md")), proofs);
        assertEquals(List.of(), problems, () -> problems.size() + " problems:\n" + String.join("\n", problems));
    }

    /** Started by hand, it takes whatever ran last. */
    private static Instant buildStarted() {
        return Instant.parse(System.getProperty("culvert.buildStarted", Instant.EPOCH.toString()));
    }
}
