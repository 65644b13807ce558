// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.prometheus.PrometheusConfig;
import io.micrometer.prometheus.PrometheusMeterRegistry;
import io.prometheus.client.Collector;
import io.prometheus.client.Collector.MetricFamilySamples.Sample;
import io.prometheus.client.exporter.common.TextFormat;
import java.io.IOException;
import java.io.Writer;
import java.util.ArrayList;
import java.util.List;

/**
 * The one class that knows which registry stands behind Micrometer's API, and in which format it is scraped. It also
 * holds what the API has no word for: a histogram whose buckets somebody else has counted. Micrometer calls the
 * simpleclient registry deprecated in favour of a newer client; a change to that one is a change here.
 */
@SuppressWarnings("deprecation")
final class MetricsRegistry {
    static final String CONTENT_TYPE = TextFormat.CONTENT_TYPE_004;

    private final PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);

    /** A histogram per value of one label, read at scrape time. */
    interface Histograms {
        List<String> labelValues();

        /** Upper bounds, ascending, the last infinite. */
        double[] bounds();

        /** How many values lie in each bucket, not cumulated. */
        long[] counts(int labelValue);

        double sum(int labelValue);
    }

    MeterRegistry meters() {
        return registry;
    }

    void register(final String name, final String help, final String label, final Histograms histograms) {
        registry.getPrometheusRegistry().register(new Collector() {
            @Override
            public List<MetricFamilySamples> collect() {
                return List.of(new MetricFamilySamples(name, Type.HISTOGRAM, help, samples(name, label, histograms)));
            }
        });
    }

    private static List<Sample> samples(final String name, final String label, final Histograms histograms) {
        final List<Sample> samples = new ArrayList<>();
        final List<String> labels = List.of(label, "le");
        for (int i = 0; i < histograms.labelValues().size(); i++) {
            final String value = histograms.labelValues().get(i);
            final double[] bounds = histograms.bounds();
            final double sum = histograms.sum(i);
            final long[] counts = histograms.counts(i);
            long below = 0;
            for (int bucket = 0; bucket < bounds.length; bucket++) {
                below += counts[bucket];
                samples.add(new Sample(name + "_bucket", labels,
                        List.of(value, Collector.doubleToGoString(bounds[bucket])), below));
            }
            samples.add(new Sample(name + "_count", List.of(label), List.of(value), below));
            samples.add(new Sample(name + "_sum", List.of(label), List.of(value), sum));
        }
        return samples;
    }

    void scrape(final Writer to) throws IOException {
        registry.scrape(to);
    }

    void close() {
        registry.close();
    }
}
