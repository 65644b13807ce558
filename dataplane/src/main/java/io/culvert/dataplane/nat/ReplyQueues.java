// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import java.util.stream.IntStream;

/**
 * On which queue of a link the NIC lays a packet: its hash chooses a place in the redirection table. Immutable.
 *
 * @param reta a queue for each value of the hash's low bits; its length is a power of two
 * @param hashesIpv6 whether IPv6 packets are hashed too
 */
public record ReplyQueues(Toeplitz toeplitz, int[] reta, boolean hashesIpv6) {
    /** Whether both NICs lay every packet of this family on the same queue. */
    boolean spreadsLike(final ReplyQueues other, final boolean ipv6) {
        return (!ipv6 || hashesIpv6 && other.hashesIpv6) && toeplitz.agreesWith(other.toeplitz, ipv6)
                && IntStream.range(0, Math.max(reta.length, other.reta.length))
                        .allMatch(hash -> queueOf(hash) == other.queueOf(hash));
    }

    int queueOf(final int hash) {
        return reta[hash & reta.length - 1];
    }
}
