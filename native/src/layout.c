/* SPDX-License-Identifier: Apache-2.0 */
/* What Java must know to trust its own offsets and to report an error well. */
#include <stddef.h>

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#include "culvert_dpdk.h"
#include "failure.h"

#define STRUCT(s) { #s, 0, sizeof(struct s) }
#define FIELD(s, f) { #s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f) }

static const struct culvert_field fields[] = {
	STRUCT(rte_mbuf),
	FIELD(rte_mbuf, buf_addr),
	FIELD(rte_mbuf, data_off),
	FIELD(rte_mbuf, refcnt),
	FIELD(rte_mbuf, nb_segs),
	FIELD(rte_mbuf, port),
	FIELD(rte_mbuf, ol_flags),
	FIELD(rte_mbuf, packet_type),
	FIELD(rte_mbuf, pkt_len),
	FIELD(rte_mbuf, data_len),
	FIELD(rte_mbuf, vlan_tci),
	FIELD(rte_mbuf, buf_len),
	FIELD(rte_mbuf, pool),
	FIELD(rte_mbuf, next),
	STRUCT(culvert_port_info),
	FIELD(culvert_port_info, mac),
	FIELD(culvert_port_info, numa_socket),
	FIELD(culvert_port_info, rss_offloads),
	STRUCT(culvert_port_conf),
	FIELD(culvert_port_conf, mtu),
	FIELD(culvert_port_conf, promiscuous),
	STRUCT(culvert_port_stats),
	FIELD(culvert_port_stats, rx_nombuf),
};

static _Thread_local const char *failed_call = "";

int32_t
culvert_fail(const char *call, int32_t code)
{
	failed_call = call;
	return code;
}

const char *
culvert_failed_call(void)
{
	return failed_call;
}

int32_t
culvert_errno(void)
{
	return rte_errno;
}

const struct culvert_field *
culvert_layout(uint32_t *count)
{
	*count = RTE_DIM(fields);
	return fields;
}

const char *
culvert_built_on(void)
{
	return RTE_VER_PREFIX " " RTE_STR(RTE_VER_YEAR) "." RTE_STR(RTE_VER_MONTH) "." RTE_STR(RTE_VER_MINOR);
}
