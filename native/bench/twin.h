/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the twin share: the packets on the walk, the ways out, a worker's state. */
#ifndef CULVERT_BENCH_TWIN_H
#define CULVERT_BENCH_TWIN_H

#include <rte_mbuf.h>

#include "culvert_bench.h"
#include "flows.h"
#include "ids.h"
#include "neighbors.h"
#include "pool.h"
#include "wire.h"

#define BURST 64
#define LINKS 2
#define GONE (-2)

/* As io.culvert.dataplane.stats.DropReason orders them. */
enum drop_reason {
	DROP_TRUNCATED, DROP_NOT_FOR_US, DROP_VLAN, DROP_QINQ, DROP_IPV6, DROP_UNKNOWN_ETHERTYPE, DROP_BAD_ARP,
	DROP_ARP_IGNORED, DROP_BAD_ND, DROP_ND_IGNORED, DROP_BAD_IP_HEADER, DROP_IP_OPTIONS, DROP_BAD_CHECKSUM,
	DROP_FRAGMENT, DROP_FRAGMENT_OVERLAP, DROP_ICMP_UNSUPPORTED, DROP_ICMP_UNRELATED, DROP_EXTENSION_HEADERS,
	DROP_NOT_UDP, DROP_BAD_UDP_LENGTH, DROP_UDP_CHECKSUM_ABSENT, DROP_TTL_EXCEEDED, DROP_MARTIAN, DROP_REVERSE_PATH,
	DROP_UDP_PORT_ZERO, DROP_NO_RULE, DROP_NO_SESSION, DROP_ACL, DROP_NO_ROUTE, DROP_FLOW_TABLE_FULL,
	DROP_RULE_LIMIT, DROP_SOURCE_LIMIT, DROP_UNANSWERED_LIMIT, DROP_RATE_LIMITED, DROP_RULE_RATE_LIMITED,
	DROP_SOURCE_RATE_LIMITED, DROP_SNAT_EXHAUSTED, DROP_TUPLE_IN_USE, DROP_NEIGHBOR_TABLE_FULL,
	DROP_NEIGHBOR_UNRESOLVED, DROP_MTU_EXCEEDED, DROP_NO_MBUF, DROP_TX_RING_FULL, DROP_HANDOFF_FULL, DROP_DRAINING,
	DROP_REASONS
};

/* The packets that are on the walk together; those to be relayed lie dense at the front. */
struct burst {
	struct rte_mbuf *received[BURST];
	struct rte_mbuf *mbuf[BURST];
	uint8_t *frame[BURST];
	uint64_t key_lo[BURST];
	uint64_t key_hi[BURST];
	uint64_t hash[BURST];
	uint32_t length[BURST];
	int32_t slot[BURST];
	uint32_t count;
	uint32_t ingress;
	bool may_be_cut;          /* whether one of them is without DF */
	struct rte_mbuf *freed[BURST];
	uint32_t freed_count;
};

/* What leaves, by link. */
struct egress {
	struct rte_mbuf *mbufs[LINKS][2 * BURST];
	uint32_t count[LINKS];
	uint64_t bytes[LINKS];
};

struct state {
	struct flow_table table;
	struct neighbor_index hops;
	struct datagram_ids ids;
	struct burst burst;
	struct egress egress;
	struct culvert_bench_link links[LINKS];
	struct culvert_bench_rule rule;
	int64_t now_ms;
	int32_t expire_cursor;
	uint64_t random;
	uint32_t *own;            /* open addressing; 0 is free */
	uint32_t own_mask;
	uint16_t rule_by_port[65536]; /* of the listening address; 0 is none */
	struct port_pool *pools;  /* one for each external address */
};

static inline bool
is_own(const struct state *state, uint32_t address)
{
	const uint32_t mask = state->own_mask;

	for (uint32_t at = address * 0x9E3779B9U >> 16 & mask; state->own[at] != 0; at = (at + 1) & mask)
		if (state->own[at] == address)
			return true;
	return false;
}

/* 0/8, 127/8, 224/4 and 240/4. */
static inline bool
cannot_be_source(uint32_t address)
{
	const uint32_t first = address & 0xFF;

	return first == 0 || first == 127 || first >= 224;
}

/* No host's, ours, or a network's own or broadcast address; the benchmark's networks are wider than a /31. */
static inline bool
is_martian(const struct state *state, uint32_t address)
{
	if (cannot_be_source(address) || is_own(state, address))
		return true;
	for (uint32_t link = 0; link < LINKS; link++) {
		const uint32_t mask = state->links[link].mask;

		if (((address ^ state->links[link].address) & mask) == 0
			&& ((address & ~mask) == 0 || (address | mask) == UINT32_MAX))
			return true;
	}
	return false;
}

static inline void
drop(struct culvert_bench_twin *twin, struct state *state, struct rte_mbuf *mbuf, enum drop_reason reason)
{
	struct burst *burst = &state->burst;

	twin->counters[state->links[burst->ingress].dropped + reason]++;
	burst->freed[burst->freed_count++] = mbuf;
}

static inline void
append(struct egress *egress, uint32_t link, struct rte_mbuf *mbuf, uint32_t length)
{
	egress->mbufs[link][egress->count[link]++] = mbuf;
	egress->bytes[link] += length;
}

#endif
