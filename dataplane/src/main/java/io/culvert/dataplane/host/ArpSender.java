// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

/** Sends ARP requests on behalf of {@link Neighbors}. */
public interface ArpSender {
    /** @param mac whom to ask; 0 asks everybody */
    void request(Link link, int address, long mac);
}
