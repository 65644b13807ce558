// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET_PORT;
import static io.culvert.dataplane.worker.TestRelay.fromTarget;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The IP id of whole packets: a router behind the relay may cut them, and receivers put pieces of one id together. */
class IdentificationTest {
    private static final int PORT = 25_000;
    private static final int ID = 0x1234;
    private static final int CLIENTS = 500;

    @TempDir
    private Path scratch;
    private TestRelay relay;

    @BeforeEach
    void open() {
        relay = TestRelay.withNeighbors(scratch, 1_000);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    @Test
    @Tag("RFC7857-10")
    void noTwoPacketsOfOneExternalAddressThatMayBeCutShareAnId() {
        final Set<Integer> seen = new HashSet<>();
        for (int client = 0; client < CLIENTS; client++) {
            final byte[] out = relay.pass(EDGE, INNER, Frames.id(fromClient(client), ID)).getFirst();
            Frames.assertRight(out);
            assertTrue(seen.add(Frames.id(out)), "id " + Frames.id(out) + " again after " + client + " packets");
        }
    }

    @Test
    @Tag("RFC7857-10")
    void packetsThatForbidFragmentsKeepTheirIdsAmongThoseThatDoNot() {
        final List<byte[]> out = relay.pass(EDGE, INNER, Frames.dontFragment(Frames.id(fromClient(0), ID)),
                Frames.id(fromClient(1), ID), Frames.dontFragment(Frames.id(fromClient(2), ID + 1)));
        out.forEach(Frames::assertRight);
        assertEquals(List.of(ID, ID + 1), List.of(Frames.id(out.get(0)), Frames.id(out.get(2))));
    }

    @Test
    @Tag("RFC7857-10")
    void repliesHaveIdsOfTheirOwnToo() {
        relay.pass(EDGE, INNER, fromClient(0));
        relay.pass(EDGE, INNER, fromClient(1));
        final byte[] first = relay.pass(INNER, EDGE, Frames.id(fromTarget(TARGET_PORT, PORT), ID)).getFirst();
        final byte[] second = relay.pass(INNER, EDGE, Frames.id(fromTarget(TARGET_PORT, PORT + 1), ID)).getFirst();
        Frames.assertRight(first);
        assertTrue(Frames.id(first) != Frames.id(second));
    }

    private static byte[] fromClient(final int client) {
        return Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT + client, EDGE_ADDRESS, LISTEN, 100);
    }
}
