// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import io.culvert.dataplane.flow.FlowHash;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.security.SecureRandom;
import java.util.Collection;

/**
 * IPv4 and IPv6 addresses to look packets' addresses up in, one small hash table of each family. The hash is keyed anew
 * in each process, so no sender can choose addresses that take long. Immutable.
 */
public final class AddressSet {
    private static final int FREE = 0;
    private static final long KEY_LO;
    private static final long KEY_HI;

    static {
        final SecureRandom random = new SecureRandom();
        KEY_LO = random.nextLong();
        KEY_HI = random.nextLong();
    }

    private final int[] slots;
    /** Both halves of an IPv6 address side by side; ::/64, whose high half is 0, is no host's. */
    private final long[] slots6;

    /** @param addresses of IPv4 alone, in network order */
    public AddressSet(final Collection<Integer> addresses) {
        this.slots = new int[capacity(addresses.size())];
        this.slots6 = new long[2];
        addresses.forEach(this::add);
    }

    public static AddressSet of(final Collection<IpAddress> addresses) {
        return new AddressSet(addresses, capacity(addresses.size()));
    }

    private AddressSet(final Collection<IpAddress> addresses, final int capacity) {
        this.slots = new int[capacity];
        this.slots6 = new long[2 * capacity];
        for (final IpAddress address : addresses) {
            if (address.isIpv4()) {
                add(address.ipv4());
            } else {
                add(address);
            }
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

    /** {@link #contains(int)} for both families; IPv4 as ::ffff:a.b.c.d. */
    public boolean contains(final long high, final long low) {
        if (Ipv6Address.isMapped(high, low)) {
            return contains((int) (low >>> Integer.SIZE));
        }
        for (int at = home6(high, low); slots6[at] != FREE; at = at + 2 & slots6.length - 1) {
            if (slots6[at] == high && slots6[at + 1] == low) {
                return true;
            }
        }
        return false;
    }

    private void add(final int address) {
        int at = home(address);
        while (slots[at] != FREE && slots[at] != address) {
            at = at + 1 & slots.length - 1;
        }
        slots[at] = address;
    }

    private void add(final IpAddress address) {
        int at = home6(address.high(), address.low());
        while (slots6[at] != FREE && (slots6[at] != address.high() || slots6[at + 1] != address.low())) {
            at = at + 2 & slots6.length - 1;
        }
        slots6[at] = address.high();
        slots6[at + 1] = address.low();
    }

    /** The slot where the search for an address begins. */
    int home(final int address) {
        return (int) FlowHash.of(address, 0, KEY_LO, KEY_HI) & slots.length - 1;
    }

    int home6(final long high, final long low) {
        return (int) FlowHash.of(high, low, KEY_LO, KEY_HI) & slots6.length - 2;
    }

    private static int capacity(final int addresses) {
        return Integer.highestOneBit(Math.max(4, addresses * 2)) << 1;
    }
}
