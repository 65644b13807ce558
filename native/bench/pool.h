/* SPDX-License-Identifier: Apache-2.0 */
/* The SNAT pool as io.culvert.dataplane.nat has it: a bitmap of free ports and a ring of resting ones per address. */
#ifndef CULVERT_BENCH_POOL_H
#define CULVERT_BENCH_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define POOL_EXHAUSTED (-1)
#define POOL_REST_MS 120000
#define POOL_PORTS 65536
#define POOL_WORDS (POOL_PORTS / 64)
#define POOL_EVEN 0x5555555555555555ULL

struct port_pool {
	uint64_t free[POOL_WORDS];
	uint8_t lent[POOL_PORTS];
	uint16_t resting[POOL_PORTS];
	uint32_t returned_at[POOL_PORTS]; /* in ticks */
	uint32_t resting_head;
	uint32_t resting_count;
	uint32_t available;
};

/* java.util.SplittableRandom. */
static inline uint32_t
pool_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9E3779B97F4A7C15ULL;

	z = (z ^ (z >> 33)) * 0x62A9D9ED799705F5ULL;
	return (uint32_t)(((z ^ (z >> 28)) * 0xCB24D0A5C88C35B3ULL) >> 32);
}

static inline bool
pool_is_free(const struct port_pool *pool, uint32_t port)
{
	return (pool->free[port / 64] >> (port % 64) & 1) != 0;
}

static inline void
pool_set_free(struct port_pool *pool, uint32_t port)
{
	pool->free[port / 64] |= 1ULL << (port % 64);
	pool->available++;
}

static inline void
pool_open(struct port_pool *pool, uint32_t low, uint32_t high)
{
	memset(pool, 0, sizeof(*pool));
	for (uint32_t port = low; port <= high; port++)
		pool_set_free(pool, port);
}

static inline uint32_t
pool_pop_resting(struct port_pool *pool)
{
	const uint32_t port = pool->resting[pool->resting_head];

	pool->resting_head = (pool->resting_head + 1) % POOL_PORTS;
	pool->resting_count--;
	return port;
}

static inline int32_t
pool_take(struct port_pool *pool, uint32_t port)
{
	port %= POOL_PORTS; /* it is one: newer compilers believe that a search may have failed */
	if (pool_is_free(pool, port)) {
		pool->free[port / 64] &= ~(1ULL << (port % 64));
		pool->available--;
	}
	pool->lent[port] = 1;
	return (int32_t)port;
}

/* The first free port at or after `start`, wrapping around, among those that `mask` leaves. */
static inline int32_t
pool_find_free(const struct port_pool *pool, uint32_t start, uint64_t mask)
{
	const uint32_t start_word = start / 64;
	uint64_t word = pool->free[start_word] & mask & UINT64_MAX << (start % 64);

	for (uint32_t i = 0; i <= POOL_WORDS; i++) {
		if (word != 0)
			return (int32_t)((start_word + i) % POOL_WORDS * 64 + (uint32_t)__builtin_ctzll(word));
		word = pool->free[(start_word + i + 1) % POOL_WORDS] & mask;
	}
	return POOL_EXHAUSTED;
}

static inline int32_t
pool_lend(struct port_pool *pool, uint32_t preferred, int64_t now_ms, uint64_t *random)
{
	uint32_t start;
	int32_t port;

	for (int i = 0; i < 2 && pool->resting_count > 0
		&& now_ms - (int64_t)pool->returned_at[pool->resting_head] * TICK_MS >= POOL_REST_MS + TICK_MS; i++)
		pool_set_free(pool, pool_pop_resting(pool));
	if (pool->available == 0)
		return pool->resting_count == 0 ? POOL_EXHAUSTED : pool_take(pool, pool_pop_resting(pool));
	if (pool_is_free(pool, preferred))
		return pool_take(pool, preferred);
	start = pool_random(random) % POOL_PORTS;
	port = pool_find_free(pool, start, POOL_EVEN << (preferred & 1));
	return pool_take(pool, (uint32_t)(port != POOL_EXHAUSTED ? port : pool_find_free(pool, start, UINT64_MAX)));
}

static inline void
pool_give_back(struct port_pool *pool, uint32_t port, int64_t now_ms)
{
	const uint32_t tail = (pool->resting_head + pool->resting_count++) % POOL_PORTS;

	pool->lent[port] = 0;
	pool->resting[tail] = (uint16_t)port;
	pool->returned_at[tail] = (uint32_t)(now_ms / TICK_MS);
}

#endif
