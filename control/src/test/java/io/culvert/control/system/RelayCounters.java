// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import io.culvert.control.config.PortConfig;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.config.RuleConfig;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import java.lang.foreign.Arena;

/** The counters of a relay in another process, read from its file. They live on when the process is gone. */
final class RelayCounters {
    private final CounterFile file;
    private final CounterCatalog catalog;

    RelayCounters(final Instance instance, final RelayConfig config) {
        file = instance.openCounters(Arena.ofAuto());
        catalog = new CounterCatalog(config.ports().stream().map(PortConfig::name).toList(),
                config.rules().stream().map(RuleConfig::name).toList());
    }

    CounterFile file() {
        return file;
    }

    long total(final String series) {
        return file.total(file.workerSeries().indexOf(series));
    }

    long dropped(final String port, final DropReason reason) {
        return total("culvert_dropped_packets_total{port=\"" + port + "\",reason=\"" + reason.label() + "\"}");
    }

    long created(final String rule) {
        return total("culvert_flows_created_total{rule=\"" + rule + "\"}");
    }

    long ended(final String rule) {
        return total("culvert_flows_ended_total{rule=\"" + rule + "\",reason=\"idle\"}");
    }

    /** Sessions that a restart did not keep. */
    long endedByRestart(final String rule) {
        return total("culvert_flows_ended_total{rule=\"" + rule + "\",reason=\"restart\"}");
    }

    /** @param direction {@code forward} or {@code reply} */
    long packets(final String rule, final String direction) {
        return total("culvert_rule_packets_total{rule=\"" + rule + "\",direction=\"" + direction + "\"}");
    }

    long sessions() {
        return file.total(catalog.of(WorkerCounter.SESSIONS));
    }

    /** Packets that the ledger of any worker cannot account for; while packets pass, those on their way too. */
    long imbalance() {
        long unaccounted = 0;
        for (int worker = 0; worker < file.workers(); worker++) {
            unaccounted += Math.abs(file.worker(worker, catalog).imbalance());
        }
        return unaccounted;
    }
}
