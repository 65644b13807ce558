// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The workers where client endpoints that share an external endpoint have their home. */
class HomesTest {
    private static final int WORKERS = 4;
    private static final int ENDPOINTS = 4_000;
    /** 2^64 divided by the golden ratio: with it alone anybody can compute homes. */
    private static final long MIX = 0x9E3779B97F4A7C15L;

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void endpointsThatOnceHadOneHomeAreSpreadOverAllWorkers() {
        final Handoff handoff = over(FlowFile.inMemory(16, arena));
        final int[] homes = new int[WORKERS];
        int aimed = 0;
        for (int address = 1; aimed < ENDPOINTS; address++) {
            final long low = Ipv6Address.mapped(address);
            if (Math.unsignedMultiplyHigh((Long.rotateLeft(low, 17) + 512) * MIX, WORKERS) == 0) {
                homes[handoff.homeOf(0, low, 1_024)]++;
                aimed++;
            }
        }
        for (final int here : homes) {
            assertTrue(here > ENDPOINTS / WORKERS / 2, here + " endpoints of " + ENDPOINTS);
        }
    }

    @Test
    void bothPortsOfAPairHaveOneHome() {
        final Handoff handoff = over(FlowFile.inMemory(16, arena));
        for (int port = 1_024; port < 2_048; port += 2) {
            assertEquals(handoff.homeOf(1, 2, port), handoff.homeOf(1, 2, port + 1));
        }
    }

    @Test
    void homesStayWhenATableIsMadeAnewInAnotherSizeAndChangeInAnEmptyOne() {
        final FlowFile before = FlowFile.inMemory(16, arena);
        final FlowFile larger = FlowFile.inMemory(64, arena);
        larger.fill(before);
        assertEquals(homes(over(before)), homes(over(larger)));
        assertNotEquals(homes(over(before)), homes(over(FlowFile.inMemory(16, arena))));
    }

    private static List<Integer> homes(final Handoff handoff) {
        final List<Integer> homes = new ArrayList<>();
        for (int address = 0; address < 256; address++) {
            homes.add(handoff.homeOf(0, Ipv6Address.mapped(address), 5_000));
        }
        return homes;
    }

    /** @param first the table of the first worker; those of the others have seeds of their own */
    private Handoff over(final FlowFile first) {
        final Handoff handoff = new Handoff(WORKERS, WORKERS * 64, arena);
        for (int worker = 0; worker < WORKERS; worker++) {
            final FlowTable table = new FlowTable(worker == 0 ? first : FlowFile.inMemory(16, arena));
            handoff.join(worker, table, table.addressBook(List.of()), null);
        }
        return handoff;
    }
}
