/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preloaded into a relay under test (LD_PRELOAD), it stands in front of DPDK functions that drivers let fail in the
 * middle of a reset. Each fails while the directory $CULVERT_FAULTS has a file of its name, for the device that the file
 * names or, when it is empty, for all of them; otherwise it does its work.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ethdev.h>

static int
is_to_fail(const char *function, uint16_t port)
{
	const char *directory = getenv("CULVERT_FAULTS");
	char device[RTE_ETH_NAME_MAX_LEN], wanted[RTE_ETH_NAME_MAX_LEN] = "", path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory != NULL ? directory : "", function);
	file = directory != NULL ? fopen(path, "r") : NULL;
	if (file == NULL)
		return 0;
	if (fgets(wanted, sizeof(wanted), file) == NULL)
		wanted[0] = '\0';
	fclose(file);
	return wanted[0] == '\0'
		|| (rte_eth_dev_get_name_by_port(port, device) == 0 && strcmp(device, wanted) == 0);
}

/* What DPDK does: its library is loaded behind this one. */
#define BEHIND(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

int
rte_eth_stats_get(uint16_t port, struct rte_eth_stats *stats)
{
	return is_to_fail(__func__, port) ? -EIO : BEHIND(rte_eth_stats_get)(port, stats);
}

int
rte_eth_dev_info_get(uint16_t port, struct rte_eth_dev_info *info)
{
	return is_to_fail(__func__, port) ? -ENODEV : BEHIND(rte_eth_dev_info_get)(port, info);
}

int
rte_eth_link_get_nowait(uint16_t port, struct rte_eth_link *link)
{
	return is_to_fail(__func__, port) ? -EIO : BEHIND(rte_eth_link_get_nowait)(port, link);
}

int
rte_eth_dev_start(uint16_t port)
{
	return is_to_fail(__func__, port) ? -ENOSPC : BEHIND(rte_eth_dev_start)(port);
}
