// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.SocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.ConcurrentMap;

/**
 * Who has sent to the echo server: addresses with their ports. Workers share it and each looks through a {@link Lens}
 * of its own, so that a packet from a known source touches nothing shared but its port set. Bounded: past the limit
 * new addresses are served but not listed.
 */
final class Sources {
    private static final int ADDRESS_LIMIT = 4096;

    private final ConcurrentMap<Integer, PortSet> ports = new ConcurrentSkipListMap<>(Integer::compareUnsigned);
    private final PortSet unlisted = new PortSet();

    /** The sources by address, lowest first. */
    List<EchoReport.Source> list() {
        final List<EchoReport.Source> sources = new ArrayList<>();
        ports.forEach((address, seen) -> {
            if (seen.size() > 0) {
                sources.add(new EchoReport.Source(
                        SocketAddress.addressText(address), seen.size(), seen.lowest(), seen.highest()));
            }
        });
        return sources;
    }

    private PortSet portsOf(final int address) {
        final PortSet known = ports.get(address);
        if (known != null) {
            return known;
        }
        return ports.size() < ADDRESS_LIMIT ? ports.computeIfAbsent(address, key -> new PortSet()) : unlisted;
    }

    /** One worker's way in: a direct-mapped cache of the addresses it met last. */
    final class Lens {
        private static final int SLOT_BITS = 8;
        private static final int SPREAD = 0x9E3779B1;

        private final int[] addresses = new int[1 << SLOT_BITS];
        private final PortSet[] found = new PortSet[1 << SLOT_BITS];

        void add(final long endpoint) {
            final int address = SocketAddress.addressHost(endpoint);
            final int slot = address * SPREAD >>> Integer.SIZE - SLOT_BITS;
            if (found[slot] == null || addresses[slot] != address) {
                found[slot] = portsOf(address);
                addresses[slot] = address;
            }
            found[slot].add(SocketAddress.portHost(endpoint));
        }
    }
}
