// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/**
 * On which queue of a link the NIC lays a packet: its hash chooses a place in the redirection table. Immutable.
 *
 * @param reta a queue for each value of the hash's low bits; its length is a power of two
 * @param hashesIpv6 whether IPv6 packets are hashed too
 */
public record ReplyQueues(Toeplitz toeplitz, int[] reta, boolean hashesIpv6) {
    int queueOf(final int hash) {
        return reta[hash & reta.length - 1];
    }
}
