/* SPDX-License-Identifier: Apache-2.0 */
/* Offers packets to a port at a steady rate and counts what comes back: one trial of the search for a loss-free rate. */
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "culvert_bench.h"

#define BURST 32
#define HEADER_LENGTH 64

static uint64_t
collect(const struct culvert_bench_trial *trial)
{
	struct rte_mbuf *mbufs[2 * BURST];
	const uint16_t count = rte_eth_rx_burst(trial->port, 0, mbufs, RTE_DIM(mbufs));

	if (count > 0)
		rte_pktmbuf_free_bulk(mbufs, count);
	return count;
}

/* Returns how many the port took; the rest was offered all the same, and is lost. */
static uint16_t
offer(const struct culvert_bench_trial *trial, struct rte_mempool *pool)
{
	struct rte_mbuf *mbufs[BURST];
	uint32_t flow = (uint32_t)(trial->offered % trial->header_count);
	uint16_t taken;

	if (rte_pktmbuf_alloc_bulk(pool, mbufs, BURST) != 0)
		return 0;
	for (int i = 0; i < BURST; i++) {
		mbufs[i]->pkt_len = trial->frame_length;
		mbufs[i]->data_len = (uint16_t)trial->frame_length;
		memcpy(rte_pktmbuf_mtod(mbufs[i], void *), trial->headers + (size_t)flow * HEADER_LENGTH, HEADER_LENGTH);
		if (++flow == trial->header_count)
			flow = 0;
	}
	taken = rte_eth_tx_burst(trial->port, 0, mbufs, BURST);
	if (taken < BURST)
		rte_pktmbuf_free_bulk(mbufs + taken, BURST - taken);
	return taken;
}

void
culvert_bench_trial(struct culvert_bench_trial *trial, struct rte_mempool *pool)
{
	const uint64_t start = rte_rdtsc();
	const double cycles_per_burst = (double)rte_get_tsc_hz() * BURST / (double)trial->packets_per_second;
	uint64_t now;

	trial->offered = 0;
	trial->taken = 0;
	trial->returned = 0;
	for (uint64_t burst = 0; trial->offered < trial->packets; burst++) {
		const uint64_t due = start + (uint64_t)((double)burst * cycles_per_burst);

		do
			trial->returned += collect(trial);
		while (rte_rdtsc() < due);
		trial->taken += offer(trial, pool);
		trial->offered += BURST;
	}
	trial->cycles = rte_rdtsc() - start;
	for (uint64_t silent = now = rte_rdtsc(); now - silent < trial->drain_cycles; now = rte_rdtsc()) {
		const uint64_t count = collect(trial);

		trial->returned += count;
		if (count > 0)
			silent = now;
	}
}
