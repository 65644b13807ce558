// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConfigCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @Test
    void aValidFileIsSummedUpOnStdout() {
        final Path file = Path.of("..", "deploy", "examples", "appliance.yaml");
        assertEquals(0, check(file));
        assertEquals(file + ": valid: 2 ports, 3 rules, 2 workers", out.toString().strip());
        assertEquals("", err.toString());
    }

    @Test
    void oneOfAThingIsNotPlural() {
        final Path file = Path.of("..", "deploy", "examples", "one-arm.yaml");
        assertEquals(0, check(file));
        assertEquals(file + ": valid: 1 port, 1 rule, 1 worker", out.toString().strip());
    }

    @Test
    void mistakesGoToStderrWithExitCodeFive(@TempDir final Path folder) throws IOException {
        final Path file = Files.writeString(folder.resolve("culvert.yaml"), "rules: 1\nports: 2\n");
        assertEquals(5, check(file));
        assertEquals("", out.toString());
        final String[] lines = err.toString().split("\n");
        assertEquals(2, lines.length, err.toString());
        assertEquals("error: " + file + ":1:8", lines[0].substring(0, lines[0].indexOf(": rules")));
        assertEquals(file + ":2:8", lines[1].substring(0, lines[1].indexOf(": ports")));
    }

    private int check(final Path file) {
        return Culvert.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute("config", "check", file.toString());
    }
}
