// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;

/**
 * IPv6 addresses by number, so that flows, rules and pools of both families are 32 bits wide and the IPv4 walk pays
 * nothing for the other. A number reads as an IPv4 address in 240.0.0.0/4, which no host can have. The addresses of the
 * plan have the same numbers in all workers, for ever; those of clients are lent while sessions refer to them. The
 * addresses lie in the flow file, where readers see them; the rest belongs to one worker.
 */
public final class AddressBook {
    /** No address has it. */
    public static final int NONE = 0;
    /** Bytes of an address in the flow file. */
    public static final int ENTRY_LENGTH = Ipv6Address.LENGTH;

    private static final int CLASS_E = 0xF000_0000;
    private static final int FREE = -1;
    private static final long MIX = 0x9E3779B97F4A7C15L;
    /** A reference count that never falls to 0. */
    private static final int PINNED = Integer.MAX_VALUE;

    private static final VarHandle INDEX = JAVA_INT.varHandle();

    private final MemorySegment addresses;
    private final int capacity;
    private final long seedLo;
    private final long seedHi;
    /** Ids by the hash of their address: open addressing, half of the places free. */
    private final MemorySegment index;
    private final int indexMask;
    private final MemorySegment references;
    /** Returned ids; from {@link #highWater} on none was ever used. */
    private final MemorySegment returned;
    /** Keeps what the views above see, off the heap: at the most sessions that is 0.4 GiB. */
    private final MemorySegment memory;
    private int returnedCount;
    private int highWater;
    private final Moves moves = new Moves();

    /** @param plan addresses that keep their numbers: {@link #number} of their place in the list */
    public AddressBook(final FlowFile file, final List<IpAddress> plan) {
        this.addresses = NativeMemory.unscoped(file.addresses());
        this.capacity = (int) (addresses.byteSize() / ENTRY_LENGTH);
        this.seedLo = file.seedLo();
        this.seedHi = file.seedHi();
        final int places = Integer.highestOneBit(Math.max(1, capacity)) << 2;
        this.indexMask = places - 1;
        this.memory = Arena.ofAuto().allocate(JAVA_INT, places + 2L * capacity);
        final MemorySegment all = NativeMemory.unscoped(memory);
        final long indexBytes = (long) places * Integer.BYTES;
        final long idBytes = (long) capacity * Integer.BYTES;
        this.index = all.asSlice(0, indexBytes).fill((byte) FREE);
        this.references = all.asSlice(indexBytes, idBytes);
        this.returned = all.asSlice(indexBytes + idBytes, idBytes);
        for (final IpAddress address : plan) {
            references.setAtIndex(JAVA_INT, id(acquire(address.high(), address.low())), PINNED);
        }
    }

    /** The number of the address at this place of the book. */
    public static int number(final int id) {
        return Integer.reverseBytes(CLASS_E | id);
    }

    /** The place of the address that has this number. */
    public static int id(final int number) {
        return Integer.reverseBytes(number) & ~CLASS_E;
    }

    /** Whether this stands for an IPv6 address. */
    public static boolean isNumber(final int address) {
        return (address & 0xF0) == 0xF0;
    }

    /** The first half of the address that a number stands for; that of ::ffff:a.b.c.d for an IPv4 address. */
    public long high(final int address) {
        return isNumber(address) ? addresses.get(JAVA_LONG, at(id(address))) : 0;
    }

    /** The second half, see {@link #high}. */
    public long low(final int address) {
        return isNumber(address) ? addresses.get(JAVA_LONG, at(id(address)) + Long.BYTES) : Ipv6Address.mapped(address);
    }

    /**
     * 32 bits of an address that are the same in all workers, whatever its number: an IPv4 address is its own. Without
     * a key, for it chooses a client's external address, which has to outlive the table and its seed. Nobody gains by
     * digests that meet: they try the same external address first, and the others when its ports are lent.
     */
    public int digest(final int address) {
        if (!isNumber(address)) {
            return address;
        }
        final long mixed = high(address) * MIX + low(address);
        return (int) (mixed * MIX >>> Integer.SIZE);
    }

    /**
     * {@link #find} for a thread that does not own the book. It may miss an address that is coming or going, and may
     * even find a number that has just become another's: what is made of the number has to be compared in full.
     */
    public int findFromOutside(final long high, final long low) {
        while (true) {
            final int before = moves.before();
            final int found = find(high, low);
            if (found != NONE || moves.noneSince(before)) {
                return found;
            }
            Thread.onSpinWait();
        }
    }

    /** The number of an IPv6 address, or NONE. Ends after as many places as there are, whatever moves meanwhile. */
    public int find(final long high, final long low) {
        int at = home(high, low);
        for (int probe = 0; probe <= indexMask; probe++) {
            final int id = idAt(at);
            if (id == FREE) {
                return NONE;
            }
            if (holds(id, high, low)) {
                return number(id);
            }
            at = at + 1 & indexMask;
        }
        return NONE;
    }

    /** References an IPv6 address. Every reference ends with {@link #release}. @return its number; NONE when full */
    public int acquire(final long high, final long low) {
        final int known = find(high, low);
        if (known != NONE) {
            reference(known);
            return known;
        }
        if (returnedCount == 0 && highWater == capacity) {
            return NONE;
        }
        final int id = returnedCount > 0 ? returned.getAtIndex(JAVA_INT, --returnedCount) : highWater++;
        addresses.set(JAVA_LONG, at(id), high);
        addresses.set(JAVA_LONG, at(id) + Long.BYTES, low);
        references.setAtIndex(JAVA_INT, id, 1);
        int place = home(high, low);
        while (idAt(place) != FREE) {
            place = place + 1 & indexMask;
        }
        idAt(place, id);
        return number(id);
    }

    /** One more reference to a number that has one. An IPv4 address needs none. */
    public void reference(final int address) {
        if (isNumber(address) && references(id(address)) != PINNED) {
            references.setAtIndex(JAVA_INT, id(address), references(id(address)) + 1);
        }
    }

    /** Ends a reference. An IPv4 address has none. */
    public void release(final int address) {
        if (!isNumber(address)) {
            return;
        }
        final int id = id(address);
        final int before = references(id);
        if (before == PINNED) {
            return;
        }
        references.setAtIndex(JAVA_INT, id, before - 1);
        if (before == 1) {
            remove(id);
            returned.setAtIndex(JAVA_INT, returnedCount++, id);
        }
    }

    /** How many addresses have a number now. */
    public int size() {
        return highWater - returnedCount;
    }

    /** Frees a place of the index; what lies behind it and would not be found any more moves up. */
    private void remove(final int id) {
        int hole = home(high(number(id)), low(number(id)));
        while (idAt(hole) != id) {
            hole = hole + 1 & indexMask;
        }
        final boolean mayMove = idAt(hole + 1 & indexMask) != FREE;
        if (mayMove) {
            moves.begin();
        }
        for (int at = hole + 1 & indexMask; idAt(at) != FREE; at = at + 1 & indexMask) {
            final int number = number(idAt(at));
            final int home = home(high(number), low(number));
            if ((at - home & indexMask) >= (at - hole & indexMask)) {
                idAt(hole, idAt(at));
                hole = at;
            }
        }
        idAt(hole, FREE);
        if (mayMove) {
            moves.end();
        }
    }

    /** In order behind {@link #idAt(int, int)}: who reads an id reads the address that it was given for. */
    private int idAt(final int place) {
        return (int) INDEX.getAcquire(index, (long) place * Integer.BYTES);
    }

    private void idAt(final int place, final int id) {
        INDEX.setRelease(index, (long) place * Integer.BYTES, id);
    }

    private int references(final int id) {
        return references.getAtIndex(JAVA_INT, id);
    }

    private boolean holds(final int id, final long high, final long low) {
        return addresses.get(JAVA_LONG, at(id)) == high && addresses.get(JAVA_LONG, at(id) + Long.BYTES) == low;
    }

    private int home(final long high, final long low) {
        return (int) FlowHash.of(high, low, seedLo, seedHi) & indexMask;
    }

    private static long at(final int id) {
        return (long) id * ENTRY_LENGTH;
    }
}
