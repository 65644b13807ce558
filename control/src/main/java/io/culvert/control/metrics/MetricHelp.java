// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.metrics;

import java.util.Map;

/** What each metric means, in one line: Prometheus's HELP. */
final class MetricHelp {
    private static final Map<String, String> TEXTS = Map.ofEntries(
            Map.entry("culvert_port_receive_packets_total", "Packets that the workers received from the port."),
            Map.entry("culvert_port_receive_bytes_total", "Bytes of the frames received from the port."),
            Map.entry("culvert_port_transmit_packets_total",
                    "Packets sent on the port: relayed, answers, and the relay's own ARP requests."),
            Map.entry("culvert_port_transmit_bytes_total", "Bytes of the frames sent on the port."),
            Map.entry("culvert_port_receive_missed_packets_total",
                    "Packets that the port lost because the workers left it no descriptor."),
            Map.entry("culvert_port_receive_errors_total", "Frames that the port received damaged."),
            Map.entry("culvert_port_receive_no_mbuf_total", "Packets lost because no packet buffer was free."),
            Map.entry("culvert_port_transmit_errors_total", "Frames that the port failed to send."),
            Map.entry("culvert_port_statistics_failures_total",
                    "Times that the device did not answer when it was asked for its counters."),
            Map.entry("culvert_port_rss", "1 where replies reach the worker of their session by the NIC's own hash."),
            Map.entry("culvert_port_up", "1 while the port's link is up."),
            Map.entry("culvert_port_speed_bytes", "The link's speed in bytes per second; 0 when unknown."),
            Map.entry("culvert_answered_packets_total",
                    "ARP requests, neighbor solicitations and pings to own addresses that were answered."),
            Map.entry("culvert_punted_packets_total", "Packets handed to the relay's own host functions."),
            Map.entry("culvert_dropped_packets_total", "Packets dropped, by the port they came from and the reason."),
            Map.entry("culvert_rule_packets_total", "Packets relayed under the rule."),
            Map.entry("culvert_rule_bytes_total", "Bytes relayed under the rule."),
            Map.entry("culvert_rule_flows", "Sessions that live under the rule."),
            Map.entry("culvert_flows_created_total", "Sessions opened under the rule."),
            Map.entry("culvert_flows_ended_total", "Sessions ended, by rule and reason."),
            Map.entry("culvert_flows", "Sessions that live in the worker's table."),
            Map.entry("culvert_flows_limit", "Sessions that the tables of all workers can hold."),
            Map.entry("culvert_flow_table_fill_ratio", "Live sessions over the limit, 0 to 1."),
            Map.entry("culvert_worker_cycles_total",
                    "TSC cycles that the worker spent with packets (busy) or polling in vain (idle)."),
            Map.entry("culvert_worker_packets_total", "Packets that the worker walked."),
            Map.entry("culvert_worker_bursts_total", "Bursts that held at least one packet."),
            Map.entry("culvert_worker_handed_off_packets_total",
                    "Packets given to the worker that owns their session."),
            Map.entry("culvert_worker_taken_over_packets_total",
                    "Packets taken from workers that do not own their session."),
            Map.entry("culvert_worker_waiting_packets", "Packets that wait for their next hop to be resolved."),
            Map.entry("culvert_worker_waiting_fragments",
                    "Fragments that wait for the first fragment of their datagram."),
            Map.entry("culvert_worker_unsettled_packets",
                    "Packets that a killed predecessor had not counted to their end; may be negative."),
            Map.entry("culvert_worker_originated_packets_total", "Packets that the worker sent of itself: ARP requests,"
                    + " ICMP errors, and every fragment but the first of a packet longer than the egress port's MTU."),
            Map.entry("culvert_icmp_translated_packets_total",
                    "ICMP errors about relayed packets that were sent on to whoever sent those."),
            Map.entry("culvert_icmp_echo_relayed_packets_total",
                    "Echo requests and replies that rules relayed."),
            Map.entry("culvert_icmp_echo_sessions", "Echo queries that the worker remembers."),
            Map.entry("culvert_icmp_generated_packets_total", "ICMP errors that the relay sent of itself."),
            Map.entry("culvert_icmp_suppressed_packets_total",
                    "ICMP errors that the relay did not send because of the limit of their rate."),
            Map.entry("culvert_worker_heartbeat_timestamp_seconds", "When the worker last went round its loop."),
            Map.entry("culvert_worker_loop_duration_seconds",
                    "How long the worker was away from its queues: pauses of the process show here."),
            Map.entry("culvert_mempool_buffers", "Packet buffers, in use or free."),
            Map.entry("culvert_snat_ports_used", "External ports lent to sessions."),
            Map.entry("culvert_snat_ports_limit", "External ports that the pool can lend."),
            Map.entry("culvert_neighbors", "Next hops by state of their resolution."),
            Map.entry("culvert_build_info", "What runs here; always 1."),
            Map.entry("culvert_port_info", "Which device a port is; always 1."),
            Map.entry("culvert_state", "1 for the state that the relay is in."),
            Map.entry("culvert_heartbeat_timestamp_seconds", "When the housekeeping thread last wrote."),
            Map.entry("process_cpu_seconds_total", "CPU time of the process, its polling workers included."));

    /** A series that is new to this list explains itself by its name alone. */
    static String of(final String metric) {
        return TEXTS.getOrDefault(metric, metric.replace('_', ' '));
    }

    private MetricHelp() { }
}
