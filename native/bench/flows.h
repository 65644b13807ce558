/* SPDX-License-Identifier: Apache-2.0 */
/* The flow file as io.culvert.dataplane.flow draws it, and what a worker does with it. */
#ifndef CULVERT_BENCH_FLOWS_H
#define CULVERT_BENCH_FLOWS_H

#include <immintrin.h>
#include <stdbool.h>
#include <stdint.h>

#define FLOW_NOT_FOUND (-1)
#define FLOW_PROBE_LIMIT 16
#define FLOW_KEY_HI_MASK 0xFFFFFFFFFFULL

#define FLOW_LIVE 1
#define FLOW_REPLY 2
#define FLOW_DECREMENT_TTL 4

#define FLOW_FILE_MAGIC 0x574F4C46564C5543ULL
#define FLOW_FILE_LAYOUT 1
#define FLOW_FILE_HEADER_LENGTH 4096

struct flow_file {
	uint64_t magic;
	int32_t layout;
	int32_t worker;
	int64_t pid;
	int32_t sessions;
	int32_t buckets;
	uint64_t seed_lo;
	uint64_t seed_hi;
	int32_t now_ms;
	int32_t high_water;
};

struct flow_bucket {
	uint16_t tags[8];
	int32_t slots[8];
	uint8_t unused[16];
};

struct flow_entry {
	uint64_t key_lo;
	uint64_t key_hi;         /* ports, protocol, flags, adjacency: from the lowest byte on */
	uint64_t new_addresses;
	uint32_t new_ports;
	uint16_t l3_delta;
	uint16_t l4_delta;
	int32_t last_seen;
	int32_t version;
	uint64_t packets;
	uint64_t bytes;
	uint16_t rule;
	uint16_t external;
	int32_t opened;
};

_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");
_Static_assert(sizeof(struct flow_entry) == 64, "an entry is one cache line");

#define FLOW_FLAGS(key_hi) ((unsigned)((key_hi) >> 40) & 0xFF)
#define FLOW_ADJACENCY(key_hi) ((unsigned)((key_hi) >> 48))

struct flow_table {
	struct flow_file *file;
	struct flow_bucket *index;
	struct flow_entry *entries;
	uint32_t bucket_mask;
	uint64_t seed_lo;
	uint64_t seed_hi;
};

static inline struct flow_table
flow_table_of(uint8_t *memory)
{
	struct flow_file *file = (struct flow_file *)memory;
	struct flow_bucket *index = (struct flow_bucket *)(memory + FLOW_FILE_HEADER_LENGTH);

	return (struct flow_table) { file, index, (struct flow_entry *)(index + file->buckets),
		(uint32_t)file->buckets - 1, file->seed_lo, file->seed_hi };
}

static inline uint64_t
flow_hash(const struct flow_table *table, uint64_t key_lo, uint64_t key_hi)
{
	const unsigned __int128 product = (unsigned __int128)(key_lo ^ table->seed_lo) * (key_hi ^ table->seed_hi);

	return (uint64_t)(product >> 64) ^ (uint64_t)product;
}

static inline struct flow_bucket *
flow_bucket_of(const struct flow_table *table, uint64_t hash)
{
	return &table->index[(uint32_t)hash & table->bucket_mask];
}

static inline uint16_t
flow_tag(uint64_t hash)
{
	return (uint16_t)(hash >> 48) | 1;
}

/* Two bits for each lane whose tag is this; all eight at once. */
static inline uint32_t
flow_marks(const struct flow_bucket *bucket, uint16_t tag)
{
	const __m128i tags = _mm_load_si128((const __m128i *)bucket->tags);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi16(tags, _mm_set1_epi16((short)tag)));
}

static inline int32_t
flow_candidate(const struct flow_table *table, uint64_t hash)
{
	const struct flow_bucket *bucket = flow_bucket_of(table, hash);
	const uint32_t marks = flow_marks(bucket, flow_tag(hash));

	return marks == 0 ? FLOW_NOT_FOUND : bucket->slots[__builtin_ctz(marks) / 2];
}

static inline bool
flow_holds(const struct flow_entry *entry, uint64_t key_lo, uint64_t key_hi)
{
	return ((entry->key_lo ^ key_lo) | ((entry->key_hi ^ key_hi) & FLOW_KEY_HI_MASK)) == 0;
}

static inline int32_t
flow_find(const struct flow_table *table, uint64_t key_lo, uint64_t key_hi, uint64_t hash)
{
	const uint16_t tag = flow_tag(hash);

	for (uint32_t probe = 0; probe < FLOW_PROBE_LIMIT; probe++) {
		const struct flow_bucket *bucket = flow_bucket_of(table, hash + probe);

		for (uint32_t marks = flow_marks(bucket, tag); marks != 0; marks &= marks - 1, marks &= marks - 1) {
			const int32_t slot = bucket->slots[__builtin_ctz(marks) / 2];

			if (flow_holds(&table->entries[slot], key_lo, key_hi))
				return slot;
		}
		if (flow_marks(bucket, 0) != 0)
			return FLOW_NOT_FOUND;
	}
	return FLOW_NOT_FOUND;
}

#endif
