// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Leases that sessions have from before a restart, where they share them. */
class LeasesTest {
    private static final int EXTERNAL = 0x0171_00CB;
    private static final int CLIENT = 7;
    private static final int LEASE = SnatPool.lease(0, 2_004);

    private final Arena arena = Arena.ofConfined();
    private SnatPools pools;

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    @Tag("RFC4787-REQ-11")
    void sessionsOfOneEndpointClaimTheLeaseTheyShare() {
        final Rule rule = rule(false);
        final Leases leases = leases(rule);
        assertTrue(leases.claim(rule, LEASE, CLIENT, 5_004, 2));
        assertTrue(leases.claim(rule, LEASE, CLIENT, 5_004, 4));
        assertFalse(leases.claim(rule, LEASE, CLIENT, 5_006, 6), "another client endpoint");
        assertFalse(leases.claim(rule, LEASE + 1, CLIENT, 5_004, 6), "the endpoint has another lease");
        assertEquals(4, pools.get(0).sessionOf(LEASE));
        leases.giveBack(rule, LEASE, CLIENT, 5_004, 4, 0);
        assertEquals(2, pools.get(0).sessionOf(LEASE), "the session that is left");
        assertEquals(1, pools.get(0).lent());
        leases.giveBack(rule, LEASE, CLIENT, 5_004, 2, 0);
        assertEquals(0, pools.get(0).lent());
    }

    @Test
    void halfAPairClaimsBothPorts() {
        final Rule rule = rule(true);
        final Leases leases = leases(rule);
        assertTrue(leases.claim(rule, LEASE + 1, CLIENT, 5_005, 2));
        assertEquals(2, pools.get(0).lent());
        assertEquals(ExternalPorts.NO_SESSION, pools.get(0).sessionOf(LEASE));
        assertTrue(leases.claim(rule, LEASE, CLIENT, 5_004, 4));
        leases.giveBack(rule, LEASE + 1, CLIENT, 5_005, 2, 0);
        assertEquals(2, pools.get(0).lent(), "kept for its neighbour");
        leases.giveBack(rule, LEASE, CLIENT, 5_004, 4, 0);
        assertEquals(0, pools.get(0).lent());
    }

    private Leases leases(final Rule rule) {
        final RuleTable rules = new RuleTable(List.of(rule));
        pools = new SnatPools(List.of(new SnatPool.Spec(0, List.of(EXTERNAL), 2_000, 2_009)), rules,
                new SplittableRandom(1));
        final FlowTable flows = new FlowTable(FlowFile.inMemory(16, arena));
        return new Leases(0, flows, flows.addressBook(List.of()), rules, pools, arena);
    }

    private static Rule rule(final boolean portPairs) {
        final NatBehavior behavior =
                new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT, portPairs);
        return new Rule(0, "r", 1, 1, 1, List.of(), 2, 1, false, 0, behavior, 1, 1, true, true, Limits.NONE,
                Limits.NONE);
    }
}
