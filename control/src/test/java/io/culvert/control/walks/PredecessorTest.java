// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.control.view.Counters;
import io.culvert.dataplane.worker.Clock;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A relay with forty sessions ends without a word; another finds its files, as they are or damaged. */
class PredecessorTest {
    private static final int SESSIONS = FortySessions.COUNT;

    @TempDir
    private Path scratch;
    private Instance instance;
    private String yaml;
    private Clock clock;

    @BeforeEach
    void openSessions() throws IOException {
        TestEal.init();
        clock = Clock.tsc();
        yaml = FortySessions.yaml(128);
        instance = new Instance(Files.createDirectory(scratch.resolve("state")));
        try (Relay relay = open(yaml, 1, true)) {
            FortySessions.openAll(relay);
            assertTrue(relay.heritage().isEmpty(), "the first has no predecessor");
        }
    }

    @Test
    void everySessionIsKept() throws IOException {
        assertOutcome(UnaryOperator.identity(), "goes on with its predecessor's sessions (process "
                + ProcessHandle.current().pid() + "): 40 kept, 0 ended", SESSIONS);
    }

    @Test
    void aRuleThatWasGivenAnotherNameKeepsItsSessions() throws IOException {
        assertOutcome(text -> text.replace("name: cam", "name: wall"), ": 40 kept, 0 ended", SESSIONS);
    }

    @ParameterizedTest
    @CsvSource({
        "'target: 192.0.2.17:5004', 'target: 192.0.2.18:5004', ': 0 kept, 40 ended (40 rule changed)'",
        "'ttl: decrement', 'ttl: preserve', ': 0 kept, 40 ended (40 rule changed)'",
        "'flows: 128', 'flows: 256', ': 40 kept, 0 ended'",
        "'flows: 128', 'flows: 80', ': 40 kept, 0 ended'",
        "'flows: 128', 'flows: 50', ': 25 kept, 15 ended (15 no room)'"})
    void aChangedConfigurationEndsWhatItMust(final String text, final String replacement, final String line)
            throws IOException {
        assertTrue(yaml.contains(text), yaml);
        assertOutcome(now -> now.replace(text, replacement), line,
                Integer.parseInt(line.substring(2, line.indexOf(' ', 2))));
    }

    @Test
    void anotherNumberOfWorkersEndsAllAndSaysSo() throws IOException {
        try (Relay relay = open(yaml, 2, false)) {
            assertEquals("starts without the sessions of its predecessor (process " + ProcessHandle.current().pid()
                    + "): it had 1 worker, and this has 2; 40 sessions ended, counters go on",
                    relay.heritage().orElseThrow());
            assertEndedAll(relay);
        }
        try (Relay relay = open(yaml, 1, false)) {
            assertTrue(relay.heritage().orElseThrow().contains("it had 2 workers, and this has 1"), relay::toString);
        }
        assertFalse(Files.exists(instance.flowsFile(1)), "the table of a worker that is no more");
    }

    /** Magic, layout, boot id, owner, clock rate. */
    @ParameterizedTest
    @CsvSource({"0", "8", "88", "64", "80"})
    void aFileThatDoesNotFitEndsAllAndSaysSo(final int at) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(instance.flowsFile(0).toFile(), "rw")) {
            file.seek(at);
            final int there = Integer.reverseBytes(file.readInt());
            file.seek(at);
            file.writeInt(Integer.reverseBytes(at == 64 ? 0 : ~there));
        }
        try (Relay relay = open(yaml, 1, false)) {
            assertTrue(relay.heritage().orElseThrow().startsWith("starts without the sessions"),
                    relay.heritage()::toString);
            assertEndedAll(relay);
        }
    }

    private void assertOutcome(final UnaryOperator<String> change, final String line, final int kept)
            throws IOException {
        try (Relay relay = open(change.apply(yaml), 1, false)) {
            assertTrue(relay.heritage().orElseThrow().endsWith(line), relay.heritage()::toString);
            assertEquals(kept, FortySessions.of(relay));
            final Counters counters = new Counters(relay.counters());
            final String rule = counters.rules().getFirst();
            assertEquals(kept, counters.created(rule) - counters.ended(rule), "created less ended");
            assertEquals(kept, relay.snatPools().get(0).lent(), "ports lent");
            relay.workers().forEach(worker -> assertEquals(0, worker.counters().imbalance()));
        }
    }

    private static void assertEndedAll(final Relay relay) {
        assertEquals(0, FortySessions.of(relay));
        final Counters counters = new Counters(relay.counters());
        final String rule = counters.rules().getFirst();
        assertEquals(SESSIONS, counters.created(rule), "counters go on");
        assertEquals(SESSIONS, counters.ended(rule));
    }

    /** @param receives whether the case's packets come in */
    private Relay open(final String text, final int workers, final boolean receives) throws IOException {
        final RelayConfig config = FortySessions.config(text, scratch, workers, receives);
        return Relay.open(config, MemoryPlan.of(config), instance, clock);
    }
}
