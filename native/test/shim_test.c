/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls every function of the shim on real DPDK devices, under AddressSanitizer: `make check`. A wrong answer ends the
 * program with the line that found it, a wrong access with the sanitizer's report.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "culvert_dpdk.h"

enum { BUFFERS = 1023, BURST = 32, FRAME = 60 };

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

static uint16_t
open_port(const char *name, const char *arguments)
{
	uint16_t port;

	CHECK(rte_eal_hotplug_add("vdev", name, arguments) == 0);
	CHECK(rte_eth_dev_get_port_by_name(name, &port) == 0);
	return port;
}

static void
close_port(uint16_t port, const char *name)
{
	CHECK(rte_eth_dev_stop(port) == 0);
	CHECK(rte_eth_dev_close(port) == 0);
	CHECK(rte_eal_hotplug_remove("vdev", name) == 0);
}

static void
layouts_are_those_of_this_compilation(void)
{
	uint32_t count = 0;
	const struct culvert_field *fields = culvert_layout(&count);

	CHECK(count > 10);
	CHECK(strcmp(fields[0].name, "rte_mbuf") == 0 && fields[0].size == sizeof(struct rte_mbuf));
	for (uint32_t i = 0; i < count; i++)
		CHECK(fields[i].name[0] != '\0' && fields[i].size > 0);
	CHECK(strcmp(culvert_built_on(), rte_version()) == 0);
}

static void
the_counter_goes_forward(void)
{
	uint64_t first = culvert_tsc();

	CHECK(culvert_tsc() > first);
	CHECK(culvert_tsc_hz() > 0);
}

static void
prefetch_takes_any_address(void)
{
	uint64_t addresses[] = { 0, 1, UINT64_MAX, (uintptr_t)addresses };

	culvert_prefetch((uintptr_t)addresses, sizeof(*addresses), RTE_DIM(addresses));
	culvert_prefetch((uintptr_t)addresses, 2 * sizeof(*addresses), RTE_DIM(addresses) / 2);
	culvert_prefetch(0, 8, 0);
}

static void
buffers_go_out_and_come_back(struct rte_mempool *pool)
{
	struct rte_mbuf *mbufs[BUFFERS + 1];

	CHECK(culvert_alloc_bulk(pool, mbufs, BUFFERS + 1) < 0);
	CHECK(rte_mempool_avail_count(pool) == BUFFERS);
	CHECK(culvert_alloc_bulk(pool, mbufs, BUFFERS) == 0);
	CHECK(rte_mempool_avail_count(pool) == 0);
	/* A chain of all of them is freed by its first. */
	for (int i = BUFFERS - 1; i > BUFFERS - 10; i--)
		CHECK(rte_pktmbuf_chain(mbufs[i - 1], mbufs[i]) == 0);
	culvert_free_bulk(mbufs, BUFFERS - 9);
	CHECK(rte_mempool_avail_count(pool) == BUFFERS);
	culvert_free_bulk(mbufs, 0);
}

static void
a_ring_carries_a_burst(struct rte_mempool *pool)
{
	const struct culvert_port_conf conf = { .rx_queues = 2, .tx_queues = 2, .rx_descriptors = 512,
		.tx_descriptors = 512, .promiscuous = 1 };
	struct culvert_port_info info;
	struct culvert_port_stats stats;
	struct rte_mbuf *mbufs[BURST];
	uint16_t port = open_port("net_ring_shim", "");

	CHECK(culvert_port_info(port, &info) == 0);
	CHECK(strcmp(info.driver, "net_ring") == 0);
	CHECK(info.max_rx_queues >= 2 && info.max_tx_queues >= 2);
	CHECK(culvert_port_start(port, &conf, pool) == 0);
	CHECK(culvert_alloc_bulk(pool, mbufs, BURST) == 0);
	for (int i = 0; i < BURST; i++)
		CHECK(rte_pktmbuf_append(mbufs[i], FRAME) != NULL);
	CHECK(culvert_tx_burst(port, 1, mbufs, BURST) == BURST);
	CHECK(culvert_rx_burst(port, 0, mbufs, BURST) == 0);
	CHECK(culvert_rx_burst(port, 1, mbufs, BURST) == BURST);
	culvert_free_bulk(mbufs, BURST);
	CHECK(culvert_port_stats(port, &stats) == 0);
	CHECK(stats.tx_packets == BURST && stats.rx_packets == BURST && stats.rx_nombuf == 0);
	close_port(port, "net_ring_shim");
}

static void
a_null_port_fills_its_buffers(struct rte_mempool *pool)
{
	const struct culvert_port_conf conf = { .rx_queues = 1, .tx_queues = 1, .rx_descriptors = 64,
		.tx_descriptors = 64, .mtu = 1400, .promiscuous = 1 };
	struct rte_mbuf *mbufs[BURST];
	uint16_t port = open_port("net_null_shim", "size=1024,copy=1");
	uint16_t received;

	CHECK(culvert_port_start(port, &conf, pool) == 0);
	received = culvert_rx_burst(port, 0, mbufs, BURST);
	CHECK(received == BURST && mbufs[0]->pkt_len == 1024);
	CHECK(culvert_tx_burst(port, 0, mbufs, received) == received);
	close_port(port, "net_null_shim");
}

/* net_null spreads nothing, but keeps what it is told. */
static void
a_port_says_how_it_spreads(struct rte_mempool *pool)
{
	struct culvert_port_conf conf = { .rx_queues = 3, .tx_queues = 3, .rx_descriptors = 64, .tx_descriptors = 64,
		.rss_key_length = CULVERT_RSS_KEY_LIMIT };
	struct culvert_port_info info;
	static struct culvert_port_rss rss;
	uint16_t port = open_port("net_null_rss", "");

	for (int i = 0; i < CULVERT_RSS_KEY_LIMIT; i++)
		conf.rss_key[i] = (uint8_t)(7 * i + 1);
	CHECK(culvert_port_info(port, &info) == 0 && info.hash_key_length == 40 && info.reta_size == 128);
	CHECK(culvert_port_start(port, &conf, pool) == 0);
	CHECK(culvert_port_rss(port, &rss) == 0);
	CHECK(rss.key_length == 40 && memcmp(rss.key, conf.rss_key, 40) == 0 && rss.reta_size == 128);
	for (int i = 0; i < rss.reta_size; i++)
		CHECK(rss.reta[i] == i % 3);
	close_port(port, "net_null_rss");

	port = open_port("net_ring_rss", "");
	CHECK(culvert_port_start(port, &conf, pool) == 0);
	CHECK(culvert_port_rss(port, &rss) == 0);
	CHECK(rss.offloads == 0 && rss.reta_size == 0 && rss.key_length == 0);
	close_port(port, "net_ring_rss");
}

static void
failures_name_their_function(struct rte_mempool *pool)
{
	const struct culvert_port_conf too_many = { .rx_queues = UINT16_MAX, .tx_queues = 1, .rx_descriptors = 64,
		.tx_descriptors = 64 };
	struct culvert_port_info info;
	struct culvert_port_stats stats;
	uint16_t nowhere = RTE_MAX_ETHPORTS - 1;
	uint16_t port = open_port("net_ring_fail", "");

	CHECK(culvert_port_info(nowhere, &info) == -ENODEV);
	CHECK(strcmp(culvert_failed_call(), "rte_eth_dev_info_get") == 0);
	CHECK(culvert_port_start(nowhere, &too_many, pool) == -ENODEV);
	CHECK(culvert_port_start(port, &too_many, pool) == -EINVAL);
	CHECK(strcmp(culvert_failed_call(), "rte_eth_dev_configure") == 0);
	CHECK(culvert_port_stats(nowhere, &stats) == -ENODEV);
	CHECK(strcmp(culvert_failed_call(), "rte_eth_stats_get") == 0);
	rte_errno = E2BIG;
	CHECK(culvert_errno() == E2BIG);
	close_port(port, "net_ring_fail");
}

int
main(void)
{
	char *arguments[] = { "shim_test", "--no-huge", "--no-shconf", "-m", "64", "--no-pci", "--no-telemetry",
		"--log-level", "critical", NULL };
	struct rte_mempool *pool;

	CHECK(strcmp(culvert_failed_call(), "") == 0);
	CHECK(rte_eal_init(RTE_DIM(arguments) - 1, arguments) > 0);
	pool = rte_pktmbuf_pool_create("shim", BUFFERS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	CHECK(pool != NULL);

	layouts_are_those_of_this_compilation();
	the_counter_goes_forward();
	prefetch_takes_any_address();
	buffers_go_out_and_come_back(pool);
	a_ring_carries_a_burst(pool);
	a_null_port_fills_its_buffers(pool);
	a_port_says_how_it_spreads(pool);
	failures_name_their_function(pool);

	CHECK(rte_mempool_avail_count(pool) == BUFFERS);
	rte_mempool_free(pool);
	CHECK(rte_eal_cleanup() == 0);
	return 0;
}
