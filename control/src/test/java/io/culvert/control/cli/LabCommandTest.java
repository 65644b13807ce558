// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.DatagramSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import picocli.CommandLine;

class LabCommandTest {
    private static final String LISTENING = "listening on ";

    @TempDir
    private Path directory;

    @Test
    void serverAndClientReportInJsonAndASignalEndsTheServerWell() throws Exception {
        final Path reportFile = directory.resolve("echo.json");
        try (CliProcess echo = CliProcess.start(
                "lab", "echo", "--listen", "127.0.0.1:0", "--json", "--report", reportFile.toString())) {
            final Run client = run("client", "--target", endpoint(echo.message()), "--flows", "10", "--rate", "1000",
                    "--seconds", "1", "--flow-start-rate", "100000", "--json", "--quiet", "--linger", "10000");
            assertEquals(0, client.exitCode, client.err);
            assertEquals("", client.err);
            final Map<String, Object> sentBack = json(client.out);
            assertEquals(Set.of("flows", "flowsAnswered", "sent", "received", "lost", "reordered", "duplicated",
                    "corrupted", "unexpected", "sendErrors", "seconds", "packetsPerSecond", "rttMicros"),
                    sentBack.keySet());
            assertEquals(1_000, sentBack.get("sent"));
            assertEquals(1_000, sentBack.get("received"));
            assertEquals(0, sentBack.get("lost"));
            assertEquals(10, sentBack.get("flowsAnswered"));
            assertEquals(Set.of("p50", "p99", "p999", "max"), ((Map<?, ?>) sentBack.get("rttMicros")).keySet());

            echo.signal("TERM");
            final Map<String, Object> seen = json(echo.line());
            assertEquals(0, echo.awaitExit());
            assertEquals(1_000, seen.get("received"));
            assertEquals(1_000, seen.get("sent"));
            final Map<?, ?> source = (Map<?, ?>) ((List<?>) seen.get("sources")).getFirst();
            assertEquals("127.0.0.1", source.get("address"));
            assertEquals(10, source.get("ports"));
            assertEquals(65_535, source.get("highestPort"));
            assertEquals(seen, json(Files.readString(reportFile)));
        }
    }

    @Test
    void anInterruptEndsTheClientWithItsReport() throws Exception {
        try (DatagramSocket silent = new DatagramSocket();
                CliProcess client = CliProcess.start("lab", "client", "--target",
                        "127.0.0.1:" + silent.getLocalPort(), "--flows", "2", "--rate", "100", "--seconds", "3600",
                        "--linger", "0")) {
            assertTrue(client.message().contains(" sent "), "a line of progress");
            client.signal("INT");
            assertTrue(client.line().startsWith("sent "), "a report");
            assertEquals(0, client.awaitExit());
        }
    }

    @Test
    void theServerEndsByItselfAfterItsSeconds() {
        final Run echo = run("echo", "--listen", "127.0.0.1:0", "--seconds", "0.1", "--workers", "1");
        assertEquals(0, echo.exitCode, echo.err);
        assertTrue(echo.err.startsWith(LISTENING + "127.0.0.1:"), echo.err);
        assertTrue(echo.out.startsWith("received  0"), echo.out);
    }

    @ParameterizedTest
    @CsvSource({
        "2, --payload 31, error: --payload 31 is out of range. Fix: 32 to 65507",
        "2, --payload 65508, error: --payload 65508 is out of range. Fix: 32 to 65507",
        "2, --flows 0, error: --flows 0 is out of range. Fix: 1 to 4000000",
        "2, --rate 0, error: --rate 0 is out of range. Fix: 1 to 100000000",
        "2, --source-ports 9-5, Invalid value for option '--source-ports': '9-5' is not LOW-HIGH",
        "2, --target nowhere, Invalid value for option '--target': 'nowhere' is not ADDRESS:PORT",
        "2, --target 127.0.0.1:70000, Invalid value for option '--target': '70000' is not a port",
        "1, --bind 192.0.2.7, error: cannot send from 192.0.2.7:65535: bind: Cannot assign requested address",
    })
    void wrongOptionsGetAnAnswerThatHelps(final int exitCode, final String options, final String message) {
        final List<String> arguments = new ArrayList<>(List.of("client", "--seconds", "1"));
        if (!options.startsWith("--target")) {
            arguments.addAll(List.of("--target", "127.0.0.1:9"));
        }
        arguments.addAll(List.of(options.split(" ")));
        final Run client = run(arguments.toArray(String[]::new));
        assertEquals(exitCode, client.exitCode, client.err);
        assertTrue(client.err.startsWith(message), client.err);
        assertEquals("", client.out);
    }

    private record Run(int exitCode, String out, String err) {
    }

    private static Run run(final String... arguments) {
        final StringWriter out = new StringWriter();
        final StringWriter err = new StringWriter();
        final CommandLine command = Culvert.commandLine();
        command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        final List<String> all = new ArrayList<>(List.of("lab"));
        all.addAll(List.of(arguments));
        return new Run(command.execute(all.toArray(String[]::new)), out.toString(), err.toString());
    }

    private static String endpoint(final String line) {
        assertTrue(line.startsWith(LISTENING), line);
        return line.substring(LISTENING.length());
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> json(final String text) {
        return (Map<String, Object>) new Load(LoadSettings.builder().build()).loadFromString(text);
    }
}
