// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.LoopHistogram;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

/**
 * What the counters of a relay say, gathered once for the table and for JSON. Ports hold their drops by reason, every
 * reason in the order of the walk.
 */
public record Stats(Health health, List<Port> ports, List<Worker> workers, List<Rule> rules, Map<String, Gauge> pools,
                    Map<String, Long> neighbors, Gauge buffers) {

    /** Packets and bytes one way. */
    public record Traffic(long packets, long bytes) { }

    /** How much of something bounded is in use. */
    public record Gauge(long used, long limit) { }

    /** How replies that come in on a port reach the worker of their session. */
    public enum Steering {
        /** There is but one worker. */
        NONE,
        /** By the NIC's own hash, for which external ports are chosen. */
        RSS,
        /** From worker to worker, where the hash is unknown. */
        HANDOFF;

        public String label() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    /** A port: the workers' counts, then what the port itself tells. */
    public record Port(String name, boolean up, long speedBytes, Steering steering, Traffic received, Traffic sent,
                       long missed, long receiveErrors, long noMbuf, long transmitErrors, long answered,
                       Map<DropReason, Long> drops) {
    }

    /**
     * A worker.
     *
     * @param longestLoopMicros every time away from the queues was shorter than this
     * @param unaccounted the ledger's difference; 0 when it balances
     */
    public record Worker(int number, long busyCycles, long idleCycles, long packets, long bursts,
                         double longestLoopMicros, long heartbeatAgeMs, long sessions, long handedOff,
                         long takenOver, long unaccounted) {
        public double busyRatio() {
            final long cycles = busyCycles + idleCycles;
            return cycles == 0 ? 0 : (double) busyCycles / cycles;
        }

        public double packetsPerBurst() {
            return bursts == 0 ? 0 : (double) packets / bursts;
        }
    }

    /** A rule. */
    public record Rule(String name, long created, long ended, Traffic forward, Traffic reply) {
        /** Ended is read first, so that this is never below 0. */
        public long sessions() {
            return created - ended;
        }
    }

    public boolean isBalanced() {
        return workers.stream().allMatch(worker -> worker.unaccounted() == 0);
    }

    public long sessions() {
        return workers.stream().mapToLong(Worker::sessions).sum();
    }

    public static Stats read(final Counters counters, final long nowMs) {
        final Ledger ledger = new Ledger(counters.file());
        final List<Worker> workers = new ArrayList<>();
        for (int worker = 0; worker < counters.file().workers(); worker++) {
            workers.add(worker(counters, ledger, worker, nowMs));
        }
        final Map<String, Gauge> pools = new LinkedHashMap<>();
        for (final String pool : counters.snatPools()) {
            pools.put(pool, new Gauge(counters.process(Series.of("culvert_snat_ports_used", "pool", pool)),
                    counters.process(Series.of("culvert_snat_ports_limit", "pool", pool))));
        }
        final Map<String, Long> neighbors = new LinkedHashMap<>();
        for (final String state : counters.neighborStates()) {
            neighbors.put(state, counters.process(Series.of("culvert_neighbors", "state", state)));
        }
        final long used = counters.process(Series.of("culvert_mempool_buffers", "state", "used"));
        final long free = counters.process(Series.of("culvert_mempool_buffers", "state", "free"));
        return new Stats(Health.of(counters.file(), nowMs),
                counters.ports().stream().map(name -> port(counters, name)).toList(), workers,
                counters.rules().stream().map(name -> rule(counters, name)).toList(),
                pools, neighbors, new Gauge(used, used + free));
    }

    private static Port port(final Counters counters, final String name) {
        final Map<DropReason, Long> drops = new LinkedHashMap<>();
        for (int reason = 0; reason < DropReason.count(); reason++) {
            drops.put(DropReason.of(reason), counters.total(Series.of("culvert_dropped_packets_total", "port", name,
                    "reason", DropReason.of(reason).label())));
        }
        return new Port(name, process(counters, "culvert_port_up", name) != 0,
                process(counters, "culvert_port_speed_bytes", name), steering(counters, name),
                new Traffic(counters.total(Series.of("culvert_port_receive_packets_total", "port", name)),
                        counters.total(Series.of("culvert_port_receive_bytes_total", "port", name))),
                new Traffic(counters.total(Series.of("culvert_port_transmit_packets_total", "port", name)),
                        counters.total(Series.of("culvert_port_transmit_bytes_total", "port", name))),
                process(counters, "culvert_port_receive_missed_packets_total", name),
                process(counters, "culvert_port_receive_errors_total", name),
                process(counters, "culvert_port_receive_no_mbuf_total", name),
                process(counters, "culvert_port_transmit_errors_total", name),
                Stream.of("arp", "icmp", "nd", "icmpv6").mapToLong(protocol -> counters.total(
                        Series.of("culvert_answered_packets_total", "port", name, "protocol", protocol))).sum(),
                drops);
    }

    private static Steering steering(final Counters counters, final String port) {
        if (counters.file().workers() == 1) {
            return Steering.NONE;
        }
        return process(counters, "culvert_port_rss", port) != 0 ? Steering.RSS : Steering.HANDOFF;
    }

    private static long process(final Counters counters, final String metric, final String port) {
        return counters.process(Series.of(metric, "port", port));
    }

    private static Rule rule(final Counters counters, final String name) {
        final long ended = counters.ended(name);
        return new Rule(name, counters.created(name), ended,
                traffic(counters, name, "forward"), traffic(counters, name, "reply"));
    }

    private static Traffic traffic(final Counters counters, final String rule, final String direction) {
        return new Traffic(
                counters.total(Series.of("culvert_rule_packets_total", "rule", rule, "direction", direction)),
                counters.total(Series.of("culvert_rule_bytes_total", "rule", rule, "direction", direction)));
    }

    private static Worker worker(final Counters counters, final Ledger ledger, final int worker,
                                 final long nowMs) {
        return new Worker(worker,
                counters.worker(worker, Series.of("culvert_worker_cycles_total", "state", "busy")),
                counters.worker(worker, Series.of("culvert_worker_cycles_total", "state", "idle")),
                counters.worker(worker, "culvert_worker_packets_total"),
                counters.worker(worker, "culvert_worker_bursts_total"),
                longestLoopMicros(counters, worker),
                heartbeatAgeMs(counters, worker, nowMs),
                counters.worker(worker, "culvert_worker_sessions"),
                counters.worker(worker, "culvert_worker_handed_off_packets_total"),
                counters.worker(worker, "culvert_worker_taken_over_packets_total"),
                ledger.unaccounted(worker));
    }

    /** A worker that has not been round yet is as old as the relay. */
    private static long heartbeatAgeMs(final Counters counters, final int worker, final long nowMs) {
        final long heartbeatMs = counters.worker(worker, "culvert_worker_heartbeat_milliseconds");
        return Math.max(0, nowMs - Math.max(heartbeatMs, counters.file().startedMs()));
    }

    private static double longestLoopMicros(final Counters counters, final int worker) {
        for (int bucket = LoopHistogram.BUCKETS - 1; bucket >= 0; bucket--) {
            final String below = LoopHistogram.below(bucket);
            if (counters.worker(worker, Series.of("culvert_worker_loops_total", "below_cycles", below)) != 0) {
                return Double.parseDouble(below.replace("+Inf", "Infinity")) * 1e6 / counters.file().tscHz();
            }
        }
        return 0;
    }
}
