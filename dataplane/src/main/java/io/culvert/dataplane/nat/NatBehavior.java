// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/** How a rule behaves as a NAT, in the words of RFC 4787. */
public record NatBehavior(Filtering filtering) {
    /** The strictest: a session is two endpoints, and nobody else takes part. */
    public static final NatBehavior STRICT = new NatBehavior(Filtering.ADDRESS_AND_PORT);
}
