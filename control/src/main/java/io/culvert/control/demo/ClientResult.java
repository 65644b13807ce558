// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/** What {@code lab client --json} reported from A. */
record ClientResult(long flowsAnswered, long sent, long received, long lost, long reordered, long duplicated,
                    long corrupted, long sendErrors, double seconds, double p50Micros, double p99Micros,
                    double p999Micros) {
    static ClientResult parse(final String json) {
        final Map<?, ?> report = (Map<?, ?>) new Load(LoadSettings.builder().build()).loadFromString(json);
        final Map<?, ?> rtt = (Map<?, ?>) report.get("rttMicros");
        return new ClientResult(number(report, "flowsAnswered"), number(report, "sent"), number(report, "received"),
                number(report, "lost"), number(report, "reordered"), number(report, "duplicated"),
                number(report, "corrupted"), number(report, "sendErrors"), decimal(report, "seconds"),
                decimal(rtt, "p50"), decimal(rtt, "p99"), decimal(rtt, "p999"));
    }

    private static long number(final Map<?, ?> object, final String key) {
        return ((Number) object.get(key)).longValue();
    }

    private static double decimal(final Map<?, ?> object, final String key) {
        return ((Number) object.get(key)).doubleValue();
    }
}
