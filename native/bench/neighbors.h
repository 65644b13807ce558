/* SPDX-License-Identifier: Apache-2.0 */
/* The next hops as io.culvert.dataplane.host.Neighbors draws them: shared by all workers, hence the atomics. */
#ifndef CULVERT_BENCH_NEIGHBORS_H
#define CULVERT_BENCH_NEIGHBORS_H

#include <stdbool.h>
#include <stdint.h>

#define NEIGHBORS 4096
#define NEIGHBOR_PROBE_LIMIT 64
#define NEIGHBOR_CLAIMED (-1)
#define NO_ADJACENCY (-1)
#define NEIGHBOR_CONFIRM_AFTER_MS 30000
#define NEIGHBOR_RETRY_MS 1000

enum { NEIGHBOR_INCOMPLETE, NEIGHBOR_REACHABLE, NEIGHBOR_PROBING, NEIGHBOR_FAILED, NEIGHBOR_STATIC };

struct neighbor {
	uint64_t key;
	uint64_t macs_lo;
	uint32_t macs_hi;
	uint16_t link;
	uint16_t mtu;             /* 0 while it is not resolved */
	int16_t state;
	int16_t tries;
	int32_t refs;
	int64_t confirmed;
	int64_t asked;
	uint64_t address[2];
};

_Static_assert(sizeof(struct neighbor) == 64, "an adjacency is one cache line");

/* References a next hop that is known; the benchmark knows all of its own. */
static inline int32_t
neighbor_acquire(struct neighbor *neighbors, uint64_t route)
{
	const uint64_t key = route + (1ULL << 32);
	const uint32_t home = (uint32_t)(key * 0x9E3779B97F4A7C15ULL >> 40);

	for (uint32_t probe = 0; probe < NEIGHBOR_PROBE_LIMIT; probe++) {
		const int32_t adjacency = (int32_t)((home + probe) % NEIGHBORS);
		struct neighbor *entry = &neighbors[adjacency];
		const uint64_t found = __atomic_load_n(&entry->key, __ATOMIC_SEQ_CST);

		if (found == key) {
			int32_t refs = __atomic_load_n(&entry->refs, __ATOMIC_SEQ_CST);

			while (refs != NEIGHBOR_CLAIMED && !__atomic_compare_exchange_n(&entry->refs, &refs, refs + 1,
				false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
				;
			if (refs != NEIGHBOR_CLAIMED)
				return adjacency;
		}
		if (found == 0)
			break;
	}
	return NO_ADJACENCY;
}

static inline void
neighbor_release(struct neighbor *neighbors, int32_t adjacency)
{
	__atomic_fetch_sub(&neighbors[adjacency].refs, 1, __ATOMIC_SEQ_CST);
}

/* A worker's look at all next hops. @return whether one has to be asked for; the benchmark's are static */
static inline bool
neighbors_maintain(const struct neighbor *neighbors, int64_t now_ms)
{
	bool due = false;

	for (int i = 0; i < NEIGHBORS; i++) {
		const struct neighbor *entry = &neighbors[i];

		if (__atomic_load_n(&entry->key, __ATOMIC_SEQ_CST) == 0
			|| __atomic_load_n(&entry->refs, __ATOMIC_SEQ_CST) <= 0)
			continue;
		due |= entry->state == NEIGHBOR_REACHABLE ? now_ms - entry->confirmed > NEIGHBOR_CONFIRM_AFTER_MS
			: entry->state != NEIGHBOR_STATIC
				&& (entry->tries == 0 || now_ms - entry->asked >= NEIGHBOR_RETRY_MS);
	}
	return due;
}

#endif
