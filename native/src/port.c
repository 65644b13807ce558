/* SPDX-License-Identifier: Apache-2.0 */
/* Port set-up. The structs filled here change from release to release, so they never cross into Java. */
#include <string.h>

#include <rte_ethdev.h>

#include "culvert_dpdk.h"
#include "failure.h"

static const uint64_t RSS_WANTED = RTE_ETH_RSS_NONFRAG_IPV4_UDP | RTE_ETH_RSS_NONFRAG_IPV6_UDP;

int32_t
culvert_port_info(uint16_t port, struct culvert_port_info *info)
{
	struct rte_eth_dev_info device;
	struct rte_ether_addr mac;
	struct rte_eth_link link;
	int ret;

	ret = rte_eth_dev_info_get(port, &device);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_info_get", ret);
	ret = rte_eth_macaddr_get(port, &mac);
	if (ret != 0)
		return culvert_fail("rte_eth_macaddr_get", ret);
	memset(&link, 0, sizeof(link));
	if (rte_eth_link_get_nowait(port, &link) != 0) /* not every virtual device reports a link */
		link.link_speed = RTE_ETH_SPEED_NUM_UNKNOWN;

	memset(info, 0, sizeof(*info));
	strncpy(info->driver, device.driver_name, sizeof(info->driver) - 1);
	memcpy(info->mac, mac.addr_bytes, sizeof(info->mac));
	info->link_up = link.link_status == RTE_ETH_LINK_UP;
	info->link_mbps = link.link_speed;
	info->numa_socket = rte_eth_dev_socket_id(port);
	info->max_rx_queues = device.max_rx_queues;
	info->max_tx_queues = device.max_tx_queues;
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

int32_t
culvert_port_start(uint16_t port, const struct culvert_port_conf *conf, struct rte_mempool *pool)
{
	struct rte_eth_dev_info device;
	struct rte_eth_conf eth;
	int ret;

	ret = rte_eth_dev_info_get(port, &device);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_info_get", ret);

	memset(&eth, 0, sizeof(eth));
	if (conf->mtu != 0)
		eth.rxmode.mtu = conf->mtu;
	if (conf->rx_queues > 1 && (device.flow_type_rss_offloads & RSS_WANTED) != 0) {
		eth.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		eth.rx_adv_conf.rss_conf.rss_hf = device.flow_type_rss_offloads & RSS_WANTED;
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
	ret = rte_eth_dev_start(port);
	if (ret != 0)
		return culvert_fail("rte_eth_dev_start", ret);
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
