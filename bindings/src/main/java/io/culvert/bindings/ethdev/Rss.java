// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

/**
 * How a started port spreads packets over its queues, as the driver says it.
 *
 * @param key of the Toeplitz hash
 * @param reta the redirection table: a queue for each value of the hash's low bits
 * @param offloads {@code RTE_ETH_RSS_*} that it hashes on
 */
public record Rss(byte[] key, int[] reta, long offloads) {
    private static final long IPV4_UDP = 1L << 5;
    private static final long IPV6_UDP = 1L << 11;

    public boolean hashesIpv4Udp() {
        return (offloads & IPV4_UDP) != 0;
    }

    public boolean hashesIpv6Udp() {
        return (offloads & IPV6_UDP) != 0;
    }
}
