/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The twin: the relay's walk in C, stage by stage as io.culvert.dataplane.worker has it, over the same memory. It is
 * the yardstick of `culvert bench`, so it makes every check that Java makes and nothing else, as fast as C can.
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "culvert_bench.h"
#include "flows.h"

#define BURST 64
#define LINKS 2
#define MS_PER_SECOND 1000
#define EXPIRE_LIMIT 2048
#define MAINTAIN_MS 100
#define TX_RETRIES 8
#define GONE (-2)
#define MAC_MASK 0xFFFFFFFFFFFFULL

/* Offsets into a frame: Ethernet, IPv4 without options, UDP. */
enum {
	ETHERTYPE = 12, IP = 14, FRAGMENT = 20, TTL = 22, IP_SOURCE = 26, PORTS = 34, UDP_LENGTH = 38, UDP_CHECKSUM = 40,
	HEADERS_END = 42, ETHERNET_LENGTH = 14, IP_LENGTH = 20, UDP_HEADER_LENGTH = 8,
};

/* As io.culvert.dataplane.host.Neighbors draws it. */
struct neighbor {
	uint64_t key;
	uint64_t macs_lo;
	uint32_t macs_hi;
	uint16_t link;
	uint16_t mtu;
	int32_t state;
	int32_t refs;
	int32_t confirmed;
	int32_t asked;
	int32_t tries;
	uint8_t unused[20];
};

_Static_assert(sizeof(struct neighbor) == 64, "an adjacency is one cache line");

#define NEIGHBORS 4096
enum { NEIGHBOR_INCOMPLETE, NEIGHBOR_REACHABLE, NEIGHBOR_PROBING, NEIGHBOR_FAILED, NEIGHBOR_STATIC };
#define NEIGHBOR_CONFIRM_AFTER_MS 30000
#define NEIGHBOR_RETRY_MS 1000

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
	struct rte_mbuf *freed[BURST];
	uint32_t freed_count;
};

struct egress {
	struct rte_mbuf *mbufs[LINKS][2 * BURST];
	uint32_t count[LINKS];
	uint64_t bytes[LINKS];
};

static inline uint64_t
load64(const void *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t
load32(const void *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t
load16(const void *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t
host16(uint32_t network)
{
	return __builtin_bswap16((uint16_t)network);
}

/* RFC 1071 over the 20 bytes: right when they sum to all ones. */
static inline bool
ipv4_header_is_right(const uint8_t *frame)
{
	uint64_t sum = load64(frame + IP);
	uint32_t folded;

	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum += load32(frame + TTL);
	sum += load32(frame + IP_SOURCE);
	sum += load32(frame + IP_SOURCE + 4);
	sum = (sum & 0xFFFF) + ((sum >> 16) & 0xFFFF) + (sum >> 32);
	folded = (uint32_t)((sum & 0xFFFF) + (sum >> 16));
	return folded == 0xFFFF;
}

/* RFC 1624, equation 3. */
static inline uint32_t
checksum_update(uint32_t checksum, uint32_t delta)
{
	const uint32_t sum = (~checksum & 0xFFFF) + delta;

	return ~((sum & 0xFFFF) + (sum >> 16)) & 0xFFFF;
}

static inline uint32_t
checksum_update_udp(uint32_t checksum, uint32_t delta)
{
	const uint32_t updated = checksum_update(checksum, delta);

	return checksum == 0 ? 0 : updated == 0 ? 0xFFFF : updated;
}

static void
drop(struct culvert_bench_twin *twin, struct burst *burst, struct rte_mbuf *mbuf, uint32_t reason)
{
	twin->counters[twin->dropped[burst->ingress] + reason]++;
	burst->freed[burst->freed_count++] = mbuf;
}

static __rte_noinline void
divert(struct culvert_bench_twin *twin, struct burst *burst, struct rte_mbuf *mbuf)
{
	drop(twin, burst, mbuf, 0);
}

/* Stage 1: bytes to keys. @return bytes received */
static inline uint64_t
parse(struct culvert_bench_twin *twin, const struct flow_table *table, struct burst *restrict burst, uint32_t received)
{
	const uint64_t mac = twin->macs[burst->ingress];
	uint64_t bytes = 0;
	uint32_t dense = 0;

	for (uint32_t i = 0; i < received; i++)
		__builtin_prefetch(rte_pktmbuf_mtod(burst->received[i], const void *));
	for (uint32_t i = 0; i < received; i++) {
		struct rte_mbuf *mbuf = burst->received[i];
		uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
		const uint32_t frame_length = mbuf->pkt_len;
		const uint64_t word12 = load64(frame + ETHERTYPE);
		const uint32_t fragment_ttl_protocol = load32(frame + FRAGMENT);
		const uint32_t total_length = host16((uint32_t)(word12 >> 32));
		const uint32_t udp_length = host16(load16(frame + UDP_LENGTH));
		uint64_t hash;

		bytes += frame_length;
		if (unlikely((load64(frame) & MAC_MASK) != mac
			|| (word12 & 0xFFFFFF) != 0x450008
			|| (fragment_ttl_protocol & 0xFF00FF3F) != 0x11000000
			|| udp_length < UDP_HEADER_LENGTH
			|| udp_length + IP_LENGTH > total_length
			|| total_length + ETHERNET_LENGTH > frame_length
			|| mbuf->data_len < HEADERS_END
			|| !ipv4_header_is_right(frame))) {
			divert(twin, burst, mbuf);
			continue;
		}
		if (unlikely(total_length + ETHERNET_LENGTH < frame_length) && mbuf->data_len == mbuf->pkt_len) {
			mbuf->pkt_len = total_length + ETHERNET_LENGTH;
			mbuf->data_len = (uint16_t)mbuf->pkt_len;
		}
		burst->mbuf[dense] = mbuf;
		burst->frame[dense] = frame;
		burst->length[dense] = total_length;
		burst->key_lo[dense] = load64(frame + IP_SOURCE);
		burst->key_hi[dense] = load32(frame + PORTS) | (uint64_t)IPPROTO_UDP << 32;
		hash = flow_hash(table, burst->key_lo[dense], burst->key_hi[dense]);
		__builtin_prefetch(flow_bucket_of(table, hash));
		burst->hash[dense++] = hash;
	}
	burst->count = dense;
	return bytes;
}

/* Stage 2: keys to slots. @return how many packets belong to no flow */
static inline uint32_t
lookup(const struct flow_table *table, struct burst *restrict burst)
{
	const uint32_t count = burst->count;
	uint32_t misses = 0;

	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = flow_candidate(table, burst->hash[i]);

		burst->slot[i] = slot;
		__builtin_prefetch(&table->entries[slot < 0 ? 0 : slot], 1);
	}
	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = burst->slot[i];

		if (unlikely(slot < 0 || !flow_holds(&table->entries[slot], burst->key_lo[i], burst->key_hi[i]))) {
			burst->slot[i] = flow_find(table, burst->key_lo[i], burst->key_hi[i], burst->hash[i]);
			misses += burst->slot[i] < 0;
		}
	}
	return misses;
}

static __rte_noinline void
admit(struct culvert_bench_twin *twin, struct burst *burst)
{
	for (uint32_t i = 0; i < burst->count; i++)
		if (burst->slot[i] < 0) {
			drop(twin, burst, burst->mbuf[i], 0);
			burst->slot[i] = GONE;
		}
}

static inline void
count_traffic(struct culvert_bench_twin *twin, int32_t traffic, uint64_t packets, uint64_t bytes)
{
	if (traffic >= 0) {
		uint64_t *counter = &twin->counters[twin->rule_traffic + 2 * (uint32_t)traffic];

		counter[0] += packets;
		counter[1] += bytes;
	}
}

static __rte_noinline void
stop(struct culvert_bench_twin *twin, struct burst *burst, uint32_t i)
{
	drop(twin, burst, burst->mbuf[i], 0);
}

/* Stage 3: addresses, ports, checksums, in place. */
static inline void
rewrite(struct culvert_bench_twin *twin, const struct flow_table *table, struct burst *restrict burst,
	struct egress *restrict egress)
{
	const struct neighbor *neighbors = (const struct neighbor *)twin->neighbors;
	const uint32_t count = burst->count;
	const int32_t now_ms = twin->now_ms;
	int32_t traffic = -1;
	uint64_t packets = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < count; i++) {
		const int32_t slot = burst->slot[i];
		struct flow_entry *restrict flow = &table->entries[slot];
		uint8_t *restrict frame = burst->frame[i];
		const struct neighbor *next;
		uint64_t key_hi;
		uint32_t decrement, length, ttl_checksum, udp_checksum;
		int32_t direction;

		if (unlikely(slot < 0))
			continue;
		key_hi = flow->key_hi;
		next = &neighbors[FLOW_ADJACENCY(key_hi)];
		decrement = FLOW_FLAGS(key_hi) / FLOW_DECREMENT_TTL & 1;
		ttl_checksum = load32(frame + TTL);
		length = burst->length[i];
		if (unlikely(length > next->mtu || (ttl_checksum & 0xFF) < 2 * decrement)) {
			stop(twin, burst, i);
			continue;
		}
		memcpy(frame, &next->macs_lo, 8);
		memcpy(frame + 8, &next->macs_hi, 4);
		ttl_checksum = ((ttl_checksum - decrement) & 0xFFFF)
			| checksum_update(ttl_checksum >> 16, flow->l3_delta) << 16;
		memcpy(frame + TTL, &ttl_checksum, 4);
		memcpy(frame + IP_SOURCE, &flow->new_addresses, 8);
		memcpy(frame + PORTS, &flow->new_ports, 4);
		udp_checksum = checksum_update_udp(load16(frame + UDP_CHECKSUM), flow->l4_delta);
		memcpy(frame + UDP_CHECKSUM, &udp_checksum, 2);

		flow->last_seen = now_ms;
		flow->packets++;
		flow->bytes += length;
		direction = flow->rule << 1 | (int32_t)(FLOW_FLAGS(key_hi) / FLOW_REPLY & 1);
		if (unlikely(direction != traffic)) {
			count_traffic(twin, traffic, packets, bytes);
			traffic = direction;
			packets = 0;
			bytes = 0;
		}
		packets++;
		bytes += length;
		egress->mbufs[next->link][egress->count[next->link]++] = burst->mbuf[i];
		egress->bytes[next->link] += length + ETHERNET_LENGTH;
	}
	count_traffic(twin, traffic, packets, bytes);
}

static __rte_noinline uint32_t
transmit_rest(struct culvert_bench_twin *twin, struct egress *egress, uint32_t link, uint32_t sent, uint32_t ingress)
{
	struct rte_mbuf **mbufs = egress->mbufs[link];
	const uint32_t count = egress->count[link];

	for (int retry = 0; retry < TX_RETRIES && sent < count; retry++)
		sent += rte_eth_tx_burst(twin->ports[link], twin->queue, mbufs + sent, (uint16_t)(count - sent));
	for (uint32_t i = sent; i < count; i++)
		egress->bytes[link] -= mbufs[i]->pkt_len;
	if (sent < count) {
		rte_pktmbuf_free_bulk(mbufs + sent, count - sent);
		twin->counters[twin->dropped[ingress]] += count - sent;
	}
	return sent;
}

/* Stage 4: one burst per link. */
static inline void
transmit(struct culvert_bench_twin *twin, struct egress *egress, uint32_t ingress)
{
	for (uint32_t link = 0; link < LINKS; link++) {
		const uint32_t count = egress->count[link];
		uint32_t sent;

		if (count == 0)
			continue;
		sent = rte_eth_tx_burst(twin->ports[link], twin->queue, egress->mbufs[link], (uint16_t)count);
		if (unlikely(sent < count))
			sent = transmit_rest(twin, egress, link, sent, ingress);
		twin->counters[twin->sent[link]] += sent;
		twin->counters[twin->sent[link] + 1] += egress->bytes[link];
		egress->count[link] = 0;
		egress->bytes[link] = 0;
	}
}

/* Bounded ageing: as many sessions as would visit all of them once a second. Nothing ends while all are in use. */
static void
expire(struct culvert_bench_twin *twin, const struct flow_table *table, int32_t limit)
{
	for (int32_t i = 0; i < limit; i++) {
		const struct flow_entry *forward = &table->entries[twin->expire_cursor * 2];
		const struct flow_entry *reply = forward + 1;

		if (twin->expire_cursor >= table->file->high_water) {
			twin->expire_cursor = 0;
			return;
		}
		twin->expire_cursor++;
		if ((FLOW_FLAGS(forward->key_hi) & FLOW_LIVE) != 0) {
			const int32_t silent = RTE_MIN(twin->now_ms - forward->last_seen, twin->now_ms - reply->last_seen);

			if (silent >= (reply->packets > 0 ? twin->idle_timeout_ms : twin->unanswered_timeout_ms))
				return;
		}
	}
}

/* A worker's look at all next hops; the benchmark's are static, so none is ever due. */
static bool
maintain(const struct culvert_bench_twin *twin)
{
	const struct neighbor *neighbors = (const struct neighbor *)twin->neighbors;
	bool due = false;

	for (int i = 0; i < NEIGHBORS; i++) {
		const struct neighbor *entry = &neighbors[i];

		if (__atomic_load_n(&entry->key, __ATOMIC_SEQ_CST) != 0) {
			const bool used = __atomic_load_n(&entry->refs, __ATOMIC_SEQ_CST) > 0;

			due |= used && (entry->state == NEIGHBOR_REACHABLE
				? twin->now_ms - entry->confirmed > NEIGHBOR_CONFIRM_AFTER_MS
				: entry->state != NEIGHBOR_STATIC
					&& (entry->tries == 0 || twin->now_ms - entry->asked >= NEIGHBOR_RETRY_MS));
		}
	}
	return due;
}

static inline void
tick(struct culvert_bench_twin *twin, const struct flow_table *table)
{
	const int32_t now = (int32_t)(rte_rdtsc() / twin->cycles_per_ms);

	if (now != twin->now_ms) {
		const int32_t elapsed = RTE_MAX(now - twin->now_ms, 1);
		const int64_t slice = (int64_t)table->file->high_water * elapsed / MS_PER_SECOND + 1;

		twin->now_ms = now;
		table->file->now_ms = now;
		expire(twin, table, (int32_t)RTE_MIN(slice, EXPIRE_LIMIT));
	}
	if (now - twin->maintained_ms >= MAINTAIN_MS) {
		twin->maintained_ms = now;
		maintain(twin);
	}
}

static __rte_always_inline void
run(struct culvert_bench_twin *twin, uint64_t cycles, const bool staged)
{
	const struct flow_table table = flow_table_of(twin->flows);
	uint64_t stages[CULVERT_BENCH_STAGES + 1];
	struct burst burst;
	struct egress egress;

	memset(&egress, 0, sizeof(egress));
	burst.freed_count = 0;
	for (uint64_t cycle = 0; cycle < cycles; cycle++) {
		tick(twin, &table);
		for (uint32_t link = 0; link < LINKS; link++) {
			uint32_t received;
			uint64_t bytes;

			if (staged)
				stages[0] = rte_rdtsc();
			received = rte_eth_rx_burst(twin->ports[link], twin->queue, burst.received, BURST);
			if (received == 0)
				continue;
			if (staged)
				stages[1] = rte_rdtsc();
			burst.ingress = link;
			bytes = parse(twin, &table, &burst, received);
			if (staged)
				stages[2] = rte_rdtsc();
			if (unlikely(lookup(&table, &burst) > 0))
				admit(twin, &burst);
			if (staged)
				stages[3] = rte_rdtsc();
			rewrite(twin, &table, &burst, &egress);
			if (staged)
				stages[4] = rte_rdtsc();
			transmit(twin, &egress, link);
			if (unlikely(burst.freed_count > 0)) {
				rte_pktmbuf_free_bulk(burst.freed, burst.freed_count);
				burst.freed_count = 0;
			}
			twin->counters[twin->received[link]] += received;
			twin->counters[twin->received[link] + 1] += bytes;
			twin->counters[twin->packets] += received;
			twin->counters[twin->bursts]++;
			if (staged) {
				stages[5] = rte_rdtsc();
				for (int stage = 0; stage < CULVERT_BENCH_STAGES; stage++)
					twin->stage_cycles[stage] += stages[stage + 1] - stages[stage];
			}
		}
	}
}

int32_t
culvert_bench_twin_check(const struct culvert_bench_twin *twin)
{
	const struct flow_file *file = (const struct flow_file *)twin->flows;

	return file->magic == FLOW_FILE_MAGIC && file->layout == FLOW_FILE_LAYOUT ? 0 : -EINVAL;
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
