// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/**
 * How a rule behaves as a NAT, in the words of RFC 4787.
 *
 * @param portPairs whether a client's even port and the odd one behind it get external ports that are neighbours too,
 *     for RTP and RTCP; with endpoint-independent mapping only
 */
public record NatBehavior(Mapping mapping, Filtering filtering, boolean portPairs) {
    /** The strictest: a session is two endpoints, and nobody else takes part. */
    public static final NatBehavior STRICT =
            new NatBehavior(Mapping.ADDRESS_AND_PORT, Filtering.ADDRESS_AND_PORT, false);

    boolean sharesEndpoints() {
        return mapping == Mapping.ENDPOINT_INDEPENDENT;
    }
}
