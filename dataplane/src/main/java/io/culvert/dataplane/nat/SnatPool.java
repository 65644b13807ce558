// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.nat;

import io.culvert.dataplane.wire.Ipv4Address;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * The external addresses and ports that a worker lends to sessions. A client keeps its external address while it can
 * (paired pooling, RFC 4787 REQ-2): its own address chooses the first to try. A lease is the index of the address and
 * the port in one int.
 */
public final class SnatPool {
    public static final int EXHAUSTED = -1;

    /**
     * A pool as configured.
     *
     * @param addresses in network order
     */
    public record Spec(int index, List<Integer> addresses, int low, int high) {
        /** The label of metrics. */
        public String name() {
            return Ipv4Address.format(addresses.getFirst()) + ":" + low + "-" + high;
        }

        /** Which worker lends this port: each has its own slice, so that none asks another. */
        public int owner(final int port, final int workers) {
            return (int) ((port - low) * (long) workers / (high - low + 1));
        }

        public boolean covers(final int address, final int port) {
            return port >= low && port <= high && addresses.contains(address);
        }
    }

    private final int[] addresses;
    private final PortPool[] ports;

    public SnatPool(final Spec spec, final RuleTable rules, final int worker, final int workers,
                    final RandomGenerator random) {
        addresses = spec.addresses().stream().mapToInt(Integer::intValue).toArray();
        ports = new PortPool[addresses.length];
        for (int i = 0; i < addresses.length; i++) {
            final int address = addresses[i];
            ports[i] = new PortPool(spec.low(), spec.high(),
                    port -> spec.owner(port, workers) != worker || rules.listens(address, port), random);
        }
    }

    /** @return a lease, or EXHAUSTED */
    public int lend(final int client, final int preferredPort, final int nowMs) {
        // From the high bits of the product: the low ones know nothing of the host's own byte, which lies highest.
        final int first = (int) ((client * 0x9E3779B9 & 0xFFFF_FFFFL) * addresses.length >>> Integer.SIZE);
        for (int i = 0; i < addresses.length; i++) {
            final int external = (first + i) % addresses.length;
            final int port = ports[external].lend(preferredPort, nowMs);
            if (port != PortPool.EXHAUSTED) {
                return external << Short.SIZE | port;
            }
        }
        return EXHAUSTED;
    }

    public void giveBack(final int lease, final int nowMs) {
        ports[external(lease)].giveBack(port(lease), nowMs);
    }

    public int address(final int external) {
        return addresses[external];
    }

    public static int external(final int lease) {
        return lease >>> Short.SIZE;
    }

    public static int port(final int lease) {
        return lease & 0xFFFF;
    }

    public static int lease(final int external, final int port) {
        return external << Short.SIZE | port;
    }

    /** How many leases there can be. */
    public int size() {
        int size = 0;
        for (final PortPool pool : ports) {
            size += pool.size();
        }
        return size;
    }

    /** How many leases there are. */
    public int lent() {
        int lent = 0;
        for (final PortPool pool : ports) {
            lent += pool.lent();
        }
        return lent;
    }
}
