// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(Seeded.class)
class SnatPoolTest {
    private static final RuleTable NO_RULES = new RuleTable(List.of());
    /** 203.0.113.1 and so on. */
    private static final int FIRST_ADDRESS = 0x0171_00CB;

    @Test
    void aClientKeepsItsExternalAddressWhileItCan(final SplittableRandom random) {
        final SnatPool pool = pool(3, 2_000, 2_009, random);
        final int client = random.nextInt();
        final int external = SnatPool.external(pool.lend(client, 1, 0));
        for (int i = 1; i < 10; i++) {
            assertEquals(external, SnatPool.external(pool.lend(client, 1, 0)), "lease " + i);
        }
        for (int i = 0; i < 20; i++) {
            final int lease = pool.lend(client, 1, 0);
            assertTrue(lease != SnatPool.EXHAUSTED && SnatPool.external(lease) != external, "the others help out");
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(client, 1, 0));
        assertEquals(30, pool.lent());
        assertEquals(30, pool.size());
    }

    /** However close together clients live, no address of the pool is left to the last resort. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4, 8, 16})
    void neighbouringClientsSpreadOverTheAddresses(final int addresses, final SplittableRandom random) {
        final SnatPool pool = pool(addresses, 1_024, 65_535, random);
        final int[] clients = new int[addresses];
        final int network = random.nextInt();
        for (int host = 0; host < 256; host++) {
            clients[SnatPool.external(pool.lend(network & 0xFF_FFFF | host << 24, 5_004, 0))]++;
        }
        for (final int count : clients) {
            assertTrue(count >= 256 / addresses / 4, "256 clients of a /24 share " + addresses + " addresses as "
                    + List.of(IntStream.of(clients).boxed().toArray()));
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void workersShareThePortsWithoutOverlapOrRest(final int workers, final SplittableRandom random) {
        for (final int[] range : new int[][] {{1_024, 65_535}, {65_529, 65_535}, {2_000, 2_006}, {0, 65_535}}) {
            final SnatPool.Spec spec = new SnatPool.Spec(0, List.of(FIRST_ADDRESS), range[0], range[1]);
            final Set<Integer> lent = new HashSet<>();
            for (int worker = 0; worker < workers; worker++) {
                final SnatPool pool = new SnatPool(spec, NO_RULES, worker, workers, random);
                for (int lease = pool.lend(1, 1, 0); lease != SnatPool.EXHAUSTED; lease = pool.lend(1, 1, 0)) {
                    assertTrue(lent.add(SnatPool.port(lease)), "lent by two workers: " + SnatPool.port(lease));
                    assertEquals(worker, spec.owner(SnatPool.port(lease), workers));
                }
            }
            assertEquals(range[1] - range[0] + 1, lent.size(), "with " + workers + " workers");
        }
    }

    @Test
    void neverLendsAListenersPort(final SplittableRandom random) {
        final int second = FIRST_ADDRESS + (1 << 24);
        final Rule rule = new Rule(0, "r", second, 2_003, 2_005, List.of(), 1, 7_890, false, 0, 1, 1, true);
        final SnatPool pool = new SnatPool(new SnatPool.Spec(0, List.of(FIRST_ADDRESS, second), 2_000, 2_009),
                new RuleTable(List.of(rule)), 0, 1, random);
        assertEquals(17, pool.size());
        for (int i = 0; i < 17; i++) {
            final int lease = pool.lend(i, 2_004, 0);
            final int port = SnatPool.port(lease);
            assertFalse(pool.address(SnatPool.external(lease)) == second && port >= 2_003 && port <= 2_005,
                    "port " + port);
        }
        assertEquals(SnatPool.EXHAUSTED, pool.lend(0, 0, 0));
    }

    @Test
    void aLeaseGoesBackToTheAddressItCameFrom(final SplittableRandom random) {
        final SnatPool pool = pool(2, 2_000, 2_000, random);
        final int first = pool.lend(1, 2_000, 0);
        final int second = pool.lend(1, 2_000, 0);
        assertEquals(SnatPool.lease(SnatPool.external(first), 2_000), first);
        pool.giveBack(second, 0);
        assertEquals(1, pool.lent());
        assertEquals(second, pool.lend(1, 2_000, 0));
    }

    @Test
    void coversItsAddressesAndPorts() {
        final SnatPool.Spec spec = new SnatPool.Spec(0, List.of(FIRST_ADDRESS, 7), 2_000, 2_009);
        assertTrue(spec.covers(FIRST_ADDRESS, 2_000));
        assertTrue(spec.covers(7, 2_009));
        assertFalse(spec.covers(7, 1_999));
        assertFalse(spec.covers(7, 2_010));
        assertFalse(spec.covers(8, 2_005));
    }

    private static SnatPool pool(final int addresses, final int low, final int high, final SplittableRandom random) {
        final List<Integer> list = IntStream.range(0, addresses).mapToObj(i -> FIRST_ADDRESS + (i << 24)).toList();
        return new SnatPool(new SnatPool.Spec(0, list, low, high), NO_RULES, 0, 1, random);
    }
}
