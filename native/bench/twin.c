/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twin: the relay's walk in C, stage by stage as io.culvert.dataplane.worker has it, over the same memory. It is
 * the yardstick of `culvert bench`, so it makes every check that Java makes and nothing else, as fast as C can.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "admission.h"
#include "culvert_bench.h"
#include "divert.h"
#include "flows.h"
#include "twin.h"

#define MS_PER_SECOND 1000
#define EXPIRE_LIMIT 2048
#define TX_RETRIES 8

/* EtherType IPv4, then version 4 with five words of header: three bytes as they lie in memory. */
#define IPV4_NO_OPTIONS 0x450008
/* No fragment, UDP: of the four bytes at FRAGMENT. */
#define PLAIN_UDP_MASK 0xFF00FF3F
#define PLAIN_UDP 0x11000000

/* Stage 1: bytes to keys, an answer, or a drop reason. Returns the bytes received. */
static inline uint64_t
parse(struct culvert_bench_twin *twin, struct state *state, uint32_t received)
{
	const struct flow_table table = state->table;
	struct burst *restrict burst = &state->burst;
	const uint64_t mac = state->links[burst->ingress].mac;
	uint64_t bytes = 0;
	uint32_t dense = 0, flags = UINT32_MAX;

	for (uint32_t i = 0; i < received; i++)
		rte_prefetch0(rte_pktmbuf_mtod(burst->received[i], const void *));
	for (uint32_t i = 0; i < received; i++) {
		struct rte_mbuf *mbuf = burst->received[i];
		uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
		const uint32_t frame_length = mbuf->pkt_len;
		const uint64_t word12 = load64(frame + ETHERTYPE);
		const uint32_t total_length = host16((uint32_t)(word12 >> 32));
		const uint32_t udp_length = host16(load16(frame + UDP_LENGTH));
		uint64_t key_lo, key_hi, hash;

		bytes += frame_length;
		if (unlikely((load64(frame) & MAC_MASK) != mac
			|| (word12 & 0xFFFFFF) != IPV4_NO_OPTIONS
			|| (load32(frame + FRAGMENT) & PLAIN_UDP_MASK) != PLAIN_UDP
			|| udp_length < UDP_HEADER_LENGTH
			|| udp_length + IP_LENGTH > total_length
			|| total_length + ETHERNET_LENGTH > frame_length
			|| mbuf->data_len < HEADERS_END
			|| !ipv4_header_is_right(frame))) {
			divert(twin, state, mbuf);
			continue;
		}
		if (unlikely(total_length + ETHERNET_LENGTH < frame_length) && mbuf->data_len == mbuf->pkt_len) {
			mbuf->pkt_len = total_length + ETHERNET_LENGTH;
			mbuf->data_len = (uint16_t)mbuf->pkt_len;
		}
		flags &= load32(frame + FRAGMENT);
		key_lo = load64(frame + IPV4_SOURCE);
		key_hi = flow_key_hi(load32(frame + PORTS));
		hash = flow_hash(&table, key_lo, key_hi);
		rte_prefetch0(flow_bucket_of(&table, hash));
		burst->mbuf[dense] = mbuf;
		burst->frame[dense] = frame;
		burst->length[dense] = total_length;
		burst->key_lo[dense] = key_lo;
		burst->key_hi[dense] = key_hi;
		burst->hash[dense++] = hash;
	}
	burst->may_be_cut = (flags & DONT_FRAGMENT) == 0;
	burst->count = dense;
	return bytes;
}

/* Stage 2: keys to slots. Returns how many packets belong to no flow. */
static inline uint32_t
lookup(struct state *state)
{
	const struct flow_table table = state->table;
	struct burst *restrict burst = &state->burst;
	const uint32_t count = burst->count;
	uint32_t misses = 0;

	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = flow_candidate(&table, burst->hash[i]);

		burst->slot[i] = slot;
		rte_prefetch0(&table.entries[slot < 0 ? 0 : slot]);
	}
	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = burst->slot[i];

		if (unlikely(slot < 0 || !flow_holds(&table.entries[slot], burst->key_lo[i], burst->key_hi[i]))) {
			burst->slot[i] = flow_find(&table, burst->key_lo[i], burst->key_hi[i], burst->hash[i]);
			misses += burst->slot[i] < 0;
		}
	}
	return misses;
}

/* Misses to sessions, or to a drop reason. */
static __rte_noinline void
admit(struct culvert_bench_twin *twin, struct state *state)
{
	struct burst *burst = &state->burst;

	for (uint32_t i = 0; i < burst->count; i++) {
		int32_t slot;

		if (burst->slot[i] != FLOW_NOT_FOUND)
			continue;
		/* An earlier packet of this burst may have opened the session. */
		slot = flow_find(&state->table, burst->key_lo[i], burst->key_hi[i], burst->hash[i]);
		if (slot == FLOW_NOT_FOUND)
			slot = admit_packet(twin, state, burst->key_lo[i], (uint32_t)burst->key_hi[i],
				burst->frame[i][TTL]);
		burst->slot[i] = slot < 0 ? GONE : slot;
		if (slot < 0)
			drop(twin, state, burst->mbuf[i], (enum drop_reason)~slot);
	}
}

/* Packets that leave together: the same rule and direction, the same link. */
struct run {
	int32_t direction;        /* rule and reply bit, -1 before the first */
	uint32_t link;
	uint32_t packets;
	uint64_t bytes;
};

/* Counters and the link's list are brought up to date once per run. */
static inline void
end_run(struct culvert_bench_twin *twin, struct state *state, const struct run *run)
{
	if (run->direction >= 0) {
		uint64_t *counter = &twin->counters[state->rule.traffic + 2 * (uint32_t)run->direction];

		counter[0] += run->packets;
		counter[1] += run->bytes;
		state->egress.count[run->link] += run->packets;
		state->egress.bytes[run->link] += run->bytes + (uint64_t)run->packets * ETHERNET_LENGTH;
	}
}

static __rte_noinline void
stop(struct culvert_bench_twin *twin, struct state *state, uint32_t i, uint32_t mtu)
{
	state->burst.slot[i] = GONE;
	drop(twin, state, state->burst.mbuf[i], mtu == 0 ? DROP_NEIGHBOR_UNRESOLVED
		: state->burst.length[i] > mtu ? DROP_MTU_EXCEEDED : DROP_TTL_EXCEEDED);
}

/* Stage 3: MACs, addresses, ports, TTL, checksums, in place. */
static inline void
rewrite(struct culvert_bench_twin *twin, struct state *state)
{
	struct flow_entry *restrict entries = state->table.entries;
	const struct neighbor *restrict neighbors = state->hops.neighbors;
	struct burst *restrict burst = &state->burst;
	struct rte_mbuf **restrict out = NULL;
	const uint32_t count = burst->count;
	const uint64_t now_ms = (uint64_t)state->now_ms;
	struct run run = { -1, 0, 0, 0 };

	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = burst->slot[i];
		uint8_t *restrict frame = burst->frame[i];
		const uint32_t length = burst->length[i];
		const struct neighbor *next;
		struct flow_entry *flow;
		uint32_t decrement, ttl, checksum;
		int32_t direction;
		__m128i relayed;

		if (unlikely(slot < 0))
			continue;
		flow = &entries[slot];
		next = &neighbors[flow_adjacency(flow->key_hi)];
		decrement = flow_flags(flow->key_hi) / FLOW_DECREMENT_TTL & 1;
		ttl = load32(frame + TTL);
		if (unlikely(length > next->mtu || (ttl & 0xFF) < 2 * decrement)) {
			stop(twin, state, i, next->mtu);
			continue;
		}
		store64(frame, next->macs_lo);
		store32(frame + 8, next->macs_hi);
		checksum = checksum_update(ttl >> 16, flow->l3_delta);
		ttl = ((ttl - decrement) & 0xFFFF) | checksum << 16;
		/* TTL, protocol, checksum; addresses; ports: sixteen bytes side by side, as in the entry behind the deltas. */
		relayed = _mm_insert_epi32(_mm_load_si128((const __m128i *)&flow->l3_delta), (int)ttl, 0);
		_mm_storeu_si128((__m128i *)(frame + TTL), relayed);
		store16(frame + UDP_CHECKSUM, checksum_update_udp(load16(frame + UDP_CHECKSUM), flow->l4_delta));

		direction = flow->traffic;
		flow->last_seen = now_ms;
		flow->packets++;
		flow->bytes += length;
		if (unlikely(direction != run.direction || next->link != run.link)) {
			end_run(twin, state, &run);
			run = (struct run) { direction, next->link, 0, 0 };
			out = &state->egress.mbufs[run.link][state->egress.count[run.link]];
		}
		out[run.packets++] = burst->mbuf[i];
		run.bytes += length;
	}
	end_run(twin, state, &run);
}

/* Packets that leave and that a router may cut get an IP id of ours (RFC 6864 section 5.3.1). */
static inline void
stamp(struct state *state)
{
	const struct burst *restrict burst = &state->burst;

	for (uint32_t i = 0; i < burst->count; i++) {
		uint8_t *restrict frame = burst->frame[i];

		if (burst->slot[i] >= 0 && (load16(frame + FRAGMENT) & DONT_FRAGMENT) == 0) {
			const uint32_t id = datagram_id(&state->ids);
			const uint32_t delta = checksum_delta(0, load16(frame + IP_ID), id);

			store16(frame + IP_ID, id);
			store16(frame + IPV4_CHECKSUM, checksum_update(load16(frame + IPV4_CHECKSUM), delta));
		}
	}
}

/* What the driver did not take: asked again, then freed and counted. */
static __rte_noinline uint32_t
transmit_rest(struct culvert_bench_twin *twin, struct state *state, uint32_t link, uint32_t sent)
{
	struct rte_mbuf **mbufs = state->egress.mbufs[link];
	const uint32_t count = state->egress.count[link];

	for (int retry = 0; retry < TX_RETRIES && sent < count; retry++)
		sent += rte_eth_tx_burst(state->links[link].port, twin->queue, mbufs + sent, (uint16_t)(count - sent));
	for (uint32_t i = sent; i < count; i++)
		state->egress.bytes[link] -= mbufs[i]->pkt_len;
	if (sent < count) {
		rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
		twin->counters[state->links[state->burst.ingress].dropped + DROP_TX_RING_FULL] += count - sent;
	}
	return sent;
}

/* Stage 4: one burst for each link. */
static inline void
transmit(struct culvert_bench_twin *twin, struct state *state)
{
	struct egress *egress = &state->egress;

	for (uint32_t link = 0; link < LINKS; link++) {
		const uint32_t count = egress->count[link];
		uint64_t *counter = &twin->counters[state->links[link].sent];
		uint32_t sent;

		if (count == 0)
			continue;
		sent = rte_eth_tx_burst(state->links[link].port, twin->queue, egress->mbufs[link], (uint16_t)count);
		if (unlikely(sent < count))
			sent = transmit_rest(twin, state, link, sent);
		counter[0] += sent;
		counter[1] += egress->bytes[link];
		egress->count[link] = 0;
		egress->bytes[link] = 0;
	}
}

/* A new millisecond: the clock that flows see, a slice of expiry. */
static __rte_noinline void
tick(struct culvert_bench_twin *twin, struct state *state, int64_t now)
{
	const int64_t elapsed = RTE_MAX(now - state->now_ms, 1);
	const int64_t slice = state->table.high_water * elapsed / MS_PER_SECOND + 1;

	state->now_ms = now;
	state->table.file->now_ms = now;
	expire(twin, state, (int32_t)RTE_MIN(slice, EXPIRE_LIMIT));
}

static __rte_always_inline void
run(struct culvert_bench_twin *twin, uint64_t cycles, const bool staged)
{
	struct state *state = twin->state;
	struct burst *burst = &state->burst;
	uint64_t at[CULVERT_BENCH_STAGES + 1];

	for (uint64_t cycle = 0; cycle < cycles; cycle++) {
		const int64_t now = (int64_t)((rte_rdtsc() + twin->clock_offset) / twin->cycles_per_ms);

		if (unlikely(now != state->now_ms))
			tick(twin, state, now);
		for (uint32_t link = 0; link < LINKS; link++) {
			uint64_t *counter = &twin->counters[state->links[link].received];
			uint32_t received;
			uint64_t bytes;

			if (staged)
				at[0] = rte_rdtsc();
			received = rte_eth_rx_burst(state->links[link].port, twin->queue, burst->received, BURST);
			if (received == 0)
				continue;
			if (staged)
				at[1] = rte_rdtsc();
			burst->ingress = link;
			bytes = parse(twin, state, received);
			if (staged)
				at[2] = rte_rdtsc();
			if (unlikely(lookup(state) > 0))
				admit(twin, state);
			if (staged)
				at[3] = rte_rdtsc();
			rewrite(twin, state);
			if (burst->may_be_cut)
				stamp(state);
			if (staged)
				at[4] = rte_rdtsc();
			transmit(twin, state);
			if (unlikely(burst->freed_count > 0)) {
				rte_pktmbuf_free_bulk(burst->freed, burst->freed_count);
				burst->freed_count = 0;
			}
			counter[0] += received;
			counter[1] += bytes;
			twin->counters[twin->packets] += received;
			twin->counters[twin->bursts]++;
			if (staged) {
				at[5] = rte_rdtsc();
				for (int stage = 0; stage < CULVERT_BENCH_STAGES; stage++)
					twin->stage_cycles[stage] += at[stage + 1] - at[stage];
			}
		}
	}
}

void
culvert_bench_twin_run(struct culvert_bench_twin *twin, uint64_t cycles)
{
	run(twin, cycles, false);
}

void
culvert_bench_twin_run_staged(struct culvert_bench_twin *twin, uint64_t cycles)
{
	run(twin, cycles, true);
}

static uint32_t
gap_bucket(uint64_t cycles)
{
	if (cycles < CULVERT_BENCH_GAPS_EXACT)
		return (uint32_t)cycles;

	const uint32_t shift = 63 - (uint32_t)__builtin_clzll(cycles) - 5;

	return shift * CULVERT_BENCH_GAPS_EXACT + (uint32_t)(cycles >> shift);
}

void
culvert_bench_twin_poll(struct culvert_bench_twin *twin, uint64_t from, uint64_t until,
	struct culvert_bench_gaps *gaps)
{
	uint64_t last = rte_rdtsc();

	while (last < until) {
		run(twin, 1, false);

		const uint64_t now = rte_rdtsc();
		const uint64_t gap = now - last;

		if (now >= from) {
			gaps->counts[gap_bucket(gap)]++;
			gaps->longest = RTE_MAX(gaps->longest, gap);
		}
		last = now;
	}
}

/* A hash set of our addresses, half empty at least. */
static int
note_own_addresses(struct state *state, const struct culvert_bench_twin *twin)
{
	uint32_t size = 8;

	while (size < 2 * twin->own_count)
		size *= 2;
	state->own = calloc(size, sizeof(*state->own));
	if (state->own == NULL)
		return -ENOMEM;
	state->own_mask = size - 1;
	for (uint32_t i = 0; i < twin->own_count; i++) {
		uint32_t at = twin->own[i] * 0x9E3779B9U >> 16 & state->own_mask;

		while (state->own[at] != 0 && state->own[at] != twin->own[i])
			at = (at + 1) & state->own_mask;
		state->own[at] = twin->own[i];
	}
	return 0;
}

static int
open_pools(struct state *state)
{
	const struct culvert_bench_rule *rule = &state->rule;

	state->pools = malloc(rule->pool_count * sizeof(*state->pools));
	if (state->pools == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < rule->pool_count; i++)
		pool_open(&state->pools[i], rule->pool_low, rule->pool_high);
	state->rule_by_port[rule->listen_port] = 1;
	state->random = rte_rdtsc();
	return 0;
}

int32_t
culvert_bench_twin_open(struct culvert_bench_twin *twin, const struct culvert_bench_link *links,
	const struct culvert_bench_rule *rule)
{
	const struct flow_file *file = (const struct flow_file *)twin->flows;
	struct state *state;

	if (file->magic != FLOW_FILE_MAGIC || file->layout != FLOW_FILE_LAYOUT || twin->drop_reasons != DROP_REASONS)
		return -EINVAL;
	state = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN(sizeof(*state), RTE_CACHE_LINE_SIZE));
	if (state == NULL)
		return -ENOMEM;
	memset(state, 0, sizeof(*state));
	twin->state = state;
	memcpy(state->links, links, sizeof(state->links));
	state->rule = *rule;
	flow_table_open(&state->table, twin->flows);
	state->ids.secret_lo = rte_rdtsc();
	state->ids.secret_hi = ~rte_rdtsc();
	if (!neighbors_open(&state->hops, (const struct neighbor *)twin->neighbors, rte_rdtsc())) {
		culvert_bench_twin_close(twin);
		return -EINVAL;
	}
	if (note_own_addresses(state, twin) != 0 || open_pools(state) != 0) {
		culvert_bench_twin_close(twin);
		return -ENOMEM;
	}
	return 0;
}

void
culvert_bench_twin_close(struct culvert_bench_twin *twin)
{
	struct state *state = twin->state;

	if (state == NULL)
		return;
	free(state->pools);
	free(state->own);
	free(state);
	twin->state = NULL;
}

int32_t
culvert_bench_twin_sessions(const struct culvert_bench_twin *twin)
{
	return ((const struct state *)twin->state)->table.sessions;
}
