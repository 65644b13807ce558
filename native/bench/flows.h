/* SPDX-License-Identifier: Apache-2.0 */
/* The flow table as io.culvert.dataplane.flow has it: the same file, the same index, the same order of things. */
#ifndef CULVERT_BENCH_FLOWS_H
#define CULVERT_BENCH_FLOWS_H

#include <immintrin.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#define FLOW_NOT_FOUND (-1)
#define FLOW_LANES 8
#define FLOW_PROBE_LIMIT 16
/* Ports, protocol, and that the flow is live. */
#define FLOW_KEY_HI_MASK 0x1FFFFFFFFFFULL
#define FLOW_NO_SESSION (-1)

/* Instants in 32 bits are tenths of a second. */
#define TICK_MS 100

#define FLOW_LIVE 1
#define FLOW_REPLY 2
#define FLOW_DECREMENT_TTL 4

#define FLOW_FILE_MAGIC 0x574F4C46564C5543ULL
#define FLOW_FILE_LAYOUT 6
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
	int64_t now_ms;
	int32_t high_water;
};

struct flow_bucket {
	uint8_t tags[FLOW_LANES];
	int32_t slots[FLOW_LANES];
	uint8_t unused[24];
};

struct flow_entry {
	uint64_t key_lo;
	uint64_t key_hi;         /* ports, protocol, flags, adjacency: from the lowest byte on */
	uint16_t l3_delta;
	uint16_t l4_delta;
	uint32_t new_source;
	uint32_t new_destination;
	uint32_t new_ports;
	uint64_t last_seen : 48; /* ms */
	uint64_t version : 16;   /* odd while the entry changes hands */
	uint64_t packets;
	uint64_t bytes;
	uint16_t traffic;        /* twice the index of the rule, and 1 for a reply */
	uint16_t external;
	uint32_t opened;         /* in ticks of 100 ms */
};

_Static_assert(sizeof(struct flow_bucket) == 64, "a bucket is one cache line");
_Static_assert(sizeof(struct flow_entry) == 64, "an entry is one cache line");

struct flow_table {
	struct flow_file *file;
	struct flow_bucket *index;
	struct flow_entry *entries;
	uint32_t bucket_mask;
	uint64_t seed_lo;
	uint64_t seed_hi;
	int32_t capacity;
	int32_t sessions;
	int32_t high_water;
	int32_t free_session;
};

static inline void
flow_table_open(struct flow_table *table, uint8_t *memory)
{
	struct flow_file *file = (struct flow_file *)memory;
	struct flow_bucket *index = (struct flow_bucket *)(memory + FLOW_FILE_HEADER_LENGTH);

	*table = (struct flow_table) {
		.file = file, .index = index, .entries = (struct flow_entry *)(index + file->buckets),
		.bucket_mask = (uint32_t)file->buckets - 1, .seed_lo = file->seed_lo, .seed_hi = file->seed_hi,
		.capacity = file->sessions, .high_water = file->high_water, .free_session = FLOW_NO_SESSION,
	};
}

static inline uint32_t
flow_flags(uint64_t key_hi)
{
	return (uint32_t)(key_hi >> 40) & 0xFF;
}

static inline uint32_t
flow_adjacency(uint64_t key_hi)
{
	return (uint32_t)(key_hi >> 48);
}

/* The upper key half of UDP ports as they lie in the packet. */
static inline uint64_t
flow_key_hi(uint32_t ports)
{
	return ports | (uint64_t)IPPROTO_UDP << 32 | (uint64_t)FLOW_LIVE << 40;
}

static inline uint64_t
flow_mix(uint64_t lo, uint64_t hi, uint64_t seed_lo, uint64_t seed_hi)
{
	const unsigned __int128 product = (unsigned __int128)(lo ^ seed_lo) * (hi ^ seed_hi);
	const uint64_t mixed = ((uint64_t)(product >> 64) ^ (uint64_t)product) * 0x9E3779B97F4A7C15ULL;

	return mixed ^ mixed >> 32;
}

static inline uint64_t
flow_hash(const struct flow_table *table, uint64_t key_lo, uint64_t key_hi)
{
	return flow_mix(key_lo, key_hi, table->seed_lo, table->seed_hi);
}

static inline struct flow_bucket *
flow_bucket_of(const struct flow_table *table, uint64_t hash)
{
	return &table->index[(uint32_t)hash & table->bucket_mask];
}

/* Never 0: that is a free lane. */
static inline uint8_t
flow_tag(uint64_t hash)
{
	const uint8_t tag = (uint8_t)(hash >> 56);

	return tag == 0 ? 1 : tag;
}

/* A bit for each lane whose tag is this; all eight at once. */
static inline uint32_t
flow_marks(const struct flow_bucket *bucket, uint8_t tag)
{
	const __m128i tags = _mm_loadl_epi64((const __m128i *)bucket->tags);

	return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) & 0xFF;
}

static inline int32_t
flow_candidate(const struct flow_table *table, uint64_t hash)
{
	const struct flow_bucket *bucket = flow_bucket_of(table, hash);
	const uint32_t marks = flow_marks(bucket, flow_tag(hash));

	return marks == 0 ? FLOW_NOT_FOUND : bucket->slots[__builtin_ctz(marks)];
}

static inline bool
flow_holds(const struct flow_entry *entry, uint64_t key_lo, uint64_t key_hi)
{
	return ((entry->key_lo ^ key_lo) | ((entry->key_hi ^ key_hi) & FLOW_KEY_HI_MASK)) == 0;
}

static inline int32_t
flow_find(const struct flow_table *table, uint64_t key_lo, uint64_t key_hi, uint64_t hash)
{
	const uint8_t tag = flow_tag(hash);

	for (uint32_t probe = 0; probe < FLOW_PROBE_LIMIT; probe++) {
		const struct flow_bucket *bucket = flow_bucket_of(table, hash + probe);

		for (uint32_t marks = flow_marks(bucket, tag); marks != 0; marks &= marks - 1) {
			const int32_t slot = bucket->slots[__builtin_ctz(marks)];

			if (flow_holds(&table->entries[slot], key_lo, key_hi))
				return slot;
		}
		if (flow_marks(bucket, 0) != 0)
			return FLOW_NOT_FOUND;
	}
	return FLOW_NOT_FOUND;
}

/* Takes a free session, not yet findable. */
static inline int32_t
flow_take(struct flow_table *table)
{
	int32_t session = table->free_session;

	if (session != FLOW_NO_SESSION) {
		table->free_session = (int32_t)table->entries[session * 2].key_lo;
	} else if (table->high_water < table->capacity) {
		session = table->high_water++;
		table->file->high_water = table->high_water;
	} else {
		return FLOW_NOT_FOUND;
	}
	table->sessions++;
	return session * 2;
}

static inline void
flow_begin_change(struct flow_entry *entry)
{
	entry->version |= 1;
	__atomic_signal_fence(__ATOMIC_SEQ_CST); /* x86 keeps stores in order; the compiler must, too */
}

static inline void
flow_end_change(struct flow_entry *entry)
{
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	entry->version++;
}

static inline void
flow_clear(struct flow_entry *entry)
{
	flow_begin_change(entry);
	entry->key_hi &= ~(0xFFULL << 40);
	flow_end_change(entry);
}

static inline void
flow_release(struct flow_table *table, int32_t forward)
{
	flow_clear(&table->entries[forward ^ 1]);
	flow_clear(&table->entries[forward]);
	table->entries[forward].key_lo = (uint64_t)(int64_t)table->free_session;
	table->free_session = forward / 2;
	table->sessions--;
}

static inline bool
flow_insert(struct flow_table *table, int32_t slot)
{
	const struct flow_entry *entry = &table->entries[slot];
	const uint64_t key_hi = entry->key_hi & FLOW_KEY_HI_MASK;
	const uint64_t hash = flow_hash(table, entry->key_lo, key_hi);

	if (flow_find(table, entry->key_lo, key_hi, hash) != FLOW_NOT_FOUND)
		return false;
	for (uint32_t probe = 0; probe < FLOW_PROBE_LIMIT; probe++) {
		struct flow_bucket *bucket = flow_bucket_of(table, hash + probe);
		const uint32_t free = flow_marks(bucket, 0);

		if (free != 0) {
			const int lane = __builtin_ctz(free);

			bucket->slots[lane] = slot;
			bucket->tags[lane] = flow_tag(hash);
			return true;
		}
	}
	return false;
}

/* The first lane of bucket `at` whose key's home lies at least `distance` buckets before it. */
static inline int
flow_displaced_lane(const struct flow_table *table, uint32_t at, uint32_t distance)
{
	const struct flow_bucket *bucket = flow_bucket_of(table, at);

	for (int lane = 0; lane < FLOW_LANES; lane++) {
		if (bucket->tags[lane] != 0) {
			const struct flow_entry *entry = &table->entries[bucket->slots[lane]];
			const uint64_t hash = flow_hash(table, entry->key_lo, entry->key_hi & FLOW_KEY_HI_MASK);

			if (((at - (uint32_t)hash) & table->bucket_mask) >= distance)
				return lane;
		}
	}
	return FLOW_LANES;
}

/* Pulls keys back that were displaced through the lane, so that no lookup stops before it finds them. */
static inline void
flow_free_lane(struct flow_table *table, uint32_t from, int lane)
{
	uint32_t at = from;
	bool was_full = flow_marks(flow_bucket_of(table, at), 0) == 0;

	flow_bucket_of(table, at)->tags[lane] = 0;
	for (uint32_t ahead = 1; was_full && ahead < FLOW_PROBE_LIMIT; ahead++) {
		const uint32_t next = from + ahead;
		struct flow_bucket *bucket = flow_bucket_of(table, next);
		const bool next_is_full = flow_marks(bucket, 0) == 0;
		const int displaced = flow_displaced_lane(table, next, next - at);

		if (displaced < FLOW_LANES) {
			flow_bucket_of(table, at)->slots[lane] = bucket->slots[displaced];
			flow_bucket_of(table, at)->tags[lane] = bucket->tags[displaced];
			bucket->tags[displaced] = 0;
			at = next;
			lane = displaced;
		}
		was_full = next_is_full;
	}
}

static inline void
flow_remove(struct flow_table *table, int32_t slot)
{
	const struct flow_entry *entry = &table->entries[slot];
	const uint64_t hash = flow_hash(table, entry->key_lo, entry->key_hi & FLOW_KEY_HI_MASK);

	for (uint32_t probe = 0; probe < FLOW_PROBE_LIMIT; probe++) {
		const struct flow_bucket *bucket = flow_bucket_of(table, hash + probe);

		for (uint32_t marks = flow_marks(bucket, flow_tag(hash)); marks != 0; marks &= marks - 1) {
			const int lane = __builtin_ctz(marks);

			if (bucket->slots[lane] == slot) {
				flow_free_lane(table, (uint32_t)hash + probe, lane);
				return;
			}
		}
	}
}

/* Makes both flows of a session findable, or gives the session back. */
static inline bool
flow_publish(struct flow_table *table, int32_t forward)
{
	if (!flow_insert(table, forward)) {
		flow_release(table, forward);
		return false;
	}
	if (!flow_insert(table, forward ^ 1)) {
		flow_remove(table, forward);
		flow_release(table, forward);
		return false;
	}
	return true;
}

static inline void
flow_close(struct flow_table *table, int32_t forward)
{
	flow_remove(table, forward);
	flow_remove(table, forward ^ 1);
	flow_release(table, forward);
}

#endif
