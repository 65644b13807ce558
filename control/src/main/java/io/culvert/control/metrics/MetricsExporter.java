// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import io.culvert.control.view.Counters;
import io.culvert.control.view.FlowReader;
import io.culvert.control.view.Series;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.LoopHistogram;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tag;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.jvm.ClassLoaderMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.FileDescriptorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import java.io.IOException;
import java.io.Writer;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * The counter file as Prometheus metrics. Each series is a function that reads the mapped memory when it is scraped: a
 * scrape costs the workers nothing, and the number of series does not depend on the number of sessions.
 */
public final class MetricsExporter implements AutoCloseable {
    public static final String CONTENT_TYPE = MetricsRegistry.CONTENT_TYPE;

    private static final String PER_WORKER = "culvert_worker_";
    private static final double MS_PER_SECOND = 1e3;
    private static final double NS_PER_SECOND = 1e9;

    /** Series of the file that appear under another name. */
    private static final String HEARTBEAT = "culvert_worker_heartbeat_milliseconds";
    private static final String SESSIONS = "culvert_worker_sessions";
    private static final String LOOPS = "culvert_worker_loops_total";
    private static final String LOOP_CYCLES = "culvert_worker_loop_cycles_total";

    private final MetricsRegistry registry = new MetricsRegistry();
    private final CounterFile file;
    private final Counters counters;
    private final FlowReader flows;
    private final JvmGcMetrics gcMetrics = new JvmGcMetrics();

    public MetricsExporter(final CounterFile file, final FlowReader flows, final RelayInfo info) {
        this.file = file;
        this.counters = new Counters(file);
        this.flows = flows;
        workerSeries();
        processSeries();
        flowSeries();
        infoSeries(info);
        bindProcess();
    }

    /** Writes all metrics in the format of {@link #CONTENT_TYPE}. */
    public void scrape(final Writer to) throws IOException {
        registry.scrape(to);
    }

    @Override
    public void close() {
        gcMetrics.close();
        registry.close();
    }

    private void workerSeries() {
        final List<String> names = file.workerSeries();
        for (int index = 0; index < names.size(); index++) {
            final Series series = Series.parse(names.get(index));
            final int at = index;
            switch (series.metric()) {
                case HEARTBEAT -> perWorker("culvert_worker_heartbeat_timestamp_seconds", series,
                        worker -> file.worker(worker, at) / MS_PER_SECOND);
                case SESSIONS -> perWorker("culvert_flows", series, worker -> file.worker(worker, at));
                case LOOPS, LOOP_CYCLES -> { }
                default -> {
                    if (series.metric().startsWith(PER_WORKER)) {
                        perWorker(series.metric(), series, worker -> file.worker(worker, at));
                    } else {
                        add(series.metric(), tags(series), () -> file.total(at));
                    }
                }
            }
        }
        registry.register("culvert_worker_loop_duration_seconds",
                MetricHelp.of("culvert_worker_loop_duration_seconds"), "worker", new LoopDurations());
    }

    private interface WorkerValue {
        double of(int worker);
    }

    private void perWorker(final String name, final Series series, final WorkerValue value) {
        for (int worker = 0; worker < file.workers(); worker++) {
            final int number = worker;
            add(name, tags(series).and("worker", Integer.toString(worker)), () -> value.of(number));
        }
    }

    private void processSeries() {
        final List<String> names = file.processSeries();
        for (int index = 0; index < names.size(); index++) {
            final Series series = Series.parse(names.get(index));
            final int at = index;
            add(series.metric(), tags(series), () -> file.process(at));
        }
        add("culvert_heartbeat_timestamp_seconds", Tags.empty(), () -> file.heartbeatMs() / MS_PER_SECOND);
        for (final CounterFile.State state : CounterFile.State.values()) {
            add("culvert_state", Tags.of("state", state.name().toLowerCase(Locale.ROOT)),
                    () -> file.state() == state ? 1 : 0);
        }
    }

    private void flowSeries() {
        final long limit = flows.capacity();
        add("culvert_flows_limit", Tags.empty(), () -> limit);
        add("culvert_flow_table_fill_ratio", Tags.empty(),
                () -> limit == 0 ? 0 : (double) counters.total(SESSIONS) / limit);
        for (final String rule : counters.rules()) {
            // Ended first: what ends between the two looks must not count as ended before it was created.
            add("culvert_rule_flows", Tags.of("rule", rule), () -> -counters.ended(rule) + counters.created(rule));
        }
    }

    private void infoSeries(final RelayInfo info) {
        add("culvert_build_info", tags(info.build()), () -> 1);
        for (final Map<String, String> port : info.ports()) {
            add("culvert_port_info", tags(port), () -> 1);
        }
    }

    private void bindProcess() {
        final MeterRegistry meters = registry.meters();
        new ClassLoaderMetrics().bindTo(meters);
        new JvmMemoryMetrics().bindTo(meters);
        new JvmThreadMetrics().bindTo(meters);
        gcMetrics.bindTo(meters);
        new UptimeMetrics().bindTo(meters);
        new FileDescriptorMetrics().bindTo(meters);
        // Micrometer's own counts nanoseconds, which Prometheus's conventions do not allow.
        if (ManagementFactory.getOperatingSystemMXBean()
                instanceof final com.sun.management.OperatingSystemMXBean system) {
            add("process_cpu_seconds_total", Tags.empty(), () -> system.getProcessCpuTime() / NS_PER_SECOND);
        }
    }

    private interface Value {
        double read();
    }

    /** A counter if its name says so, else a gauge. */
    private void add(final String name, final Tags tags, final Value value) {
        if (name.endsWith("_total")) {
            // Micrometer holds the object weakly and the function strongly.
            FunctionCounter.builder(name, file, held -> value.read()).tags(tags).description(MetricHelp.of(name))
                    .register(registry.meters());
        } else {
            Gauge.builder(name, value::read).tags(tags).description(MetricHelp.of(name)).strongReference(true)
                    .register(registry.meters());
        }
    }

    private static Tags tags(final Series series) {
        return tags(series.labels());
    }

    private static Tags tags(final Map<String, String> labels) {
        return Tags.of(labels.entrySet().stream().map(label -> Tag.of(label.getKey(), label.getValue())).toList());
    }

    /** The workers' histograms, from cycles to seconds. */
    private final class LoopDurations implements MetricsRegistry.Histograms {
        private final List<String> workers = IntStream.range(0, file.workers()).mapToObj(Integer::toString).toList();
        private final double hz = file.tscHz();
        private final String[] series = new String[LoopHistogram.BUCKETS];
        private final double[] bounds = new double[LoopHistogram.BUCKETS];

        private LoopDurations() {
            for (int bucket = 0; bucket < series.length; bucket++) {
                final String below = LoopHistogram.below(bucket);
                series[bucket] = Series.of(LOOPS, "below_cycles", below);
                bounds[bucket] = Double.parseDouble(below.replace("+Inf", "Infinity")) / hz;
            }
        }

        @Override
        public List<String> labelValues() {
            return workers;
        }

        @Override
        public double[] bounds() {
            return bounds;
        }

        @Override
        public long[] counts(final int worker) {
            return Arrays.stream(series).mapToLong(name -> counters.worker(worker, name)).toArray();
        }

        @Override
        public double sum(final int worker) {
            return counters.worker(worker, LOOP_CYCLES) / hz;
        }
    }
}
