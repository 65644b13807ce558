// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import io.culvert.dataplane.wire.Ipv4Address;
import java.util.List;

/**
 * One port's place on its network. Immutable; shared by all workers.
 *
 * @param index of the port in the configuration; the same in counters, queues and adjacencies
 * @param mac as in {@link io.culvert.dataplane.wire.Ethernet}
 * @param mtu longest IP packet that leaves here, bytes
 * @param gateway 0 when there is none
 * @param vlan the VLAN whose tag the link's frames carry, 0 when they carry none
 */
public record Link(int index, String name, long mac, int mtu, List<Subnet> subnets, int gateway,
                   int vlan) {
    public static final int NO_GATEWAY = 0;
    public static final int UNTAGGED = 0;

    /** An own address and the mask of the network it lies in, in network order. */
    public record Subnet(int address, int mask) {
        public boolean contains(final int other) {
            return ((other ^ address) & mask) == 0;
        }

        @Override
        public String toString() {
            return Ipv4Address.format(address) + "/" + Integer.bitCount(mask);
        }
    }

    /** Whether this address can be reached here without a gateway. */
    public boolean isConnected(final int address) {
        for (int i = 0; i < subnets.size(); i++) {
            if (subnets.get(i).contains(address)) {
                return true;
            }
        }
        return false;
    }

    /** The own address to speak from to this neighbour: one of its network, else the first. */
    public int addressTowards(final int neighbor) {
        for (int i = 0; i < subnets.size(); i++) {
            if (subnets.get(i).contains(neighbor)) {
                return subnets.get(i).address();
            }
        }
        return subnets.getFirst().address();
    }
}
