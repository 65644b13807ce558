// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.stats;

/** Every way a received packet ends without being sent on: a closed list, so that the loss ledger can balance. */
public enum DropReason {
    // Read from the frame, in this order.
    TRUNCATED("truncated", "a header is cut short, or announces more bytes than arrived"),
    NOT_FOR_US("not_for_us", "the destination MAC address is not this port's"),
    VLAN("vlan", "tagged frame on an untagged port, or a frame that is not of the port's VLAN"),
    QINQ("qinq", "tagged twice"),
    IPV6("ipv6", "IPv6 on a port that has no IPv6 address"),
    UNKNOWN_ETHERTYPE("unknown_ethertype", "neither IP nor ARP"),
    BAD_ARP("bad_arp", "malformed ARP, or ARP that claims one of our addresses"),
    ARP_IGNORED("arp_ignored", "ARP that asks for or tells of an address that is none of our business"),
    BAD_ND("bad_nd", "malformed neighbor discovery, or one that claims one of our addresses"),
    ND_IGNORED("nd_ignored", "neighbor discovery that asks for or tells of an address that is none of our business"),
    BAD_IP_HEADER("bad_ip_header", "IP version or lengths contradict each other"),
    IP_OPTIONS("ip_options", "IP options, source routes among them, are not relayed"),
    BAD_CHECKSUM("bad_checksum", "an IP header checksum or the ICMP checksum is wrong"),
    FRAGMENT("fragment", "a fragment whose datagram is unknown, and there is no room or time to wait for its first"),
    FRAGMENT_OVERLAP("fragment_overlap", "fragments overlap, or their sum is longer than a datagram can be"),
    ICMP_UNSUPPORTED("icmp_unsupported", "ICMP that is neither an error about a packet nor an echo request to us"),
    ICMP_UNRELATED("icmp_unrelated", "an ICMP error about no packet of a live session"),
    EXTENSION_HEADERS("extension_headers", "IPv6 extension headers that are too many, or not relayed"),
    NOT_UDP("not_udp", "IP protocol other than UDP"),
    BAD_UDP_LENGTH("bad_udp_length", "the UDP length contradicts the IP length"),
    UDP_CHECKSUM_ABSENT("udp_checksum_absent", "IPv6 requires a UDP checksum (RFC 8200 section 8.1)"),
    TTL_EXCEEDED("ttl_exceeded", "the time to live ran out here"),

    // Decided when no session matches.
    MARTIAN("martian", "nobody may send from this source address"),
    REVERSE_PATH("reverse_path", "the way back to this sender leads out of another port than the packet came in on"),
    UDP_PORT_ZERO("udp_port_zero", "a reply could not be addressed"),
    NO_RULE("no_rule", "no rule listens on this address and port"),
    NO_SESSION("no_session", "addressed to a SNAT port that no session of this sender holds"),
    ACL("acl", "the rule's sources do not include the sender"),
    NO_ROUTE("no_route", "the next hop is on no connected subnet and no gateway is configured"),
    FLOW_TABLE_FULL("flow_table_full", "the limit of flows is reached"),
    RULE_LIMIT("rule_limit", "the rule's limit of sessions is reached"),
    SOURCE_LIMIT("source_limit", "the limit of sessions from the sender's network is reached"),
    UNANSWERED_LIMIT("unanswered_limit", "too many sessions wait for their first answer"),
    RATE_LIMITED("rate_limited", "too many new sessions in this second"),
    RULE_RATE_LIMITED("rule_rate_limited", "too many new sessions of the rule in this second"),
    SOURCE_RATE_LIMITED("source_rate_limited", "too many new sessions from the sender's network in this second"),
    SNAT_EXHAUSTED("snat_exhausted", "every port of the SNAT pool is lent"),
    TUPLE_IN_USE("tuple_in_use", "replies could not be told from those of another session"),
    NEIGHBOR_TABLE_FULL("neighbor_table_full", "no room for another next hop"),

    // Found on the way out.
    NEIGHBOR_UNRESOLVED("neighbor_unresolved", "the next hop does not answer, or too many packets wait for it"),
    MTU_EXCEEDED("mtu_exceeded", "longer than the egress port's MTU, and must not be fragmented"),
    NO_MBUF("no_mbuf", "the mempool had no buffer for the packet's fragments"),
    TX_RING_FULL("tx_ring_full", "the egress port took no more packets"),
    HANDOFF_FULL("handoff_full", "the owning worker's inbox is full"),
    DRAINING("draining", "still waiting for a next hop or a first fragment when the relay stopped");

    /** By ordinal; {@code values()} would copy it each time. */
    private static final DropReason[] ALL = values();

    private final String label;
    private final String meaning;

    DropReason(final String label, final String meaning) {
        this.label = label;
        this.meaning = meaning;
    }

    public static DropReason of(final int ordinal) {
        return ALL[ordinal];
    }

    public static int count() {
        return ALL.length;
    }

    /** Whether the operator's rules or limits forbade what the packet wanted. */
    public boolean isProhibition() {
        return switch (this) {
            case ACL, RULE_LIMIT, SOURCE_LIMIT, UNANSWERED_LIMIT, RATE_LIMITED, RULE_RATE_LIMITED,
                    SOURCE_RATE_LIMITED -> true;
            default -> false;
        };
    }

    /** Whether the packet was welcome, but the relay lacked a route or room for its session. */
    public boolean isLack() {
        return switch (this) {
            case NO_ROUTE, FLOW_TABLE_FULL, SNAT_EXHAUSTED, TUPLE_IN_USE, NEIGHBOR_TABLE_FULL -> true;
            default -> false;
        };
    }

    /** As the metric's {@code reason} says it. */
    public String label() {
        return label;
    }

    /** One line for people. */
    public String meaning() {
        return meaning;
    }
}
