/* SPDX-License-Identifier: Apache-2.0 */
/* The static inlines of the fast path, one to one. Nothing here blocks but the driver itself. */
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "culvert_dpdk.h"

uint16_t
culvert_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return rte_eth_rx_burst(port, queue, mbufs, count);
}

uint16_t
culvert_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	return rte_eth_tx_burst(port, queue, mbufs, count);
}

int32_t
culvert_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, uint32_t count)
{
	return rte_pktmbuf_alloc_bulk(pool, mbufs, count);
}

void
culvert_free_bulk(struct rte_mbuf **mbufs, uint32_t count)
{
	rte_pktmbuf_free_bulk(mbufs, count);
}

void
culvert_prefetch(uint64_t first, uint32_t stride, uint32_t count)
{
	for (uint64_t at = first, end = first + (uint64_t)stride * count; at != end; at += stride)
		rte_prefetch0(*(const void *const *)(uintptr_t)at);
}

uint64_t
culvert_tsc(void)
{
	return rte_rdtsc();
}

uint64_t
culvert_tsc_hz(void)
{
	return rte_get_tsc_hz();
}
