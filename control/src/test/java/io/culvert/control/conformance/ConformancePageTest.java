// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the check of the conformance page finds, in a module of four tests and a walk. */
class ConformancePageTest {
    private static final Instant START = Instant.parse("2020-01-01T00:00:00Z");

    @TempDir
    private Path module;
    private Path report;

    @BeforeEach
    void writeModule() throws IOException {
        final Path sources = Files.createDirectories(module.resolve("src/test/java"));
        Files.writeString(sources.resolve("SomeTest.java"), """
                class SomeTest {
                    @Test
                    @Tag("RFC1-REQ-1")
                    void runs(final Object random) {
                    }

                    @ParameterizedTest(name = "{0}")
                    @Tag("RFC1-REQ-1")
                    @Tag("RFC1-REQ-2")
                    void runsOften() {
                    }

                    @Test
                    void isSkipped() {
                    }

                    void isNoTest() {
                    }
                }
                """);
        Files.writeString(sources.resolve("WalkTest.java"), """
                class WalkTest {
                    @ParameterizedTest
                    void walksAsTheFolderSays(final Path folder) {
                    }
                }
                """);
        Files.createDirectories(module.resolve("walks/a-walk"));
        report = Files.createDirectories(module.resolve("target/surefire-reports")).resolve("TEST-some.xml");
        Files.writeString(report, """
                <testsuite>
                  <testcase name="runs(Object)" classname="a.b.SomeTest"/>
                  <testcase name="runsOften(int)[1]" classname="a.b.SomeTest"/>
                  <testcase name="runsOften(int)[2]" classname="a.b.SomeTest[3]"/>
                  <testcase name="isSkipped" classname="a.b.SomeTest"><skipped/></testcase>
                  <testcase name="walksAsTheFolderSays(Path)[1]" classname="a.b.WalkTest"/>
                </testsuite>
                """);
    }

    @Test
    void rowsWhoseTestsRanAreRight() {
        assertEquals(List.of(), problems("""
                | REQ-1 | a demand | met, so | `SomeTest.runs`, `SomeTest.runsOften`, `walks/a-walk` |
                | REQ-2 | another | by configuration: so | `SomeTest.runsOften` |
                | REQ-3 | a third | not claimed: why | |
                """));
    }

    @Test
    void testsThatDoNotExistOrDidNotRunAreNamed() {
        assertEquals(List.of(
                "RFC1-REQ-3 names SomeTest.isGone: there is no such test",
                "RFC1-REQ-3 names SomeTest.isNoTest: there is no such test",
                "RFC1-REQ-3 names SomeTest.isSkipped: it was skipped",
                "RFC1-REQ-3 names walks/another: there is no such walk"), problems("""
                | REQ-1 | a demand | met | `SomeTest.runs`, `SomeTest.runsOften` |
                | REQ-2 | another | met | `SomeTest.runsOften` |
                | REQ-3 | 3rd | met | `SomeTest.isGone`, `SomeTest.isNoTest`, `SomeTest.isSkipped`, `walks/another` |
                """));
    }

    @Test
    void anOlderBuildsReportProvesNothing() throws IOException {
        Files.setLastModifiedTime(report, FileTime.from(START.minusSeconds(1)));
        assertEquals(List.of(
                "RFC1-REQ-1 names SomeTest.runs: it did not run in this build",
                "RFC1-REQ-1 names SomeTest.runsOften: it did not run in this build",
                "RFC1-REQ-1 names walks/a-walk: it did not run in this build",
                "RFC1-REQ-2 names SomeTest.runsOften: it did not run in this build"), problems("""
                | REQ-1 | a demand | met | `SomeTest.runs`, `SomeTest.runsOften`, `walks/a-walk` |
                | REQ-2 | another | met | `SomeTest.runsOften` |
                """));
    }

    @Test
    void aWalkThatWasNotWalkedIsNamed() throws IOException {
        Files.createDirectories(module.resolve("walks/too-many"));
        assertEquals("RFC1-REQ-4 names walks/a-walk: not every walk was walked", problems("""
                | REQ-4 | a demand | met | `walks/a-walk` |
                """).getFirst());
    }

    @Test
    void pageAndTagsAgree() {
        assertEquals(List.of(
                "RFC1-REQ-2 names SomeTest.runs, which is not tagged RFC1-REQ-2",
                "SomeTest.runs is tagged RFC1-REQ-1, which has no row",
                "SomeTest.runsOften is tagged RFC1-REQ-1, which has no row",
                "SomeTest.runsOften is tagged RFC1-REQ-2, and its row does not name it"), problems("""
                | REQ-2 | another | met | `SomeTest.runs` |
                """));
    }

    @Test
    void aClaimNeedsAProofAndAStatusOneOfThree() {
        assertEquals(List.of(
                "RFC1-REQ-3 is claimed and names no test",
                "RFC1-REQ-4: its status begins with none of [met, by configuration, in part] or not claimed",
                "RFC1-REQ-3 has two rows"), problems("""
                | REQ-1 | a demand | met | `SomeTest.runs`, `SomeTest.runsOften` |
                | REQ-2 | another | met | `SomeTest.runsOften` |
                | REQ-3 | a third | met | |
                | REQ-4 | a fourth | perhaps | |
                | REQ-3 | a third | not claimed | |
                """));
    }

    @Test
    void aPromiseOfSecurityNamesATestThatRan() {
        assertEquals(List.of(
                "\"a trick\" names no test",
                "\"another\" names SomeTest.isGone: there is no such test",
                "\"another\" names SomeTest.isSkipped: it was skipped",
                "not a row of three columns: | two | columns |"), SecurityPage.problems("""
                | what is tried | promise | test |
                |---|---|---|
                | nothing | it holds | `SomeTest.runs`, `walks/a-walk` |
                | a trick | it fails | |
                | another | it fails | `SomeTest.isGone`, `SomeTest.isSkipped` |
                | two | columns |
                """, Proofs.of(List.of(module), module.resolve("walks"), START)));
    }

    private List<String> problems(final String rows) {
        final Proofs proofs = Proofs.of(List.of(module), module.resolve("walks"), START);
        return ConformancePage.problems("""
                # Conformance

                ## RFC 1: a heading

                | requirement | demand | status | proof |
                |---|---|---|---|
                """ + rows, proofs);
    }
}
