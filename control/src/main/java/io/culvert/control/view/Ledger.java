// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.stats.CounterFile;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * The loss ledger as a reader keeps it: what came to a worker less what it sent on, punted, handed off, holds, and
 * dropped by name. Answers and requests of its own are among what it sent, so only the latter count as coming.
 */
final class Ledger {
    private static final Set<String> CAME = Set.of(
            "culvert_port_receive_packets_total",
            "culvert_worker_taken_over_packets_total",
            "culvert_worker_originated_packets_total");
    private static final Set<String> WENT = Set.of(
            "culvert_port_transmit_packets_total",
            "culvert_punted_packets_total",
            "culvert_dropped_packets_total",
            "culvert_worker_handed_off_packets_total",
            "culvert_worker_waiting_packets",
            "culvert_worker_waiting_fragments",
            "culvert_worker_unsettled_packets");

    /** A worker counts a burst stage by stage; a look between two bursts is likely among so many. */
    private static final int LOOKS = 1000;

    private final CounterFile file;
    private final int[] came;
    private final int[] went;

    Ledger(final CounterFile file) {
        this.file = file;
        this.came = indices(file.workerSeries(), CAME);
        this.went = indices(file.workerSeries(), WENT);
    }

    private static int[] indices(final List<String> series, final Set<String> metrics) {
        return IntStream.range(0, series.size())
                .filter(index -> metrics.contains(Series.parse(series.get(index)).metric())).toArray();
    }

    /** 0 when a worker's ledger balances: the best of several looks, for one may find packets between two counters. */
    long unaccounted(final int worker) {
        long best = difference(worker);
        for (int look = 1; look < LOOKS && best != 0; look++) {
            final long seen = difference(worker);
            best = Math.abs(seen) < Math.abs(best) ? seen : best;
        }
        return best;
    }

    private long difference(final int worker) {
        long difference = 0;
        for (final int series : came) {
            difference += file.worker(worker, series);
        }
        for (final int series : went) {
            difference -= file.worker(worker, series);
        }
        return difference;
    }
}
