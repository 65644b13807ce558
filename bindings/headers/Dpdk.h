/* SPDX-License-Identifier: Apache-2.0 */
/* What jextract reads for io.culvert.bindings.ffi.Dpdk; which of it becomes Java is listed in symbols/Dpdk. */
#include <rte_config.h>
#include <rte_eal.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_version.h>

#include "culvert_dpdk.h"
