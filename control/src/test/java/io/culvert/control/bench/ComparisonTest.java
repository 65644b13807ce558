// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.Failure;
import io.culvert.control.walks.TestEal;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The twin is a fair yardstick only while it does what the worker does: this holds the two together. */
class ComparisonTest {
    private static final int SESSIONS = 5_000;
    private static final int PACKET_SIZE = 200;
    private static final int BURST = 64;

    @ParameterizedTest
    @EnumSource(value = Mix.class, mode = EnumSource.Mode.EXCLUDE, names = "REFUSED")
    void workerAndTwinSendAndCountTheSame(final Mix mix) {
        compare(mix, null);
    }

    @Test
    void refusesAWalkerThatCountsOtherwise() {
        final Failure failure = assertThrows(Failure.class, () -> compare(Mix.DROP, DropReason.VLAN));
        assertTrue(failure.getMessage().contains("unaccounted for"), failure.getMessage());
    }

    /** @param invented a drop that the worker counts once too often, or null */
    private static void compare(final Mix mix, final DropReason invented) {
        TestEal.init();
        try (Bed bed = new Bed(Bed.memoryPlan(), SESSIONS, PACKET_SIZE, BURST, mix, 1)) {
            bed.prepare(0);
            final Course course = new Course(bed, 0, BURST);
            try (Twin twin = bed.twin(0)) {
                final Walker java = new JavaWalker(bed.relay().workers().getFirst());
                new Comparison(bed, course, BURST).run(invented == null ? java : new Inventive(java, invented), twin);
            }
        }
    }

    private record Inventive(Walker walker, DropReason invented) implements Walker {
        @Override
        public void run(final long cycles) {
            walker.run(cycles);
            counters().increment(counters().catalog().dropped(Bed.EDGE) + invented.ordinal());
        }

        @Override
        public long[] runStaged(final long cycles) {
            return walker.runStaged(cycles);
        }

        @Override
        public int sessions() {
            return walker.sessions();
        }

        @Override
        public void clockOffset(final long cycles) {
            walker.clockOffset(cycles);
        }

        @Override
        public WorkerCounters counters() {
            return walker.counters();
        }
    }
}
