// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

/** Asks for next hops on behalf of {@link Neighbors}: ARP requests, and neighbor solicitations for IPv6. */
public interface Solicitor {
    /**
     * @param high and {@code low} halves of the next hop; IPv4 as ::ffff:a.b.c.d
     * @param mac whom to ask; 0 asks everybody
     */
    void solicit(Link link, long high, long low, long mac);
}
