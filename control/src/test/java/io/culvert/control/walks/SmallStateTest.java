// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.Failure;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.deploy.Script;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.worker.Clock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The state lies on a file system of 16 MiB, as /dev/shm may be in a container. */
class SmallStateTest {
    private static final String CONFIG = """
            ports:
              edge: { device: "net_null7", address: 203.0.113.1/24 }
            rules:
              - { name: cam, listen: "203.0.113.1:9000/udp", target: "203.0.113.9:9000", snat: none }
            limits: { flows: %d }
            """;

    @TempDir
    private Path scratch;
    private Path small;

    @BeforeEach
    void mount() throws Exception {
        assumeTrue("root".equals(System.getProperty("user.name")), "only root can mount a file system");
        TestEal.init();
        small = Files.createDirectory(scratch.resolve("small"));
        run("mount", "-t", "tmpfs", "-o", "size=16m,mode=755", "culvert-test", small.toString());
    }

    @AfterEach
    void unmount() throws Exception {
        if (small != null) {
            run("umount", small.toString());
        }
    }

    private static void run(final String... command) throws IOException, InterruptedException {
        final Script done = Script.run(Map.of(), List.of(command));
        assertEquals(0, done.exitCode(), done.output());
    }

    @Test
    void aTableThatDoesNotFitIsRefusedAtTheStartWithItsSizeAndTheMend() throws IOException {
        final Instance instance = new Instance(Files.createDirectory(small.resolve("state")));
        final Failure refusal = assertThrows(Failure.class, () -> open(instance, 1_000_000).close());
        assertTrue(refusal.getMessage().contains("/flows-0.new takes 78 MiB and its file system has "),
                refusal.getMessage());
        assertTrue(refusal.getMessage().contains(" Fix: make room there (mount -o remount,size=...; for a container"
                + " --shm-size), lower limits: { flows }, or set CULVERT_STATE"), refusal.getMessage());
        assertFalse(Files.exists(instance.flowsFile(0)));
        try (Relay relay = open(instance, 10_000)) {
            final FlowFile table = relay.flowFiles().getFirst();
            assertEquals(5_000, table.capacity());
            for (int slot = 0; slot < 2 * table.capacity(); slot++) {
                table.entry(slot).fill((byte) 0);
            }
        }
    }

    /** Twice 120,000 flows fit, 140,000 fit without them, a million do not fit at all. */
    @ParameterizedTest
    @CsvSource({
        "120000, 140000, 'for these tables beside the old ones (mount', 'or start with --cold'",
        "10000, 1000000, ' Fix: make room there (mount', 'set limits: { flows } as they were, or lower'"})
    void aRefusedStartLeavesTheSessionsToTheNext(final int flows, final int more, final String mend,
                                                 final String another) throws IOException {
        final Instance instance = new Instance(Files.createDirectory(small.resolve("state")));
        try (Relay relay = open(instance, flows, 1, true)) {
            FortySessions.openAll(relay);
        }
        final Failure refusal = assertThrows(Failure.class, () -> open(instance, more, 1, false).close());
        assertTrue(refusal.getMessage().contains("The sessions of its predecessor are left as they were"),
                refusal.getMessage());
        assertTrue(refusal.getMessage().contains(mend), refusal.getMessage());
        assertTrue(refusal.getMessage().contains(another), refusal.getMessage());
        assertEquals(List.of("counters", "flows-0", "neighbors"), names(instance));
        try (Relay relay = open(instance, flows, 1, false)) {
            assertTrue(relay.heritage().orElseThrow().endsWith(": 40 kept, 0 ended"), relay.heritage()::toString);
            assertEquals(FortySessions.COUNT, FortySessions.of(relay));
        }
    }

    @Test
    void sessionsThatMovedToOtherTablesLeaveRoomForTheNextMove() throws IOException {
        final Instance instance = new Instance(Files.createDirectory(small.resolve("state")));
        try (Relay relay = open(instance, 60_000, 1, true)) {
            FortySessions.openAll(relay);
        }
        try (Relay relay = open(instance, 70_000, 1, false)) {
            assertEquals(FortySessions.COUNT, FortySessions.of(relay));
            assertTrue(Files.getFileStore(small).getUsableSpace() > (8L << 20), "the old table is still there");
        }
    }

    @Test
    void tablesThatNobodyCanGoOnWithMakeRoom() throws IOException {
        final Instance instance = new Instance(Files.createDirectory(small.resolve("state")));
        try (Relay relay = open(instance, 120_000, 1, true)) {
            FortySessions.openAll(relay);
        }
        try (Relay relay = open(instance, 120_000, 2, false)) {
            assertTrue(relay.heritage().orElseThrow().contains("40 sessions ended"), relay.heritage()::toString);
            assertEquals(List.of("counters", "flows-0", "flows-1", "neighbors"), names(instance));
        }
    }

    private static List<String> names(final Instance instance) throws IOException {
        try (Stream<Path> entries = Files.list(instance.directory())) {
            return entries.map(entry -> entry.getFileName().toString()).sorted().toList();
        }
    }

    private Relay open(final Instance instance, final int flows, final int workers, final boolean receives)
            throws IOException {
        final RelayConfig config = FortySessions.config(FortySessions.yaml(flows), scratch, workers, receives);
        return Relay.open(config, MemoryPlan.of(config), instance, Clock.tsc());
    }

    private static Relay open(final Instance instance, final int flows) {
        final RelayConfig config = RelayConfig.parse(CONFIG.formatted(flows), "relay.yaml");
        return Relay.open(config, MemoryPlan.of(config), instance, Clock.tsc());
    }
}
