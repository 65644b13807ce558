// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import java.util.Collection;

/** The addresses that are ours: of ports, listeners and SNAT pools. Immutable after the start; a small hash set. */
public final class OwnAddresses {
    private static final int FREE = 0;

    private final int[] slots;

    public OwnAddresses(final Collection<Integer> addresses) {
        slots = new int[Integer.highestOneBit(Math.max(4, addresses.size() * 2)) << 1];
        for (final int address : addresses) {
            int at = home(address);
            while (slots[at] != FREE && slots[at] != address) {
                at = at + 1 & slots.length - 1;
            }
            slots[at] = address;
        }
    }

    public boolean contains(final int address) {
        for (int at = home(address); slots[at] != FREE; at = at + 1 & slots.length - 1) {
            if (slots[at] == address) {
                return true;
            }
        }
        return false;
    }

    private int home(final int address) {
        return (address * 0x9E3779B9 >>> 16) & slots.length - 1;
    }
}
