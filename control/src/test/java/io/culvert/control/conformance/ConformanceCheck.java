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
 * Every row of dataplane/CONFORMANCE.md and docs/security.md is proven by what ran in this build. Not among the other
 * tests: it runs behind the last of them, and only where all of them ran.
 */
class ConformanceCheck {
    private static final Path MODULES = Path.of("..");

    @Test
    void everyClaimIsProven() throws IOException {
        assertNone(ConformancePage.problems(Files.readString(MODULES.resolve("dataplane/CONFORMANCE.md")), proofs()));
    }

    @Test
    void everyPromiseOfSecurityIsHeld() throws IOException {
        assertNone(SecurityPage.problems(Files.readString(MODULES.resolve("docs/security.md")), proofs()));
    }

    private static void assertNone(final List<String> problems) {
        assertEquals(List.of(), problems, () -> problems.size() + " problems:\n" + String.join("\n", problems));
    }

    private static Proofs proofs() {
        assumeTrue("root".equals(System.getProperty("user.name")), "without root the tests in namespaces are skipped");
        return Proofs.of(
                List.of(MODULES.resolve("bindings"), MODULES.resolve("dataplane"), MODULES.resolve("control")),
                Path.of("src/test/resources/walks"), buildStarted());
    }

    /** Started by hand, it takes whatever ran last. */
    private static Instant buildStarted() {
        return Instant.parse(System.getProperty("culvert.buildStarted", Instant.EPOCH.toString()));
    }
}
