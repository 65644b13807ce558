/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The next hops as io.culvert.dataplane.host.Neighbors draws them. All of the benchmark's are configured and have fixed
 * MAC addresses: they are found without a lock, never referenced and never asked for.
 */
#ifndef CULVERT_BENCH_NEIGHBORS_H
#define CULVERT_BENCH_NEIGHBORS_H

#include <stdbool.h>
#include <stdint.h>

#include "flows.h"

/* Of the next hops that a benchmark configures, twice as many as there may be. */
#define NEIGHBOR_SLOTS 64
#define NO_ADJACENCY 0

struct neighbor {
	uint64_t address_high;
	uint64_t macs_lo;
	uint32_t macs_hi;
	uint16_t link;
	uint16_t mtu;             /* 0 while it is not resolved */
	uint64_t address_low;
	uint64_t unused[4];
};

_Static_assert(sizeof(struct neighbor) == 64, "an adjacency is one cache line");

struct neighbor_index {
	const struct neighbor *neighbors;
	uint64_t seed_lo;
	uint64_t seed_hi;
	uint16_t slots[NEIGHBOR_SLOTS];
};

/* The low half of an IPv4 address as an IPv6 address, ::ffff:a.b.c.d; both in the order of the wire. */
static inline uint64_t
neighbor_address(uint32_t address)
{
	return (uint64_t)address << 32 | 0xFFFF0000;
}

static inline uint32_t
neighbor_home(const struct neighbor_index *index, uint32_t link, uint64_t low)
{
	return (uint32_t)flow_mix((uint64_t)link << 56, low, index->seed_lo, index->seed_hi) % NEIGHBOR_SLOTS;
}

/* @return the adjacency, or NO_ADJACENCY */
static inline int32_t
neighbor_find(const struct neighbor_index *index, uint32_t link, uint32_t address)
{
	const uint64_t low = neighbor_address(address);

	for (uint32_t at = neighbor_home(index, link, low);; at = (at + 1) % NEIGHBOR_SLOTS) {
		const struct neighbor *entry = &index->neighbors[index->slots[at]];

		if (index->slots[at] == NO_ADJACENCY
			|| (entry->address_low == low && entry->address_high == 0 && entry->link == link))
			return index->slots[at];
	}
}

/* Indexes the next hops that lie from adjacency 1 on. @return false when there are too many */
static inline bool
neighbors_open(struct neighbor_index *index, const struct neighbor *neighbors, uint64_t seed)
{
	*index = (struct neighbor_index) { .neighbors = neighbors, .seed_lo = seed, .seed_hi = ~seed };
	for (uint16_t adjacency = 1; neighbors[adjacency].macs_lo != 0; adjacency++) {
		const struct neighbor *entry = &neighbors[adjacency];
		uint32_t at = neighbor_home(index, entry->link, entry->address_low);

		if (adjacency > NEIGHBOR_SLOTS / 2)
			return false;
		while (index->slots[at] != NO_ADJACENCY)
			at = (at + 1) % NEIGHBOR_SLOTS;
		index->slots[at] = adjacency;
	}
	return true;
}

#endif
