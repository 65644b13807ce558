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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

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
        assertTrue(refusal.getMessage().contains("/flows-0 takes 78 MiB and its file system has "),
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

    private static Relay open(final Instance instance, final int flows) {
        final RelayConfig config = RelayConfig.parse(CONFIG.formatted(flows), "relay.yaml");
        return Relay.open(config, MemoryPlan.of(config), instance, Clock.tsc());
    }
}
