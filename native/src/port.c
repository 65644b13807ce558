/* SPDX-License-Identifier: Apache-2.0 */
/* Port set-up. The structs filled here change from release to release, so they never cross into Java. */
#include <string.h>

#include <rte_ethdev.h>

#include "culvert_dpdk.h"
#include "failure.h"

static const uint64_t RSS_WANTED = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

/* What drivers that do not say take. */
#define USUAL_RSS_KEY_LENGTH 40

static uint8_t
hash_key_length(const struct rte_eth_dev_info *device)
{
	if (device->flow_type_rss_offloads == 0)
		return 0;
	return device->hash_key_size != 0 ? device->hash_key_size : USUAL_RSS_KEY_LENGTH;
}

/* Ports whose device is to leave the host. Set by DPDK's interrupt thread, read by whoever asks. */
static _Atomic uint8_t removal_wanted[RTE_MAX_ETHPORTS];

/* Of vfio: the kernel waits for this process to let the device go. */
static void
on_device_event(const char *device, enum rte_dev_event_type event, void *port)
{
	(void)device;
	if (event == RTE_DEV_EVENT_REMOVE)
		removal_wanted[(uintptr_t)port] = 1;
}

/*
 * Once for each device: DPDK refuses a second, same registration in its log. Not of the port's own events: what those
 * registrations take of DPDK's heap is not given back when the port is closed.
 */
static void
watch_for_removal(uint16_t port, const struct rte_device *device)
{
	static char watched[RTE_MAX_ETHPORTS][RTE_DEV_NAME_MAX_LEN];

	removal_wanted[port] = 0;
	if (strncmp(watched[port], rte_dev_name(device), RTE_DEV_NAME_MAX_LEN - 1) == 0)
		return;
	strncpy(watched[port], rte_dev_name(device), RTE_DEV_NAME_MAX_LEN - 1);
	rte_dev_event_callback_register(rte_dev_name(device), on_device_event, (void *)(uintptr_t)port);
}

int32_t
culvert_port_info(uint16_t port, struct culvert_port_info *info)
{
	struct rte_eth_dev_info device;
	struct rte_ether_addr mac;
	struct rte_eth_link link;
	int ret;

	/* Some drivers notice by themselves that their device has left. */
	if (port < RTE_MAX_ETHPORTS && (removal_wanted[port] || rte_eth_dev_is_removed(port)))
		return culvert_fail("RTE_DEV_EVENT_REMOVE", -ENODEV);
	ret = rte_eth_dev_info_get(port, &device);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_info_get", ret);
	ret = rte_eth_macaddr_get(port, &mac);
	if (ret != 0)
		return culvert_fail("rte_eth_macaddr_get", ret);
	memset(&link, 0, sizeof(link));
	if (rte_eth_link_get_nowait(port, &link) != 0) { /* not every virtual device reports a link: then it has one */
		link.link_speed = RTE_ETH_SPEED_NUM_UNKNOWN;
		link.link_status = RTE_ETH_LINK_UP;
	}

	memset(info, 0, sizeof(*info));
	strncpy(info->driver, device.driver_name, sizeof(info->driver) - 1);
	memcpy(info->mac, mac.addr_bytes, sizeof(info->mac));
	info->link_up = link.link_status == RTE_ETH_LINK_UP;
	info->link_mbps = link.link_speed;
	info->numa_socket = rte_eth_dev_socket_id(port);
	info->max_rx_queues = device.max_rx_queues;
	info->max_tx_queues = device.max_tx_queues;
	info->hash_key_length = hash_key_length(&device);
	info->reta_size = device.reta_size;
	info->max_mtu = device.max_mtu;
	info->rss_offloads = device.flow_type_rss_offloads;
	return 0;
}

static int32_t
set_up_queues(uint16_t port, const struct culvert_port_conf *conf, struct rte_mempool *pool)
{
	uint16_t rx_descriptors = conf->rx_descriptors;
	uint16_t tx_descriptors = conf->tx_descriptors;
	int socket = rte_eth_dev_socket_id(port);
	int ret;

	ret = rte_eth_dev_adjust_nb_rx_tx_desc(port, &rx_descriptors, &tx_descriptors);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_adjust_nb_rx_tx_desc", ret);
	for (uint16_t queue = 0; queue < conf->rx_queues; queue++) {
		ret = rte_eth_rx_queue_setup(port, queue, rx_descriptors, socket, NULL, pool);
		if (ret != 0)
			return culvert_fail("rte_eth_rx_queue_setup", ret);
	}
	for (uint16_t queue = 0; queue < conf->tx_queues; queue++) {
		ret = rte_eth_tx_queue_setup(port, queue, tx_descriptors, socket, NULL);
		if (ret != 0)
			return culvert_fail("rte_eth_tx_queue_setup", ret);
	}
	return 0;
}

/* Queues in turn. A driver that keeps its own table is read, not told. */
static void
fill_reta(uint16_t port, uint16_t size, uint16_t queues)
{
	struct rte_eth_rss_reta_entry64 reta[CULVERT_RETA_LIMIT / RTE_ETH_RETA_GROUP_SIZE];

	if (size == 0 || size > CULVERT_RETA_LIMIT)
		return;
	memset(reta, 0, sizeof(reta));
	for (uint16_t i = 0; i < size; i++) {
		reta[i / RTE_ETH_RETA_GROUP_SIZE].mask |= UINT64_C(1) << i % RTE_ETH_RETA_GROUP_SIZE;
		reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % queues;
	}
	rte_eth_dev_rss_reta_update(port, reta, size);
}

int32_t
culvert_port_rss(uint16_t port, struct culvert_port_rss *rss)
{
	struct rte_eth_rss_reta_entry64 reta[CULVERT_RETA_LIMIT / RTE_ETH_RETA_GROUP_SIZE];
	struct rte_eth_rss_conf conf;
	struct rte_eth_dev_info device;
	int ret;

	memset(rss, 0, sizeof(*rss));
	memset(&conf, 0, sizeof(conf));
	memset(reta, 0, sizeof(reta));
	ret = rte_eth_dev_info_get(port, &device);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_info_get", ret);
	if (device.reta_size == 0 || device.reta_size > CULVERT_RETA_LIMIT || hash_key_length(&device) == 0
		|| hash_key_length(&device) > CULVERT_RSS_KEY_LIMIT)
		return 0;
	conf.rss_key = rss->key;
	conf.rss_key_len = hash_key_length(&device);
	for (uint16_t group = 0; group * RTE_ETH_RETA_GROUP_SIZE < device.reta_size; group++)
		reta[group].mask = UINT64_MAX;
	if (rte_eth_dev_rss_hash_conf_get(port, &conf) != 0
		|| rte_eth_dev_rss_reta_query(port, reta, device.reta_size) != 0)
		return 0;
	rss->reta_size = device.reta_size;
	rss->key_length = hash_key_length(&device);
	for (uint16_t i = 0; i < device.reta_size; i++)
		rss->reta[i] = reta[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	rss->offloads = conf.rss_hf & RSS_WANTED;
	return 0;
}

int32_t
culvert_port_start(uint16_t port, const struct culvert_port_conf *conf, struct rte_mempool *pool)
{
	struct rte_eth_dev_info device;
	struct rte_eth_conf eth;
	uint8_t rss_key[CULVERT_RSS_KEY_LIMIT];
	int ret;

	ret = rte_eth_dev_info_get(port, &device);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_info_get", ret);

	memset(&eth, 0, sizeof(eth));
	memcpy(rss_key, conf->rss_key, sizeof(rss_key));
	if (conf->mtu != 0)
		eth.rxmode.mtu = conf->mtu;
	if (conf->rx_queues > 1 && (device.flow_type_rss_offloads & RSS_WANTED) != 0) {
		eth.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		eth.rx_adv_conf.rss_conf.rss_hf = device.flow_type_rss_offloads & RSS_WANTED;
		if (hash_key_length(&device) <= conf->rss_key_length) {
			eth.rx_adv_conf.rss_conf.rss_key = rss_key;
			eth.rx_adv_conf.rss_conf.rss_key_len = hash_key_length(&device);
		}
	}
	/* A jumbo frame spans several mbufs where the driver can scatter; where it cannot, the driver refuses the MTU. */
	eth.rxmode.offloads = device.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	eth.txmode.offloads = device.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

	ret = rte_eth_dev_configure(port, conf->rx_queues, conf->tx_queues, &eth);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_configure", ret);
	if (conf->mtu != 0) {
		ret = rte_eth_dev_set_mtu(port, conf->mtu);
		if (ret != 0 && ret != -ENOTSUP) /* ENOTSUP: the device keeps the MTU it has */
			return culvert_fail("rte_eth_dev_set_mtu", ret);
	}
	ret = set_up_queues(port, conf, pool);
	if (ret != 0)
		return ret;
	watch_for_removal(port, device.device);
	ret = rte_eth_dev_start(port);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_start", ret);
	if (eth.rxmode.mq_mode == RTE_ETH_MQ_RX_RSS) {
		/* Not every driver takes the key when it is configured; culvert_port_rss tells whether it did at all. */
		if (eth.rx_adv_conf.rss_conf.rss_key != NULL)
			rte_eth_dev_rss_hash_update(port, &eth.rx_adv_conf.rss_conf);
		fill_reta(port, device.reta_size, conf->rx_queues);
	}
	if (conf->promiscuous) {
		ret = rte_eth_promiscuous_enable(port);
		if (ret != 0 && ret != -ENOTSUP) /* ENOTSUP: the device has no filter to lift */
			return culvert_fail("rte_eth_promiscuous_enable", ret);
	}
	return 0;
}

int32_t
culvert_port_stats(uint16_t port, struct culvert_port_stats *stats)
{
	struct rte_eth_stats eth;
	int ret = rte_eth_stats_get(port, &eth);

	if (ret != 0)
		return culvert_fail("rte_eth_stats_get", ret);
	stats->rx_packets = eth.ipackets;
	stats->tx_packets = eth.opackets;
	stats->rx_bytes = eth.ibytes;
	stats->tx_bytes = eth.obytes;
	stats->rx_missed = eth.imissed;
	stats->rx_errors = eth.ierrors;
	stats->tx_errors = eth.oerrors;
	stats->rx_nombuf = eth.rx_nombuf;
	return 0;
}
