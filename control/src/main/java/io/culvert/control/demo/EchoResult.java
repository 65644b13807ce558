// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;

/**
 * What {@code lab echo --json} reported from C.
 *
 * @param address where the packets came from, as C saw it; if there are several, the one with most ports. Empty if none
 */
record EchoResult(long received, long sent, String address, int lowestPort, int highestPort, int ports) {
    static EchoResult parse(final String json) {
        final Map<?, ?> report = (Map<?, ?>) new Load(LoadSettings.builder().build()).loadFromString(json);
        final long received = ((Number) report.get("received")).longValue();
        final long sent = ((Number) report.get("sent")).longValue();
        return ((List<?>) report.get("sources")).stream().map(source -> (Map<?, ?>) source)
                .max(Comparator.comparingInt(source -> number(source, "ports")))
                .map(source -> new EchoResult(received, sent, (String) source.get("address"),
                        number(source, "lowestPort"), number(source, "highestPort"), number(source, "ports")))
                .orElseGet(() -> new EchoResult(received, sent, "", 0, 0, 0));
    }

    private static int number(final Map<?, ?> object, final String key) {
        return ((Number) object.get(key)).intValue();
    }
}
