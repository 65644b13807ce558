// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

/**
 * What a port says of itself.
 *
 * @param mac the six bytes, first byte lowest: {@code 02:00:00:00:00:01} is {@code 0x010000000002}
 * @param numaSocket -1 when unknown
 * @param linkMbps -1 when unknown
 * @param retaSize entries of the RSS redirection table, 0 where there is no RSS
 */
public record PortInfo(String driver, long mac, boolean linkUp, int linkMbps, int numaSocket, int maxRxQueues,
                       int maxTxQueues, int retaSize, int maxMtu, long rssOffloads) { }
