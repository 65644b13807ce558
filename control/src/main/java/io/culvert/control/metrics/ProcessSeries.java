// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import io.culvert.control.view.Series;
import io.culvert.dataplane.host.Neighbors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/**
 * Which series the daemon's housekeeping writes into the counter file once a second, and where each one lies: what
 * ports, pools and tables say about themselves, no worker's share of anything.
 */
public final class ProcessSeries {
    /** In the order of their ordinals. */
    public static final List<String> NEIGHBOR_STATES = Arrays.stream(Neighbors.State.values())
            .map(state -> state.name().toLowerCase(Locale.ROOT)).toList();

    private final List<String> series = new ArrayList<>();
    private final int receiveMissed;
    private final int receiveErrors;
    private final int receiveNoMbuf;
    private final int transmitErrors;
    private final int statisticsFailures;
    private final int up;
    private final int speedBytes;
    private final int rss;
    private final int buffersUsed;
    private final int buffersFree;
    private final int snatPortsUsed;
    private final int snatPortsLimit;
    private final int neighbors;

    /** @param ports and {@code pools} in the order of their indices */
    public ProcessSeries(final List<String> ports, final List<String> pools) {
        receiveMissed = add("culvert_port_receive_missed_packets_total", "port", ports);
        receiveErrors = add("culvert_port_receive_errors_total", "port", ports);
        receiveNoMbuf = add("culvert_port_receive_no_mbuf_total", "port", ports);
        transmitErrors = add("culvert_port_transmit_errors_total", "port", ports);
        statisticsFailures = add("culvert_port_statistics_failures_total", "port", ports);
        up = add("culvert_port_up", "port", ports);
        speedBytes = add("culvert_port_speed_bytes", "port", ports);
        rss = add("culvert_port_rss", "port", ports);
        buffersUsed = add("culvert_mempool_buffers", "state", List.of("used"));
        buffersFree = add("culvert_mempool_buffers", "state", List.of("free"));
        snatPortsUsed = add("culvert_snat_ports_used", "pool", pools);
        snatPortsLimit = add("culvert_snat_ports_limit", "pool", pools);
        neighbors = add("culvert_neighbors", "state", NEIGHBOR_STATES);
    }

    private int add(final String metric, final String label, final List<String> values) {
        final int first = series.size();
        for (final String value : values) {
            series.add(Series.of(metric, label, value));
        }
        return first;
    }

    /** In the order they lie in. */
    public List<String> series() {
        return series;
    }

    /** Packets that the port lost because no descriptor was free: the workers were too slow. */
    public int receiveMissed(final int port) {
        return receiveMissed + port;
    }

    public int receiveErrors(final int port) {
        return receiveErrors + port;
    }

    public int receiveNoMbuf(final int port) {
        return receiveNoMbuf + port;
    }

    public int transmitErrors(final int port) {
        return transmitErrors + port;
    }

    /** Times that the device did not say what it had counted. */
    public int statisticsFailures(final int port) {
        return statisticsFailures + port;
    }

    /** 1 while the link is up. */
    public int up(final int port) {
        return up + port;
    }

    /** Bytes per second; 0 when the driver does not say. */
    public int speedBytes(final int port) {
        return speedBytes + port;
    }

    /** 1 where replies reach the worker of their session by the NIC's own hash, without a handoff. */
    public int rss(final int port) {
        return rss + port;
    }

    public int buffersUsed() {
        return buffersUsed;
    }

    public int buffersFree() {
        return buffersFree;
    }

    public int snatPortsUsed(final int pool) {
        return snatPortsUsed + pool;
    }

    public int snatPortsLimit(final int pool) {
        return snatPortsLimit + pool;
    }

    /** @param state ordinal of a {@link Neighbors.State} */
    public int neighbors(final int state) {
        return neighbors + state;
    }
}
