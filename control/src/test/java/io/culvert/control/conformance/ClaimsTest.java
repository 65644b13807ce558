// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Each proof that the two pages name is a test in the sources, with the tag of its row. {@link ConformanceCheck} says
 * so, too, but only when all tests have run, after 40 minutes on a slow machine; this takes a second.
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
