// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.wire.Arp;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Questions for more next hops of one link than leave in one burst, as many as the budget allows at once. After each
 * case the ledger balances and every buffer is back.
 */
class SolicitationTest {
    private static final int HOPS = 140;
    private static final long PREFIX = 0xB80D_0120L; // 2001:db8::/64

    @TempDir
    private Path scratch;

    @Test
    void asManyNextHopsAsThereAreAreAskedForEachOnItsLink() {
        try (TestRelay relay = new TestRelay(scratch, 16)) {
            final List<List<Integer>> hops = List.of(new ArrayList<>(), new ArrayList<>());
            for (int i = 0; i < HOPS; i++) {
                hops.get(EDGE).add(0x0002_00C0 | 101 + i << 24);
                hops.get(INNER).add(0x0000_000A | 101 + i << 24);
            }
            hops.get(EDGE).forEach(hop -> relay.neighbors.configure(EDGE, hop));
            hops.get(INNER).forEach(hop -> relay.neighbors.configure(INNER, hop));
            relay.neighbors.needConfigured();
            relay.advanceMs(60_000); // by then there may be as many at once as ever
            relay.workForMs(300);
            for (int link = 0; link < 2; link++) {
                assertEquals(hops.get(link), relay.received(link).stream().filter(Frames::isArp)
                        .map(frame -> Arp.targetAddress(MemorySegment.ofArray(frame)))
                        .filter(hops.get(link)::contains).sorted((one, other) ->
                                Integer.compareUnsigned(one >>> 24, other >>> 24)).toList());
            }
        }
    }

    @Test
    void soAreThoseOfIpv6() {
        try (TestRelay relay = new TestRelay(scratch, 16)) {
            for (int link = 0; link < 2; link++) {
                for (int i = 1; i <= HOPS; i++) {
                    relay.neighbors.configure(link, PREFIX, (long) i << 56);
                }
            }
            relay.neighbors.needConfigured();
            relay.advanceMs(60_000); // by then there may be as many at once as ever
            relay.workForMs(300);
            for (int link = 0; link < 2; link++) {
                assertEquals(HOPS, relay.received(link).stream().filter(frame -> !Frames.isArp(frame)).count());
            }
        }
    }
}
