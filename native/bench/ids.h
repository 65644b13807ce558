/* SPDX-License-Identifier: Apache-2.0 */
/* IP ids of datagrams that may be cut on their way, as io.culvert.dataplane.worker.DatagramIds makes them. */
#ifndef CULVERT_BENCH_IDS_H
#define CULVERT_BENCH_IDS_H

#include <stdint.h>

#include "flows.h"

#define ID_ROUNDS 4
#define ID_HALF 32768U        /* of the ids of one worker */
#define ID_LOW_BITS 7
#define ID_HIGH_BITS 8
#define ID_ROW 64

struct datagram_ids {
	uint64_t secret_lo;
	uint64_t secret_hi;
	uint64_t key_lo;
	uint64_t key_hi;
	uint32_t made;        /* two halves take turns, each time under another key */
	uint32_t taken;       /* of the row: a multiple of its length when it is used up */
	uint16_t row[ID_ROW];
};

static inline void
datagram_ids_refill(struct datagram_ids *ids)
{
	const uint32_t first = ids->made & ID_HALF;

	if (ids->made % ID_HALF == 0) {
		ids->key_lo = flow_mix(ids->made, 0, ids->secret_lo, ids->secret_hi);
		ids->key_hi = flow_mix(ids->made, 1, ids->secret_lo, ids->secret_hi);
	}
	/* A Feistel network over two parts of nearly the same length. */
	for (uint32_t i = 0; i < ID_ROW; i++) {
		const uint32_t index = (ids->made + i) % ID_HALF;
		uint64_t low = index & ((1U << ID_LOW_BITS) - 1);
		uint64_t high = index >> ID_LOW_BITS;

		for (uint32_t round = 0; round < ID_ROUNDS; round += 2) {
			high ^= flow_mix(low, round, ids->key_lo, ids->key_hi) >> (64 - ID_HIGH_BITS);
			low ^= flow_mix(high, round + 1, ids->key_lo, ids->key_hi) >> (64 - ID_LOW_BITS);
		}
		ids->row[i] = (uint16_t)(first | high << ID_LOW_BITS | low);
	}
	ids->made += ID_ROW;
}

static inline uint32_t
datagram_id(struct datagram_ids *ids)
{
	if (ids->taken % ID_ROW == 0)
		datagram_ids_refill(ids);
	return ids->row[ids->taken++ % ID_ROW];
}

#endif
