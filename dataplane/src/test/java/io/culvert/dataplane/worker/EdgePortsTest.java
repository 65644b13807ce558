// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.POOL_HIGH;
import static io.culvert.dataplane.worker.TestRelay.POOL_LOW;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Client ports at the edges of everything: of all ports, of the well-known ones, of the pool. */
class EdgePortsTest {
    private static final int[] EDGES = {1, 1_023, 1_024, POOL_LOW - 1, POOL_LOW, POOL_HIGH, POOL_HIGH + 1,
        65_534, 65_535};

    @TempDir
    private Path scratch;

    @Test
    void eachGetsAPortOfThePoolAndItsAnswers() {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 64)) {
            final Set<Integer> lent = new HashSet<>();
            for (final int port : EDGES) {
                final byte[] there = relay.pass(EDGE, INNER, TestRelay.fromClient(port, LISTEN)).getFirst();
                final int external = Frames.sourcePort(there);
                assertTrue(external >= POOL_LOW && external <= POOL_HIGH, port + " became " + external);
                assertTrue(lent.add(external), external + " is lent twice");
                final byte[] back = relay.pass(INNER, EDGE, TestRelay.fromTarget(TARGET_PORT, external)).getFirst();
                assertEquals(CLIENT, Frames.destination(back));
                assertEquals(port, Frames.destinationPort(back));
                Frames.assertRight(back);
            }
        }
    }
}
