/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a relay under test (LD_PRELOAD), it stands in front of DPDK functions that drivers let fail in the
 * middle of a reset. Each fails while the directory $CULVERT_FAULTS has a file of its name, and does its work otherwise.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_ethdev.h>

static int
is_to_fail(const char *function)
{
	const char *directory = getenv("CULVERT_FAULTS");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory != NULL ? directory : "", function);
	return directory != NULL && access(path, F_OK) == 0;
}

/* What DPDK does: its library is loaded behind this one. */
#define BEHIND(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

int
rte_eth_stats_get(uint16_t port, struct rte_eth_stats *stats)
{
	return is_to_fail(__func__) ? -EIO : BEHIND(rte_eth_stats_get)(port, stats);
}

int
rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	return is_to_fail(__func__) ? -ENODEV : BEHIND(rte_eth_dev_info_get)(port, info);
}

int
rte_eth_link_get_nowait(uint16_t port, struct rte_eth_link *link)
{
	return is_to_fail(__func__) ? -EIO : BEHIND(rte_eth_link_get_nowait)(port, link);
}

int
rte_eth_dev_start(uint16_t port)
{
	return is_to_fail(__func__) ? -ENOSPC : BEHIND(rte_eth_dev_start)(port);
}
