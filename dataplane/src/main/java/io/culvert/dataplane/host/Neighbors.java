// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;

/**
 * The next hops: who they are, their MAC address, and whether they answer. One table for all workers, because ARP
 * replies and neighbor advertisements arrive at one of them only. An entry is a cache line that flows name by its
 * number, the <em>adjacency</em>.
 * <pre>
 *  byte 0                   8                       16             20          24        28
 *     0 | key           | dst MAC, src MAC 0..1 | src MAC 2..5 | link, mtu | state, tries | refs |
 *    32 | confirmed, ms | asked, ms             | address                                       |
 * </pre>
 * The key is the link + 1 and the IPv4 address, or a digest of the IPv6 address; the address is there in
 * full, IPv4 as ::ffff:a.b.c.d.
 * A place is never freed, but one that nobody references may be claimed for another next hop, so a search may stop at
 * the first place without a key. Workers claim and reference by compare-and-set; only the host worker
 * ({@link #maintain}) moves time-driven states; whoever receives an ARP reply confirms. The MTU reads 0 while the next
 * hop cannot be used, so that the walk finds that out by the one comparison it makes anyway.
 */
public final class Neighbors {
    public static final int NO_ADJACENCY = -1;

    /** Read by the rewrite stage: 12 bytes of Ethernet header from {@link #MACS_LO}, then {@link #EGRESS}. */
    public static final int MACS_LO = 8;
    public static final int MACS_HI = MACS_LO + Long.BYTES;
    /** Link in the low half, MTU in the high half; the MTU is 0 while the next hop is not resolved. */
    public static final int EGRESS = MACS_HI + Integer.BYTES;
    public static final int ENTRY_LENGTH = 64;

    private static final int KEY = 0;
    private static final int STATE = EGRESS + Integer.BYTES;
    private static final int TRIES = STATE + Short.BYTES;
    private static final int REFS = TRIES + Short.BYTES;
    private static final int CONFIRMED = REFS + Integer.BYTES;
    private static final int ASKED = CONFIRMED + Long.BYTES;
    private static final int ADDRESS_HIGH = ASKED + Long.BYTES;
    private static final int ADDRESS_LOW = ADDRESS_HIGH + Long.BYTES;

    /** What the metric {@code culvert_neighbors} tells apart. */
    public enum State { INCOMPLETE, REACHABLE, PROBING, FAILED, STATIC }

    private static final int INCOMPLETE = State.INCOMPLETE.ordinal();
    private static final int REACHABLE = State.REACHABLE.ordinal();
    private static final int PROBING = State.PROBING.ordinal();
    private static final int FAILED = State.FAILED.ordinal();
    private static final int STATIC = State.STATIC.ordinal();

    /** An adjacency is 16 bits in a flow entry; 4,096 next hops are more than one broadcast domain should hold. */
    private static final int CAPACITY = 4096;
    /** Bytes of all entries. */
    static final long LENGTH = (long) CAPACITY * ENTRY_LENGTH;
    private static final int PROBE_LIMIT = 64;
    private static final long NO_KEY = 0;
    private static final long IPV6_KEY = 1L << 63;
    /** A reference count that says: this place is changing hands. */
    private static final int CLAIMED = -1;

    private static final int RETRY_MS = 1_000;
    private static final int TRIES_LIMIT = 3;
    /** RFC 1122 2.3.2.1 asks for a timeout on the order of a minute; Linux confirms after 30 s on average. */
    private static final int CONFIRM_AFTER_MS = 30_000;
    private static final int REQUESTS_LIMIT = 32;

    private static final VarHandle REFS_HANDLE = JAVA_INT.varHandle();
    private static final VarHandle KEY_HANDLE = JAVA_LONG.varHandle();

    private final Link[] links;
    private final MemorySegment entries;
    private final CacheLines lines;
    private volatile int generation;
    private volatile boolean wanted;

    public Neighbors(final List<Link> links, final Arena arena) {
        this(links, arena.allocate(LENGTH, ENTRY_LENGTH));
    }

    /** @param memory {@link #LENGTH} zeros, which live for longer than this */
    public Neighbors(final List<Link> links, final MemorySegment memory) {
        this.links = links.toArray(Link[]::new);
        this.entries = NativeMemory.unscoped(memory);
        this.lines = new CacheLines(entries);
    }

    /**
     * Sends to the MAC addresses that a predecessor knew, for those of its next hops that are referenced here too and
     * not known otherwise. They are asked for all the same, and by broadcast: an address may have moved meanwhile.
     *
     * @param before its memory
     * @param linkNow the index that each of its links has now, negative for those that are no more
     */
    public void recall(final MemorySegment before, final int[] linkNow) {
        for (long at = 0; at < before.byteSize(); at += ENTRY_LENGTH) {
            final int egress = before.get(JAVA_INT, at + EGRESS);
            final int link = egress & 0xFFFF;
            if (before.get(JAVA_LONG, at + KEY) != NO_KEY && egress >>> Short.SIZE != 0
                    && link < linkNow.length && linkNow[link] >= 0) {
                recall(linkNow[link], before.get(JAVA_LONG, at + ADDRESS_HIGH),
                        before.get(JAVA_LONG, at + ADDRESS_LOW), before.get(JAVA_LONG, at + MACS_LO));
            }
        }
    }

    private void recall(final int link, final long high, final long low, final long mac) {
        final long key = key(link, high, low);
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long at = at(home(key) + probe & CAPACITY - 1);
            if (entries.get(JAVA_LONG, at + KEY) == key && isAt(at, high, low) && !isResolved(at)) {
                resolve(at, mac);
            }
        }
    }

    /** All adjacencies: for the walk, which takes them by {@link CacheLines#line(MemorySegment, int)}. */
    public MemorySegment entries() {
        return lines.all();
    }

    /** Copies one adjacency out: for code too seldom on the way for the compiler to dissolve a view. */
    public void read(final int adjacency, final MemorySegment copy) {
        MemorySegment.copy(entries, at(adjacency), copy, 0, ENTRY_LENGTH);
    }

    private static long at(final int adjacency) {
        return (long) adjacency * ENTRY_LENGTH;
    }

    /** Changes whenever a next hop becomes usable or is given up: then waiting packets are worth a look. */
    public int generation() {
        return generation;
    }

    /** {@link #acquire(int, long, long)} for IPv4. */
    public int acquire(final int link, final int address) {
        return acquire(link, 0, Ipv6Address.mapped(address));
    }

    /**
     * References the next hop, which is asked for if it is new. Every reference ends with {@link #release}.
     *
     * @param high and {@code low} halves of its address; IPv4 as ::ffff:a.b.c.d
     * @return its adjacency, or NO_ADJACENCY when the table has no room
     */
    public int acquire(final int link, final long high, final long low) {
        final long key = key(link, high, low);
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final int adjacency = home(key) + probe & CAPACITY - 1;
            final long at = at(adjacency);
            final long found = (long) KEY_HANDLE.getVolatile(entries, at + KEY);
            if (found == key && reference(at, key, high, low)) {
                return adjacency;
            }
            if (found == NO_KEY) {
                break;
            }
        }
        return claim(link, key, high, low);
    }

    public void release(final int adjacency) {
        REFS_HANDLE.getAndAdd(entries, at(adjacency) + REFS, -1);
    }

    /** {@link #addStatic(int, long, long, long)} for IPv4. */
    public void addStatic(final int link, final int address, final long mac) {
        addStatic(link, 0, Ipv6Address.mapped(address), mac);
    }

    /** A next hop whose MAC address the configuration gives: never asked for, never forgotten. */
    public void addStatic(final int link, final long high, final long low, final long mac) {
        final int adjacency = acquire(link, high, low);
        if (adjacency == NO_ADJACENCY) {
            throw new IllegalArgumentException("more than " + CAPACITY + " neighbors");
        }
        final long at = at(adjacency);
        resolve(at, mac);
        entries.set(JAVA_SHORT, at + STATE, (short) STATIC);
    }

    /** The link that the next hop is on. */
    public int link(final int adjacency) {
        return entries.get(JAVA_INT, at(adjacency) + EGRESS) & 0xFFFF;
    }

    /** Whether the next hop has been given up: what waits for it may as well be dropped. */
    public boolean hasFailed(final int adjacency) {
        return entries.get(JAVA_SHORT, at(adjacency) + STATE) == FAILED;
    }

    public boolean isResolved(final int adjacency) {
        return isResolved(at(adjacency));
    }

    private boolean isResolved(final long at) {
        return mtu(at) != 0;
    }

    /** Longest IP packet that can leave there, bytes; 0 while the next hop is not resolved. */
    public int mtu(final int adjacency) {
        return mtu(at(adjacency));
    }

    private int mtu(final long at) {
        return entries.get(JAVA_INT, at + EGRESS) >>> Short.SIZE;
    }

    /** {@link #confirm(int, long, long, long, boolean, int)} for IPv4, where whoever speaks last is right. */
    public boolean confirm(final int link, final int address, final long mac, final long nowMs) {
        return confirm(link, 0, Ipv6Address.mapped(address), mac, true, nowMs);
    }

    /**
     * Takes in what an ARP packet or a neighbor advertisement says of its sender, if the sender is a next hop we know
     * or asked for: others cannot fill the table.
     *
     * @param mac 0 when it says only that the neighbour is still there
     * @param overrides whether a MAC address that is known may be replaced (RFC 4861 7.2.5)
     * @return whether it is known
     */
    public boolean confirm(final int link, final long high, final long low, final long mac,
                           final boolean overrides, final long nowMs) {
        final long key = key(link, high, low);
        boolean known = false;
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long at = at(home(key) + probe & CAPACITY - 1);
            final long found = (long) KEY_HANDLE.getVolatile(entries, at + KEY);
            if (found == NO_KEY) {
                break;
            }
            // Two workers may have claimed a place for the same next hop at once, so the search goes on.
            if (found == key && isAt(at, high, low)) {
                known = true;
                if (entries.get(JAVA_SHORT, at + STATE) != STATIC && mayLearn(at, mac, overrides)) {
                    entries.set(JAVA_LONG, at + CONFIRMED, nowMs);
                    entries.set(JAVA_SHORT, at + TRIES, (short) 0);
                    entries.set(JAVA_SHORT, at + STATE, (short) REACHABLE);
                    resolve(at, mac == 0 ? entries.get(JAVA_LONG, at + MACS_LO) : mac);
                }
            }
        }
        return known;
    }

    private boolean mayLearn(final long at, final long mac, final boolean overrides) {
        if (!isResolved(at)) {
            return mac != 0;
        }
        return overrides || mac == 0 || mac == (entries.get(JAVA_LONG, at + MACS_LO) & Ethernet.MAC_MASK);
    }

    /** Whether {@link #maintain} has something to do before its next turn. */
    public boolean isWanted() {
        return wanted;
    }

    /** The host worker's turn: asks for the unresolved, confirms the old, gives up the silent. */
    public void maintain(final Solicitor solicitor, final long nowMs) {
        wanted = false;
        int requests = 0;
        for (int adjacency = 0; adjacency < CAPACITY && requests < REQUESTS_LIMIT; adjacency++) {
            final long at = at(adjacency);
            if ((long) KEY_HANDLE.getVolatile(entries, at + KEY) != NO_KEY && isDue(at, nowMs)) {
                ask(at, solicitor, nowMs);
                requests++;
            }
        }
        wanted |= requests == REQUESTS_LIMIT;
    }

    /** How many entries are in this state: for the metrics, not for the walk. */
    public int count(final State state) {
        int count = 0;
        for (int adjacency = 0; adjacency < CAPACITY; adjacency++) {
            final long at = at(adjacency);
            final boolean isUsed = entries.get(JAVA_LONG, at + KEY) != NO_KEY;
            count += isUsed && entries.get(JAVA_SHORT, at + STATE) == state.ordinal() ? 1 : 0;
        }
        return count;
    }

    private boolean isDue(final long at, final long nowMs) {
        final int state = entries.get(JAVA_SHORT, at + STATE);
        final boolean used = (int) REFS_HANDLE.getVolatile(entries, at + REFS) > 0;
        final long sinceConfirmed = nowMs - entries.get(JAVA_LONG, at + CONFIRMED);
        if (state == REACHABLE) {
            return used && sinceConfirmed > CONFIRM_AFTER_MS;
        }
        final boolean mayAsk = entries.get(JAVA_SHORT, at + TRIES) == 0
                || nowMs - entries.get(JAVA_LONG, at + ASKED) >= RETRY_MS;
        return used && (state == INCOMPLETE || state == PROBING || state == FAILED) && mayAsk;
    }

    private void ask(final long at, final Solicitor solicitor, final long nowMs) {
        final int tries = entries.get(JAVA_SHORT, at + TRIES);
        final int state = entries.get(JAVA_SHORT, at + STATE);
        if (state == REACHABLE) {
            entries.set(JAVA_SHORT, at + STATE, (short) PROBING);
        } else if (state != FAILED && tries >= TRIES_LIMIT) {
            entries.set(JAVA_SHORT, at + STATE, (short) FAILED);
            entries.set(JAVA_INT, at + EGRESS, entries.get(JAVA_INT, at + EGRESS) & 0xFFFF);
            changed();
        }
        entries.set(JAVA_LONG, at + ASKED, nowMs);
        entries.set(JAVA_SHORT, at + TRIES, (short) (Math.min(tries, TRIES_LIMIT) + 1));
        // The known address is asked first: a unicast confirmation does not wake the whole network (RFC 1122).
        final long mac = entries.get(JAVA_SHORT, at + STATE) == PROBING
                ? entries.get(JAVA_LONG, at + MACS_LO) & Ethernet.MAC_MASK : 0;
        solicitor.solicit(links[entries.get(JAVA_INT, at + EGRESS) & 0xFFFF],
                entries.get(JAVA_LONG, at + ADDRESS_HIGH), entries.get(JAVA_LONG, at + ADDRESS_LOW), mac);
    }

    private void resolve(final long at, final long mac) {
        final int link = entries.get(JAVA_INT, at + EGRESS) & 0xFFFF;
        entries.set(JAVA_LONG, at + MACS_LO, mac & Ethernet.MAC_MASK | links[link].mac() << 48);
        VarHandle.storeStoreFence();
        entries.set(JAVA_INT, at + EGRESS, link | links[link].mtu() << Short.SIZE);
        changed();
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // any change will do: readers only compare for equality
    private void changed() {
        generation = generation + 1;
    }

    /** Takes a free place near home, or that of a next hop that nobody references, and has it asked for. */
    private int claim(final int link, final long key, final long high, final long low) {
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final int adjacency = home(key) + probe & CAPACITY - 1;
            final long at = at(adjacency);
            if (REFS_HANDLE.compareAndSet(entries, at + REFS, 0, CLAIMED)) {
                entries.set(JAVA_LONG, at + MACS_LO, links[link].mac() << 48);
                entries.set(JAVA_INT, at + MACS_HI, (int) (links[link].mac() >>> 16));
                entries.set(JAVA_INT, at + EGRESS, link);
                entries.set(JAVA_SHORT, at + TRIES, (short) 0);
                entries.set(JAVA_SHORT, at + STATE, (short) INCOMPLETE);
                entries.set(JAVA_LONG, at + ADDRESS_HIGH, high);
                entries.set(JAVA_LONG, at + ADDRESS_LOW, low);
                KEY_HANDLE.setVolatile(entries, at + KEY, key);
                REFS_HANDLE.setVolatile(entries, at + REFS, 1);
                wanted = true;
                return adjacency;
            }
        }
        return NO_ADJACENCY;
    }

    /** One more reference, unless the place is changing hands. */
    private boolean reference(final long at, final long key, final long high, final long low) {
        int refs = (int) REFS_HANDLE.getVolatile(entries, at + REFS);
        while (refs != CLAIMED && !REFS_HANDLE.compareAndSet(entries, at + REFS, refs, refs + 1)) {
            refs = (int) REFS_HANDLE.getVolatile(entries, at + REFS);
        }
        if (refs == CLAIMED) {
            return false;
        }
        if ((long) KEY_HANDLE.getVolatile(entries, at + KEY) != key || !isAt(at, high, low)) {
            REFS_HANDLE.getAndAdd(entries, at + REFS, -1);
            return false;
        }
        // An unused next hop that was given up gets another chance at once.
        wanted |= refs == 0 && !isResolved(at);
        return true;
    }

    private static int home(final long key) {
        return (int) (key * 0x9E3779B97F4A7C15L >>> 40) & CAPACITY - 1;
    }

    private boolean isAt(final long at, final long high, final long low) {
        return entries.get(JAVA_LONG, at + ADDRESS_HIGH) == high && entries.get(JAVA_LONG, at + ADDRESS_LOW) == low;
    }

    private static long key(final int link, final long high, final long low) {
        final long place = (link + 1L) << Integer.SIZE;
        if (Ipv6Address.isMapped(high, low)) {
            return place | low >>> Integer.SIZE;
        }
        return IPV6_KEY | place | (high * 0x9E3779B97F4A7C15L ^ low) * 0x9E3779B97F4A7C15L >>> Integer.SIZE;
    }
}
