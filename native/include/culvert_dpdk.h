/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole ABI between Java and DPDK that is not an exported DPDK function: one wrapper per static inline of the
 * fast path, port set-up behind structs of our own, and a description of the layouts that Java reads in place.
 * Fixed-width types only. No policy and no NAT: those live in Java.
 *
 * Functions that can fail return 0 or a negative errno; culvert_failed_call() then names the DPDK function that
 * refused, on the calling thread.
 */
#ifndef CULVERT_DPDK_H
#define CULVERT_DPDK_H

#include <stdint.h>

struct rte_mbuf;
struct rte_mempool;

/* ---- the fast path: src/burst.c ------------------------------------------------------------------------------ */

/* rte_eth_rx_burst. Returns how many mbufs were received into `mbufs`. */
uint16_t culvert_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);

/* rte_eth_tx_burst. Returns how many of `mbufs` the driver took; the rest still belongs to the caller. */
uint16_t culvert_tx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);

/* rte_pktmbuf_alloc_bulk. Returns 0, or a negative errno (which, is up to the mempool) and allocates nothing. */
int32_t culvert_alloc_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, uint32_t count);

/* rte_pktmbuf_free_bulk: chained segments included. */
void culvert_free_bulk(struct rte_mbuf **mbufs, uint32_t count);

/* rte_prefetch0 of count addresses that lie stride bytes apart from first on; they need not be mapped. */
void culvert_prefetch(uint64_t first, uint32_t stride, uint32_t count);

/* rte_rdtsc and rte_get_tsc_hz. */
uint64_t culvert_tsc(void);
uint64_t culvert_tsc_hz(void);

/* ---- ports, independent of the release's rte_eth_conf and rte_eth_dev_info: src/port.c ------------------------- */

#define CULVERT_RSS_KEY_LIMIT 64
#define CULVERT_RETA_LIMIT 2048

struct culvert_port_info {
	char driver[32];          /* DPDK's driver name, e.g. net_ice */
	uint8_t mac[6];
	uint8_t link_up;
	uint8_t hash_key_length;  /* bytes of the RSS key, 0: the driver takes none */
	int32_t numa_socket;      /* -1: unknown */
	uint32_t link_mbps;       /* 0xFFFFFFFF: unknown */
	uint16_t max_rx_queues;
	uint16_t max_tx_queues;
	uint16_t reta_size;       /* entries of the RSS redirection table, 0: no RSS */
	uint16_t max_mtu;
	uint64_t rss_offloads;    /* RTE_ETH_RSS_* that the driver can hash on */
};

struct culvert_port_conf {
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint16_t rx_descriptors;  /* wishes: the driver's limits win */
	uint16_t tx_descriptors;
	uint16_t mtu;             /* 0: leave the driver's */
	uint8_t promiscuous;
	uint8_t rss_key_length;   /* 0: the driver's own key */
	uint8_t rss_key[CULVERT_RSS_KEY_LIMIT]; /* the driver takes as much of it as it needs */
};

/* How a started port spreads packets over its queues. */
struct culvert_port_rss {
	uint64_t offloads;        /* RTE_ETH_RSS_* that it hashes on; 0: it does not spread */
	uint16_t reta_size;       /* a power of two */
	uint8_t key_length;
	uint8_t reserved;
	uint8_t key[CULVERT_RSS_KEY_LIMIT];
	uint16_t reta[CULVERT_RETA_LIMIT]; /* queue by the low bits of the hash */
};

struct culvert_port_stats {
	uint64_t rx_packets;
	uint64_t tx_packets;
	uint64_t rx_bytes;
	uint64_t tx_bytes;
	uint64_t rx_missed;       /* imissed: the device had no descriptor left */
	uint64_t rx_errors;
	uint64_t tx_errors;
	uint64_t rx_nombuf;       /* the mempool was empty */
};

/* -ENODEV from when the host asked for a started port's device to be removed. */
int32_t culvert_port_info(uint16_t port, struct culvert_port_info *info);

/* Configures, sets up every queue with mbufs of `pool`, and starts the port. RSS over addresses and UDP ports where
 * the driver has it and there is more than one queue: with the key given, and queues in turn in the redirection table. */
int32_t culvert_port_start(uint16_t port, const struct culvert_port_conf *conf, struct rte_mempool *pool);

/* Reads back from the driver what culvert_port_start set. A driver that cannot say does not spread as we need it. */
int32_t culvert_port_rss(uint16_t port, struct culvert_port_rss *rss);

int32_t culvert_port_stats(uint16_t port, struct culvert_port_stats *stats);

/* ---- errors and self-description: src/layout.c ----------------------------------------------------------------- */

/* rte_errno of the calling thread. */
int32_t culvert_errno(void);

/* The DPDK function that failed last on the calling thread, or "". */
const char *culvert_failed_call(void);

struct culvert_field {
	const char *name;         /* "rte_mbuf.buf_addr"; "rte_mbuf" alone is the struct itself */
	uint32_t offset;
	uint32_t size;
};

/* The layouts that Java reads in place, as this library was compiled. Writes the count and returns the table. */
const struct culvert_field *culvert_layout(uint32_t *count);

/* The DPDK release of the headers this library was compiled on, e.g. "DPDK 22.11.11". */
const char *culvert_built_on(void);

#endif
