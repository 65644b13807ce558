/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that are not relayed: what is wrong with them, or the answer to an echo request. */
#ifndef CULVERT_BENCH_DIVERT_H
#define CULVERT_BENCH_DIVERT_H

#include "twin.h"

#define FOR_ECHO (-2)
#define REPLY_TTL 64
#define ECHO_REQUEST 8

static inline int
classify_icmp(const struct state *state, const uint8_t *frame, uint32_t readable, uint32_t total_length)
{
	const uint32_t source = load32(frame + IPV4_SOURCE);

	if (total_length < IP_LENGTH + ICMP_HEADER_LENGTH || readable < PORTS + ICMP_HEADER_LENGTH)
		return DROP_TRUNCATED;
	if (frame[ICMP_TYPE] != ECHO_REQUEST || frame[ICMP_CODE] != 0
		|| !is_own(state, load32(frame + IPV4_DESTINATION)))
		return DROP_ICMP_UNSUPPORTED;
	if (is_martian(state, source))
		return DROP_MARTIAN;
	if (readable == total_length + ETHERNET_LENGTH
		&& checksum_sum(frame + ICMP_TYPE, total_length - IP_LENGTH) != 0xFFFF)
		return DROP_BAD_CHECKSUM;
	return FOR_ECHO;
}

static inline int
classify_ipv4(const struct state *state, const uint8_t *frame, uint32_t readable, uint32_t frame_length)
{
	const uint32_t available = frame_length - ETHERNET_LENGTH;
	uint32_t header_length, total_length;

	if (frame_length < ETHERNET_LENGTH + IP_LENGTH || readable < PORTS)
		return DROP_TRUNCATED;
	header_length = (frame[IP] & 0xF) * 4u;
	total_length = host16(load16(frame + TOTAL_LENGTH));
	if (frame[IP] >> 4 != 4 || header_length < IP_LENGTH || total_length < header_length)
		return DROP_BAD_IP_HEADER;
	if (header_length > available || total_length > available)
		return DROP_TRUNCATED;
	if (header_length > IP_LENGTH)
		return DROP_IP_OPTIONS;
	if (!ipv4_header_is_right(frame))
		return DROP_BAD_CHECKSUM;
	if ((load16(frame + FRAGMENT) & FRAGMENT_MASK) != 0)
		return DROP_FRAGMENT;
	if (frame[PROTOCOL] == IPPROTO_ICMP)
		return classify_icmp(state, frame, RTE_MIN(readable, total_length + ETHERNET_LENGTH), total_length);
	if (frame[PROTOCOL] != IPPROTO_UDP)
		return DROP_NOT_UDP;
	if (total_length < IP_LENGTH + UDP_HEADER_LENGTH || readable < HEADERS_END)
		return DROP_TRUNCATED;
	return DROP_BAD_UDP_LENGTH;
}

static inline bool
is_tagged_twice(const uint8_t *frame, uint32_t readable)
{
	const uint32_t inner = load16(frame + ETHERTYPE + VLAN_TAG_LENGTH);

	return readable >= ETHERNET_LENGTH + VLAN_TAG_LENGTH && (inner == TYPE_VLAN || inner == TYPE_QINQ);
}

/* What a packet that is not relayable is: a drop reason, or FOR_ECHO. */
static inline int
classify(const struct state *state, const uint8_t *frame, uint32_t readable, uint32_t frame_length, uint64_t mac)
{
	uint64_t destination;

	if (readable < ETHERNET_LENGTH)
		return DROP_TRUNCATED;
	destination = load64(frame) & MAC_MASK;
	if (destination != mac && (destination & 1) == 0)
		return DROP_NOT_FOR_US;
	switch (load16(frame + ETHERTYPE)) {
	case TYPE_ARP: return DROP_ARP_IGNORED; /* the benchmark sends none */
	case TYPE_IPV4:
		return destination == mac ? classify_ipv4(state, frame, readable, frame_length) : DROP_NOT_FOR_US;
	case TYPE_QINQ: return DROP_QINQ;
	case TYPE_VLAN: return is_tagged_twice(frame, readable) ? DROP_QINQ : DROP_VLAN;
	case TYPE_IPV6: return DROP_IPV6;
	default: return DROP_UNKNOWN_ETHERTYPE;
	}
}

static inline void
patch(uint8_t *checksum, uint32_t from, uint32_t to)
{
	const uint32_t updated = checksum_update(load16(checksum), checksum_delta(0, from, to));

	store16(checksum, updated == 0 ? 0xFFFF : updated);
}

/* Turns an echo request into its reply, in place. */
static inline void
answer_echo(struct culvert_bench_twin *twin, struct state *state, struct rte_mbuf *mbuf, uint8_t *frame)
{
	const uint32_t ingress = state->burst.ingress;
	const uint64_t mac = state->links[ingress].mac;
	const uint64_t asker = load64(frame + MAC_SOURCE) & MAC_MASK;
	const uint64_t addresses = load64(frame + IPV4_SOURCE);
	const uint32_t old_ttl = load16(frame + TTL);
	const uint32_t length = host16(load16(frame + TOTAL_LENGTH)) + ETHERNET_LENGTH;

	store64(frame, asker | mac << 48);
	store32(frame + 8, (uint32_t)(mac >> 16));
	store64(frame + IPV4_SOURCE, addresses << 32 | addresses >> 32);
	store16(frame + TTL, (old_ttl & 0xFF00) | REPLY_TTL);
	patch(frame + IPV4_CHECKSUM, old_ttl, (old_ttl & 0xFF00) | REPLY_TTL);
	frame[ICMP_TYPE] = 0;
	patch(frame + ICMP_CHECKSUM, ECHO_REQUEST, 0);
	if (mbuf->data_len == mbuf->pkt_len) {
		mbuf->pkt_len = length;
		mbuf->data_len = (uint16_t)length;
	}
	twin->counters[state->links[ingress].answered_icmp]++;
	append(&state->egress, ingress, mbuf, length);
}

static __attribute__((noinline, cold)) void
divert(struct culvert_bench_twin *twin, struct state *state, struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	const uint32_t readable = RTE_MIN(mbuf->pkt_len, (uint32_t)mbuf->data_len);
	const int verdict = classify(state, frame, readable, mbuf->pkt_len, state->links[state->burst.ingress].mac);

	if (verdict == FOR_ECHO)
		answer_echo(twin, state, mbuf, frame);
	else
		drop(twin, state, mbuf, (enum drop_reason)verdict);
}

#endif
