// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.SocketAddress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * From where the echo server saw each flow of {@code lab client} come, and when: shows whether a NAT in between kept
 * its external ports. Each worker adds to one of its own; they are read when the workers have ended.
 */
final class FlowLog {
    /** A flow that moves more often is known well enough. */
    private static final int SOURCES_LIMIT = 8;

    private final Map<Long, List<Source>> flows = new HashMap<>();

    private static final class Source {
        private final long endpoint;
        private final long firstNs;
        private long lastNs;

        private Source(final long endpoint, final long nowNs) {
            this.endpoint = endpoint;
            this.firstNs = nowNs;
        }
    }

    /** @param run and {@code flow}: as the payload says */
    void add(final int run, final int flow, final long endpoint, final long nowNs) {
        final List<Source> sources =
                flows.computeIfAbsent((long) run << Integer.SIZE | flow, key -> new ArrayList<>(1));
        Source found = null;
        for (final Source source : sources) {
            found = source.endpoint == endpoint ? source : found;
        }
        if (found == null && sources.size() < SOURCES_LIMIT) {
            found = new Source(endpoint, nowNs);
            sources.add(found);
        }
        if (found != null) {
            found.lastNs = nowNs;
        }
    }

    /** A line for each flow and source: run, flow, endpoint, and the monotonic ns it was seen there first and last. */
    Stream<String> lines() {
        return flows.entrySet().stream().flatMap(flow -> flow.getValue().stream().map(source ->
                (flow.getKey() >>> Integer.SIZE) + " " + flow.getKey().intValue() + " "
                        + SocketAddress.text(source.endpoint) + " " + source.firstNs + " " + source.lastNs));
    }
}
