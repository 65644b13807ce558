// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.Rss;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.Relay;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.worker.Clock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which key a NIC gets for the hash that spreads packets over the workers, and for how long. */
class SpreadKeyTest {
    private static final String CONFIG = """
            ports:
              edge: { device: net_null_edge0, address: 203.0.113.1/24 }
              inner: { device: net_null_inner0, address: 192.0.2.2/24 }
            rules:
              - { name: cam, listen: "203.0.113.1:9000/udp", target: "192.0.2.17:5004", snat: none }
            limits: { flows: 64 }
            memory: { huge: false }
            metrics: none
            """;

    @TempDir
    private Path scratch;
    private Instance instance;
    private Clock clock;

    @BeforeEach
    void init() throws IOException {
        TestEal.init();
        clock = Clock.tsc();
        instance = new Instance(Files.createDirectory(scratch.resolve("state")));
    }

    @Test
    void theNextProcessSpreadsPacketsAsItsPredecessorDid() {
        final Rss before = spread(2);
        final Rss after = spread(2);
        assertArrayEquals(before.key(), after.key());
        assertArrayEquals(before.reta(), after.reta());
    }

    @Test
    void aColdStartDrawsANewKey() throws IOException {
        final Rss before = spread(2);
        instance.clear();
        assertFalse(Arrays.equals(before.key(), spread(2).key()));
    }

    @Test
    void aKeyEndsWithTheSessionsThatItWasFor() {
        final Rss before = spread(2);
        assertFalse(Arrays.equals(before.key(), spread(3).key()), "the tables are those of two workers");
    }

    /** Starts a relay and ends it. @return how both of its ports spread packets */
    private Rss spread(final int workers) {
        final RelayConfig config = RelayConfig.parse(
                CONFIG + "workers: { cores: auto, count: " + workers + " }\n", "config.yaml");
        try (Relay relay = Relay.open(config, MemoryPlan.of(config), instance, clock)) {
            final List<Rss> spreads = relay.ports().stream().map(Port::rss).map(rss -> rss.orElseThrow()).toList();
            assertArrayEquals(spreads.getFirst().key(), spreads.getLast().key());
            return spreads.getFirst();
        }
    }
}
