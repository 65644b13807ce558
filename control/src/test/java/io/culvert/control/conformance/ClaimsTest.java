// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * What both pages claim names tests that the sources declare, and carries their tags: a slip of the pen is found in a
 * second, and not by {@link ConformanceCheck} when all tests have run.
 */
class ClaimsTest {
    private static final Path MODULES = Path.of("..");
    private static final Proofs DECLARED = Proofs.declared(
            List.of(MODULES.resolve("bindings"), MODULES.resolve("dataplane"), MODULES.resolve("control")),
            Path.of("src/test/resources/walks"));

    @Test
    void ofConformanceNameTests() throws IOException {
        assertEquals(List.of(), ConformancePage.problems(
                Files.readString(MODULES.resolve("dataplane/CONFORMANCE.md")), DECLARED));
    }

    @Test
    void ofSecurityNameTests() throws IOException {
        assertEquals(List.of(), SecurityPage.problems(
                Files.readString(MODULES.resolve("docs/security.md")), DECLARED));
    }
}
