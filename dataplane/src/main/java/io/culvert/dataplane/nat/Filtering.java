// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

/** From whom a packet to a session's external endpoint is let in to the client (RFC 4787 section 5). */
public enum Filtering {
    /** The session's remote only: address and port of the target. */
    ADDRESS_AND_PORT,
    /** Any port of the target's address. */
    ADDRESS,
    /** Anybody. */
    ENDPOINT_INDEPENDENT;

    /** @param source and {@code target}: addresses in network order */
    boolean admits(final int source, final int target) {
        return this == ENDPOINT_INDEPENDENT || this == ADDRESS && source == target;
    }
}
