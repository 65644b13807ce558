// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static io.culvert.bindings.CacheLines.BYTE;
import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;
import static io.culvert.bindings.CacheLines.SHORT;

import io.culvert.bindings.NativeMemory;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;

/**
 * One direction of a session: the 5-tuple it matches and the rewrite it applies. One cache line, so a hit costs one
 * miss. Written by the owning worker only; read by anybody who maps the file.
 * <pre>
 *  byte 0          4          8         10         12    13     14          16
 *     0 | src addr | dst addr | src port | dst port | pro | flags | adjacency |
 *    16 | l3 delta | l4 delta | new src  | new dst  | new sp     | new dp    |
 *    32 | last seen, 48 bits | version   | packets                           |
 *    48 | bytes               | traffic  | external | opened                 |
 * </pre>
 * Addresses and ports are in network order: they are compared and copied, never added; the new ones lie as a packet has
 * them behind its IP checksum. IPv6 addresses are numbers of the {@link AddressBook}. {@code l3}, {@code l4} are
 * {@link io.culvert.dataplane.wire.Checksum} deltas; l3 includes the decrement of the TTL. Traffic is twice the rule's
 * index, and 1 for a reply. Last seen is milliseconds of the table's clock, which 48 bits count for 8,900 years; opened
 * is {@link Ticks} of it. The version is odd while the entry changes hands: a reader that sees the same even version
 * before and after has read one flow. A lens over the entry's own 64-byte view, never an object.
 */
public final class FlowEntry {
    public static final int LENGTH = 64;

    /** Source and destination address. */
    public static final int KEY_LO = 0;
    /** Ports and protocol, {@link #KEY_HI_MASK}; above them flags and adjacency, which are no part of the key. */
    public static final int KEY_HI = KEY_LO + Long.BYTES;
    public static final int PROTOCOL = KEY_HI + Integer.BYTES;
    public static final int FLAGS = PROTOCOL + Byte.BYTES;
    public static final int ADJACENCY = FLAGS + Byte.BYTES;
    public static final int L3_DELTA = ADJACENCY + Short.BYTES;
    public static final int L4_DELTA = L3_DELTA + Short.BYTES;
    public static final int NEW_ADDRESSES = L4_DELTA + Short.BYTES;
    public static final int NEW_DESTINATION = NEW_ADDRESSES + Integer.BYTES;
    public static final int NEW_PORTS = NEW_ADDRESSES + Long.BYTES;
    /** A long: {@link #LAST_SEEN_MASK} of it, and the version above. */
    public static final int LAST_SEEN = NEW_PORTS + Integer.BYTES;
    public static final int VERSION = LAST_SEEN + Long.BYTES - Short.BYTES;
    public static final int PACKETS = VERSION + Short.BYTES;
    public static final int BYTES = PACKETS + Long.BYTES;
    public static final int TRAFFIC = BYTES + Long.BYTES;
    /** Forward: which of the rule's SNAT addresses lent the port. Reply: the link that leads to the client. */
    public static final int EXTERNAL = TRAFFIC + Short.BYTES;
    public static final int OPENED = EXTERNAL + Short.BYTES;

    /** The part of the long at {@link #LAST_SEEN} that is a time. */
    public static final long LAST_SEEN_MASK = (1L << 48) - 1;

    /** Set in the protocol of IPv6 flows, so that no IPv4 packet, whatever it claims, has the key of one. */
    public static final int IPV6_PROTOCOL = 0x80;

    public static final int FLAG_LIVE = 1;
    /** From the target back to the client. */
    public static final int FLAG_REPLY = 2;
    public static final int FLAG_DECREMENT_TTL = 4;
    /** Of a forward flow: its client's packets may come in at another worker than the one whose table this is. */
    public static final int FLAG_STRAY = 8;

    /** The flag as it lies in the long at {@link #KEY_HI}: part of every key, so that no closed flow matches. */
    private static final long LIVE = (long) FLAG_LIVE << (FLAGS - KEY_HI) * Byte.SIZE;
    /** The part of the long at {@link #KEY_HI} that is key. */
    public static final long KEY_HI_MASK = 0xFF_FFFF_FFFFL | LIVE;

    static {
        if (OPENED + Integer.BYTES != LENGTH) {
            throw new AssertionError("FlowEntry is one cache line");
        }
    }

    /** The upper key half of UDP ports as they lie in the packet: source in the low half. */
    public static long keyHi(final int ports, final int protocol) {
        return ports & 0xFFFF_FFFFL | (long) protocol << Integer.SIZE | LIVE;
    }

    /** Whether the entry of this view is that of a live flow with this key. */
    public static boolean matches(final MemorySegment entry, final long keyLo, final long keyHi) {
        return matches(entry, 0, keyLo, keyHi);
    }

    static boolean matches(final MemorySegment entries, final long at, final long keyLo, final long keyHi) {
        return ((entries.get(LONG, at + KEY_LO) ^ keyLo)
                | ((entries.get(LONG, at + KEY_HI) ^ keyHi) & KEY_HI_MASK)) == 0;
    }

    /** {@link #matches} for a reader that does not own the entry: false, too, when it changed meanwhile. */
    static boolean matchedAtOneInstant(final MemorySegment entries, final long at, final long keyLo,
                                       final long keyHi) {
        final short before = entries.get(SHORT, at + VERSION);
        VarHandle.loadLoadFence();
        final boolean matches = matches(entries, at, keyLo, keyHi);
        VarHandle.loadLoadFence();
        return matches && (before & 1) == 0 && entries.get(SHORT, at + VERSION) == before;
    }

    static boolean isLive(final MemorySegment entries, final long at) {
        return (entries.get(BYTE, at + FLAGS) & FLAG_LIVE) != 0;
    }

    /** A packet of the flow goes on now. One store, so that a reader never sees half of a time. */
    static void lastSeenMs(final MemorySegment entries, final long at, final long nowMs) {
        entries.set(LONG, at + LAST_SEEN, entries.get(LONG, at + LAST_SEEN) & ~LAST_SEEN_MASK | nowMs);
    }

    /** Whether it was left in the middle of a change. */
    static boolean isChanging(final MemorySegment entries, final long at) {
        return (entries.get(SHORT, at + VERSION) & 1) != 0;
    }

    public static boolean isLive(final MemorySegment entry) {
        return (entry.get(BYTE, FLAGS) & FLAG_LIVE) != 0;
    }

    public static boolean isReply(final MemorySegment entry) {
        return (entry.get(BYTE, FLAGS) & FLAG_REPLY) != 0;
    }

    public static long keyLo(final MemorySegment entry) {
        return entry.get(LONG, KEY_LO);
    }

    public static long keyHi(final MemorySegment entry) {
        return entry.get(LONG, KEY_HI) & KEY_HI_MASK;
    }

    public static int ports(final MemorySegment entry) {
        return entry.get(INT, KEY_HI);
    }

    public static int adjacency(final MemorySegment entry) {
        return Short.toUnsignedInt(entry.get(SHORT, ADJACENCY));
    }

    public static long newAddresses(final MemorySegment entry) {
        return entry.get(LONG, NEW_ADDRESSES);
    }

    public static int newPorts(final MemorySegment entry) {
        return entry.get(INT, NEW_PORTS);
    }

    /** When a packet of the flow last went on, ms of the table's clock. */
    public static long lastSeenMs(final MemorySegment entry) {
        return entry.get(LONG, LAST_SEEN) & LAST_SEEN_MASK;
    }

    /** When the session was opened, ms of the table's clock, to the tick. */
    public static long openedMs(final MemorySegment entry) {
        return Ticks.ms(entry.get(INT, OPENED));
    }

    public static long packets(final MemorySegment entry) {
        return entry.get(LONG, PACKETS);
    }

    public static long bytes(final MemorySegment entry) {
        return entry.get(LONG, BYTES);
    }

    public static int rule(final MemorySegment entry) {
        return Short.toUnsignedInt(entry.get(SHORT, TRAFFIC)) >>> 1;
    }

    public static int external(final MemorySegment entry) {
        return Short.toUnsignedInt(entry.get(SHORT, EXTERNAL));
    }

    /** Both checksum deltas: l3 in the low half, l4 in the high half. */
    public static int deltas(final MemorySegment entry) {
        return entry.get(INT, L3_DELTA);
    }

    public static boolean decrementsTtl(final MemorySegment entry) {
        return (entry.get(BYTE, FLAGS) & FLAG_DECREMENT_TTL) != 0;
    }

    /** A packet of the flow whose entry lies there came; for seldom ways, which have no view of it. */
    public static void seen(final long entryAddress, final long nowMs) {
        final long at = entryAddress + LAST_SEEN;
        NativeMemory.setLong(at, NativeMemory.getLong(at) & ~LAST_SEEN_MASK | nowMs);
    }

    /**
     * {@link #seen} for a packet that cannot leave now. One from the client keeps the session alive all the same: while
     * a next hop is down nobody who goes on sending loses his endpoint (RFC 4787 REQ-6). One to the client need not.
     */
    public static void tried(final long entryAddress, final long nowMs) {
        if ((NativeMemory.getShort(entryAddress + PROTOCOL) >>> Byte.SIZE & FLAG_REPLY) == 0) {
            seen(entryAddress, nowMs);
        }
    }

    public static int version(final MemorySegment entry) {
        final int version = entry.get(SHORT, VERSION);
        VarHandle.acquireFence();
        return version;
    }

    /** From here to {@link #endChange} a reader sees an odd version and looks away. */
    static void beginChange(final MemorySegment entries, final long at) {
        entries.set(SHORT, at + VERSION, (short) (entries.get(SHORT, at + VERSION) | 1));
        VarHandle.storeStoreFence();
    }

    static void endChange(final MemorySegment entries, final long at) {
        VarHandle.storeStoreFence();
        entries.set(SHORT, at + VERSION, (short) (entries.get(SHORT, at + VERSION) + 1));
    }

    private FlowEntry() { }
}
