// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

import java.util.ArrayList;
import java.util.List;

/**
 * Which counters a worker has and where each lies in its block. Every counter is named by the Prometheus series that
 * it is a worker's share of, so the file describes itself and no reader needs this class to make sense of it.
 */
public final class CounterCatalog {
    /** Protocols that a port answers. */
    private static final int ANSWERED = 4;

    private final List<String> series = new ArrayList<>();
    private final int ports;
    private final int rules;

    private final int received;
    private final int sent;
    private final int answered;
    private final int punted;
    private final int dropped;
    private final int ruleTraffic;
    private final int created;
    private final int ended;
    private final int endedByRestart;
    private final int worker;
    private final int loops;

    /** A worker's own counters, in the order they lie in. */
    public enum WorkerCounter {
        BUSY_CYCLES("culvert_worker_cycles_total{state=\"busy\"}"),
        IDLE_CYCLES("culvert_worker_cycles_total{state=\"idle\"}"),
        PACKETS("culvert_worker_packets_total"),
        BURSTS("culvert_worker_bursts_total"),
        HANDED_OFF("culvert_worker_handed_off_packets_total"),
        TAKEN_OVER("culvert_worker_taken_over_packets_total"),
        /** Packets that wait for a next hop: a gauge, with the next the ledger's only debt. */
        WAITING("culvert_worker_waiting_packets"),
        /** Fragments that wait for the first of their datagram: a gauge. */
        WAITING_FRAGMENTS("culvert_worker_waiting_fragments"),
        /** Packets that the worker itself sent: what asks for next hops, ICMP errors, a packet's further fragments. */
        ORIGINATED("culvert_worker_originated_packets_total"),
        /** ICMP errors about relayed packets, sent on to whoever sent those. */
        ICMP_TRANSLATED("culvert_icmp_translated_packets_total"),
        /** ICMP errors of the relay's own; each is also one of {@link #ORIGINATED}. */
        ICMP_GENERATED("culvert_icmp_generated_packets_total"),
        /** Echo requests and replies that a rule relays. */
        ICMP_ECHO_RELAYED("culvert_icmp_echo_relayed_packets_total"),
        ICMP_ECHO_SESSIONS("culvert_icmp_echo_sessions"),
        /** Errors that were not sent, for the limit of their rate. */
        ICMP_SUPPRESSED("culvert_icmp_suppressed_packets_total"),
        HEARTBEAT_MS("culvert_worker_heartbeat_milliseconds"),
        SESSIONS("culvert_worker_sessions"),
        LOOP_CYCLES("culvert_worker_loop_cycles_total"),
        /** What a predecessor that was killed had counted on one side of the ledger only; a gauge, either sign. */
        UNSETTLED("culvert_worker_unsettled_packets");

        private final String series;

        WorkerCounter(final String series) {
            this.series = series;
        }
    }

    /** @param portNames and {@code ruleNames} in the order of their indices */
    public CounterCatalog(final List<String> portNames, final List<String> ruleNames) {
        ports = portNames.size();
        rules = ruleNames.size();

        received = series.size();
        for (final String port : portNames) {
            series.add("culvert_port_receive_packets_total{port=\"" + port + "\"}");
            series.add("culvert_port_receive_bytes_total{port=\"" + port + "\"}");
        }
        sent = series.size();
        for (final String port : portNames) {
            series.add("culvert_port_transmit_packets_total{port=\"" + port + "\"}");
            series.add("culvert_port_transmit_bytes_total{port=\"" + port + "\"}");
        }
        answered = series.size();
        for (final String port : portNames) {
            series.add("culvert_answered_packets_total{port=\"" + port + "\",protocol=\"arp\"}");
            series.add("culvert_answered_packets_total{port=\"" + port + "\",protocol=\"icmp\"}");
            series.add("culvert_answered_packets_total{port=\"" + port + "\",protocol=\"nd\"}");
            series.add("culvert_answered_packets_total{port=\"" + port + "\",protocol=\"icmpv6\"}");
        }
        punted = series.size();
        for (final String port : portNames) {
            series.add("culvert_punted_packets_total{port=\"" + port + "\",protocol=\"arp\"}");
            series.add("culvert_punted_packets_total{port=\"" + port + "\",protocol=\"nd\"}");
        }
        dropped = series.size();
        for (final String port : portNames) {
            for (final DropReason reason : DropReason.values()) {
                series.add("culvert_dropped_packets_total{port=\"" + port + "\",reason=\"" + reason.label() + "\"}");
            }
        }
        ruleTraffic = series.size();
        for (final String rule : ruleNames) {
            for (final String direction : List.of("forward", "reply")) {
                final String labels = "{rule=\"" + rule + "\",direction=\"" + direction + "\"}";
                series.add("culvert_rule_packets_total" + labels);
                series.add("culvert_rule_bytes_total" + labels);
            }
        }
        created = series.size();
        for (final String rule : ruleNames) {
            series.add("culvert_flows_created_total{rule=\"" + rule + "\"}");
        }
        ended = series.size();
        for (final String rule : ruleNames) {
            series.add("culvert_flows_ended_total{rule=\"" + rule + "\",reason=\"idle\"}");
        }
        endedByRestart = series.size();
        for (final String rule : ruleNames) {
            series.add("culvert_flows_ended_total{rule=\"" + rule + "\",reason=\"restart\"}");
        }
        worker = series.size();
        for (final WorkerCounter counter : WorkerCounter.values()) {
            series.add(counter.series);
        }
        loops = series.size();
        for (int bucket = 0; bucket < LoopHistogram.BUCKETS; bucket++) {
            series.add("culvert_worker_loops_total{below_cycles=\"" + LoopHistogram.below(bucket) + "\"}");
        }
    }

    /** The series of each counter, in the order they lie in. */
    public List<String> series() {
        return series;
    }

    public int ports() {
        return ports;
    }

    public int rules() {
        return rules;
    }

    /** Packets; bytes lie behind it. */
    public int received(final int port) {
        return received + 2 * port;
    }

    /** Packets; bytes lie behind it. */
    public int sent(final int port) {
        return sent + 2 * port;
    }

    public int answeredArp(final int port) {
        return answered + ANSWERED * port;
    }

    public int answeredIcmp(final int port) {
        return answered + ANSWERED * port + 1;
    }

    public int answeredNd(final int port) {
        return answered + ANSWERED * port + 2;
    }

    public int answeredIcmpv6(final int port) {
        return answered + ANSWERED * port + 3;
    }

    public int puntedArp(final int port) {
        return punted + 2 * port;
    }

    public int puntedNd(final int port) {
        return punted + 2 * port + 1;
    }

    /** The first drop reason of a port; add the ordinal. */
    public int dropped(final int port) {
        return dropped + port * DropReason.count();
    }

    /** Packets forward, bytes forward, packets reply, bytes reply of a rule lie behind each other. */
    public int ruleTraffic(final int rule) {
        return ruleTraffic + 4 * rule;
    }

    public int created(final int rule) {
        return created + rule;
    }

    public int ended(final int rule) {
        return ended + rule;
    }

    /** Sessions that a restart could not keep. */
    public int endedByRestart(final int rule) {
        return endedByRestart + rule;
    }

    public int of(final WorkerCounter counter) {
        return worker + counter.ordinal();
    }

    /** The first bucket of the loop histogram. */
    public int loops() {
        return loops;
    }
}
