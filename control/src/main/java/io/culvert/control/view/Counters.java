// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.stats.CounterFile;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A counter file read by the names of its series, so that a reader needs no knowledge of where each one lies. A series
 * that the file does not have reads as 0.
 */
public final class Counters {
    private final CounterFile file;
    private final Map<String, Integer> workerSeries = new HashMap<>();
    private final Map<String, Integer> processSeries = new HashMap<>();

    public Counters(final CounterFile file) {
        this.file = file;
        fill(workerSeries, file.workerSeries());
        fill(processSeries, file.processSeries());
    }

    private static void fill(final Map<String, Integer> indices, final List<String> names) {
        for (int index = 0; index < names.size(); index++) {
            indices.put(names.get(index), index);
        }
    }

    public CounterFile file() {
        return file;
    }

    /** In the order of their indices. */
    public List<String> ports() {
        return labels(file.workerSeries(), "culvert_port_receive_packets_total", "port");
    }

    /** In the order of their indices: what a flow entry's rule number counts. */
    public List<String> rules() {
        return labels(file.workerSeries(), "culvert_flows_created_total", "rule");
    }

    public List<String> snatPools() {
        return labels(file.processSeries(), "culvert_snat_ports_limit", "pool");
    }

    public List<String> neighborStates() {
        return labels(file.processSeries(), "culvert_neighbors", "state");
    }

    private static List<String> labels(final List<String> names, final String metric, final String label) {
        return names.stream().map(Series::parse).filter(series -> series.metric().equals(metric))
                .map(series -> series.labels().get(label)).toList();
    }

    public long worker(final int worker, final String series) {
        final Integer index = workerSeries.get(series);
        return index == null ? 0 : file.worker(worker, index);
    }

    /** Over all workers. */
    public long total(final String series) {
        final Integer index = workerSeries.get(series);
        return index == null ? 0 : file.total(index);
    }

    /** Sessions of a rule. */
    public long created(final String rule) {
        return total(Series.of("culvert_flows_created_total", "rule", rule));
    }

    /** Sessions of a rule that live no more, whatever ended them. */
    public long ended(final String rule) {
        return total(Series.of("culvert_flows_ended_total", "rule", rule, "reason", "idle"))
                + total(Series.of("culvert_flows_ended_total", "rule", rule, "reason", "restart"));
    }

    public long process(final String series) {
        final Integer index = processSeries.get(series);
        return index == null ? 0 : file.process(index);
    }
}
