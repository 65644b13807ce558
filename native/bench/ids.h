/* SPDX-License-Identifier: Apache-2.0 */
/* IP ids of datagrams that may be cut on their way, as io.culvert.dataplane.worker.DatagramIds makes them. */
#ifndef CULVERT_BENCH_IDS_H
#define CULVERT_BENCH_IDS_H

#include <stdint.h>

#define ID_ROUNDS 4
#define ID_HALF 8             /* bits */
#define ID_ROW 64

struct datagram_ids {
	uint64_t key;
	uint32_t next;
	uint32_t taken;       /* of the row: a multiple of its length when it is used up */
	uint16_t row[ID_ROW];
};

/* A Feistel network over two halves, for as many ids at once as the vector unit likes. */
static inline void
datagram_ids_refill(struct datagram_ids *ids)
{
	for (uint32_t i = 0; i < ID_ROW; i++) {
		uint32_t left = (ids->next + i) >> ID_HALF & 0xFF;
		uint32_t right = (ids->next + i) & 0xFF;

		for (uint32_t round = 0; round < ID_ROUNDS; round++) {
			const uint32_t key = (uint32_t)(ids->key >> 16 * round);
			const uint32_t mixed = left ^ (((right + key) & 0xFFFF) * 0x9E3779B1U >> (32 - ID_HALF));

			left = right;
			right = mixed;
		}
		ids->row[i] = (uint16_t)(left << ID_HALF | right);
	}
	ids->next += ID_ROW;
}

static inline uint32_t
datagram_id(struct datagram_ids *ids)
{
	if (ids->taken % ID_ROW == 0)
		datagram_ids_refill(ids);
	return ids->row[ids->taken++ % ID_ROW];
}

#endif
