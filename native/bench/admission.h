/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: who may open one, how it opens and how it ends, as io.culvert.dataplane.nat has it. */
#ifndef CULVERT_BENCH_ADMISSION_H
#define CULVERT_BENCH_ADMISSION_H

#include "twin.h"

#define NO_ROUTE_FOUND UINT64_MAX

/* The TTL shares its word with the protocol. */
enum { TTL_BEFORE = 2, TTL_AFTER = 1 };

/* Link in the high half, next hop in the low. */
static inline uint64_t
route_of(const struct state *state, uint32_t destination, uint32_t ingress)
{
	for (uint32_t link = 0; link < LINKS; link++)
		if (((destination ^ state->links[link].address) & state->links[link].mask) == 0)
			return (uint64_t)link << 32 | destination;
	if (state->links[ingress].gateway != 0)
		return (uint64_t)ingress << 32 | state->links[ingress].gateway;
	for (uint32_t link = 0; link < LINKS; link++)
		if (state->links[link].gateway != 0)
			return (uint64_t)link << 32 | state->links[link].gateway;
	return NO_ROUTE_FOUND;
}

static inline bool
is_lent_by_pool(const struct culvert_bench_rule *rule, uint32_t address, uint32_t port)
{
	for (uint32_t i = 0; i < rule->pool_count; i++)
		if (rule->pool_addresses[i] == address)
			return port >= rule->pool_low && port <= rule->pool_high;
	return false;
}

static inline void
write_flow(struct flow_table *table, int32_t slot, uint32_t flags, uint64_t key_lo, uint32_t ports,
	uint64_t new_addresses, uint32_t new_ports, uint32_t adjacency, uint32_t external, int64_t now_ms)
{
	struct flow_entry *entry = &table->entries[slot];
	const uint32_t addresses = checksum_delta(checksum_delta(0, (uint32_t)key_lo, (uint32_t)new_addresses),
		(uint32_t)(key_lo >> 32), (uint32_t)(new_addresses >> 32));

	flow_begin_change(entry);
	entry->key_lo = key_lo;
	entry->key_hi = flow_key_hi(ports) | (uint64_t)flags << 40
		| (uint64_t)adjacency << 48;
	entry->new_source = (uint32_t)new_addresses;
	entry->new_destination = (uint32_t)(new_addresses >> 32);
	entry->new_ports = new_ports;
	entry->l3_delta = (uint16_t)checksum_delta(addresses, TTL_BEFORE, TTL_AFTER);
	entry->l4_delta = (uint16_t)checksum_delta(addresses, ports, new_ports);
	entry->last_seen = (uint64_t)now_ms;
	entry->packets = 0;
	entry->bytes = 0;
	entry->traffic = (flags & FLOW_REPLY) != 0;
	entry->external = (uint16_t)external;
	entry->opened = (uint32_t)(now_ms / TICK_MS);
	flow_end_change(entry);
}

/* The address and port that the target shall see; the client's own address chooses which to try first. */
static inline int32_t
lend(struct state *state, uint32_t client, uint32_t port)
{
	const uint32_t count = state->rule.pool_count;
	uint32_t external = (uint32_t)((uint64_t)(client * 0x9E3779B9U) * count >> 32);

	for (uint32_t i = 0; i < count; i++) {
		const int32_t lent = pool_lend(&state->pools[external], port, state->now_ms, &state->random);

		if (lent != POOL_EXHAUSTED)
			return (int32_t)(external << 16) | lent;
		external = (external + 1) % count;
	}
	return POOL_EXHAUSTED;
}

static inline int32_t
open_session(struct culvert_bench_twin *twin, struct state *state, uint64_t key_lo, uint32_t ports, int32_t target,
	int32_t client)
{
	struct flow_table *table = &state->table;
	const struct culvert_bench_rule *rule = &state->rule;
	const int32_t forward = flow_take(table);
	uint64_t relayed;
	uint32_t relayed_ports;
	int32_t lease;

	if (forward == FLOW_NOT_FOUND)
		return ~(int32_t)DROP_FLOW_TABLE_FULL;
	lease = lend(state, (uint32_t)key_lo, host16(ports));
	if (lease == POOL_EXHAUSTED) {
		flow_release(table, forward);
		return ~(int32_t)DROP_SNAT_EXHAUSTED;
	}
	relayed = rule->pool_addresses[lease >> 16] | (uint64_t)rule->target_address << 32;
	relayed_ports = host16((uint32_t)lease) | host16(rule->target_port) << 16;
	write_flow(table, forward, FLOW_DECREMENT_TTL, key_lo, ports, relayed, relayed_ports, (uint32_t)target,
		(uint32_t)lease >> 16, state->now_ms);
	write_flow(table, forward ^ 1, FLOW_DECREMENT_TTL | FLOW_REPLY, relayed << 32 | relayed >> 32,
		relayed_ports << 16 | relayed_ports >> 16, key_lo << 32 | key_lo >> 32, ports << 16 | ports >> 16,
		(uint32_t)client, state->hops.neighbors[client].link, state->now_ms);
	if (!flow_publish(table, forward)) {
		pool_give_back(&state->pools[lease >> 16], (uint32_t)lease & 0xFFFF, state->now_ms);
		return ~(int32_t)DROP_TUPLE_IN_USE;
	}
	twin->counters[rule->created]++;
	twin->counters[twin->sessions] = (uint64_t)table->sessions;
	return forward;
}

/* May this packet open a session? @return the slot of the forward flow, or the complement of a drop reason */
static inline int32_t
admit_packet(struct culvert_bench_twin *twin, struct state *state, uint64_t key_lo, uint32_t ports, uint32_t ttl)
{
	const uint32_t source = (uint32_t)key_lo;
	const uint32_t destination = (uint32_t)(key_lo >> 32);
	const uint32_t destination_port = host16(ports >> 16);
	const struct culvert_bench_rule *rule = &state->rule;
	uint64_t to_target, to_client;
	int32_t target, client;

	if (is_martian(state, source))
		return ~(int32_t)DROP_MARTIAN;
	if ((ports & 0xFFFF) == 0)
		return ~(int32_t)DROP_UDP_PORT_ZERO;
	if (destination != rule->listen_address || state->rule_by_port[destination_port] == 0)
		return ~(int32_t)(is_lent_by_pool(rule, destination, destination_port)
			? DROP_NO_SESSION : DROP_NO_RULE);
	if (ttl <= 1)
		return ~(int32_t)DROP_TTL_EXCEEDED;
	to_target = route_of(state, rule->target_address, state->burst.ingress);
	to_client = route_of(state, source, state->burst.ingress);
	if (to_target == NO_ROUTE_FOUND || to_client == NO_ROUTE_FOUND)
		return ~(int32_t)DROP_NO_ROUTE;
	if (to_client >> 32 != state->burst.ingress)
		return ~(int32_t)DROP_REVERSE_PATH;
	target = neighbor_find(&state->hops, (uint32_t)(to_target >> 32), (uint32_t)to_target);
	client = neighbor_find(&state->hops, (uint32_t)(to_client >> 32), (uint32_t)to_client);
	if (target == NO_ADJACENCY || client == NO_ADJACENCY)
		return ~(int32_t)DROP_NEIGHBOR_TABLE_FULL;
	return open_session(twin, state, key_lo, ports, target, client);
}

static inline void
close_session(struct culvert_bench_twin *twin, struct state *state, int32_t forward)
{
	const struct flow_entry *entry = &state->table.entries[forward];

	pool_give_back(&state->pools[entry->external], host16(entry->new_ports), state->now_ms);
	flow_close(&state->table, forward);
	twin->counters[state->rule.ended]++;
	twin->counters[twin->sessions] = (uint64_t)state->table.sessions;
}

/* Looks at the next `limit` sessions and closes those that have been silent for too long. */
static inline void
expire(struct culvert_bench_twin *twin, struct state *state, int32_t limit)
{
	for (int32_t i = 0; i < limit; i++) {
		const struct flow_entry *forward = &state->table.entries[state->expire_cursor * 2];
		int64_t last_seen, silent;

		if (state->expire_cursor >= state->table.high_water) {
			state->expire_cursor = 0;
			return;
		}
		state->expire_cursor++;
		if ((flow_flags(forward->key_hi) & FLOW_LIVE) == 0)
			continue;
		last_seen = (int64_t)forward[0].last_seen;
		if ((int64_t)forward[1].last_seen > last_seen)
			last_seen = (int64_t)forward[1].last_seen;
		silent = state->now_ms - last_seen;
		if (silent >= (forward[1].packets > 0
			? state->rule.idle_timeout_ms : state->rule.unanswered_timeout_ms))
			close_session(twin, state, (int32_t)(forward - state->table.entries));
	}
}

#endif
