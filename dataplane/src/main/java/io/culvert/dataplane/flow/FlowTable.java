// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static io.culvert.bindings.CacheLines.BYTE;
import static io.culvert.bindings.CacheLines.INT;
import static io.culvert.bindings.CacheLines.LONG;
import static io.culvert.bindings.CacheLines.SHORT;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.IpAddress;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.List;

/**
 * A worker's sessions: an index of tags over a slab of entries, both in a {@link FlowFile}. Owned by one thread, so
 * nothing locks. A session is two neighbouring slots, forward at the even one and its twin at {@code slot ^ 1}; slots
 * do not move while the session lives. No key lies further than {@link #PROBE_LIMIT} buckets from home, and every
 * bucket between is full, so a lookup stops at the first bucket with a free lane.
 */
public final class FlowTable {
    public static final int NOT_FOUND = -1;

    /** Buckets a key may lie from home: with half the lanes free, the chance to need this many is nil. */
    private static final int PROBE_LIMIT = 16;
    private static final int NO_SESSION = -1;

    private final FlowFile file;
    /** For the walk, where the compiler dissolves the view of a line. */
    private final CacheLines indexLines;
    private final CacheLines entryLines;
    /** The same memory by offset, for everything else: off the hottest path a view is an object. */
    private final MemorySegment index;
    private final MemorySegment entries;
    private final int bucketMask;
    private final long seedLo;
    private final long seedHi;
    private final int capacity;

    private int sessions;
    private int highWater;
    /** Head of the list of closed sessions, linked through {@link FlowEntry#KEY_LO} of the forward entry. */
    private int freeSession = NO_SESSION;
    private final Moves moves = new Moves();

    /**
     * A table over a file. Of a new one it is empty. In one that a predecessor left, the sessions below
     * {@link #highWater} are neither live nor free before each went through {@link #adopt} or {@link #discard}.
     */
    public FlowTable(final FlowFile file) {
        this.file = file;
        this.indexLines = new CacheLines(file.index());
        this.entryLines = new CacheLines(file.entries());
        this.index = NativeMemory.unscoped(file.index());
        this.entries = NativeMemory.unscoped(file.entries());
        this.bucketMask = indexLines.count() - 1;
        this.seedLo = file.seedLo();
        this.seedHi = file.seedHi();
        this.capacity = file.capacity();
        this.highWater = Math.clamp(file.highWater(), 0, capacity);
        if (highWater > 0) {
            index.fill((byte) 0);
        }
    }

    /** An address book over the same file. */
    public AddressBook addressBook(final List<IpAddress> plan) {
        return new AddressBook(file, plan);
    }

    public long hash(final long keyLo, final long keyHi) {
        return FlowHash.of(keyLo, keyHi, seedLo, seedHi);
    }

    /** Where the index line of this hash lies: to be prefetched. */
    public long bucketAddress(final long hash) {
        return indexLines.address((int) hash & bucketMask);
    }

    /**
     * The first slot that the home bucket offers for this hash: to be prefetched and compared. A bucket that offers
     * none names the lane behind its last, which is always 0: some entry, and the comparison says no.
     *
     * @param bucketAddress of {@link #bucketAddress}
     */
    public static int candidate(final long bucketAddress, final long hash) {
        final MemorySegment bucket = NativeMemory.view(bucketAddress, FlowIndex.BUCKET_LENGTH);
        final long marks = FlowIndex.findTag(bucket, 0, FlowIndex.tag(hash));
        return FlowIndex.slotAt(bucket, 0, FlowIndex.lane(marks));
    }

    /** All entries, for a loop that takes them by {@link CacheLines#line(MemorySegment, int)}. */
    public MemorySegment entries() {
        return entryLines.all();
    }

    /** Where an entry lies. */
    public long entryAddress(final int slot) {
        return entryLines.address(slot);
    }

    /** The view of one entry: one bounds check, then constant offsets. */
    public MemorySegment entry(final int slot) {
        return entryLines.line(slot);
    }

    /** The slot of a flow, or NOT_FOUND. */
    public int find(final long keyLo, final long keyHi, final long hash) {
        final int tag = FlowIndex.tag(hash);
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long bucket = bucket((int) hash + probe);
            for (long marks = FlowIndex.findTag(index, bucket, tag); marks != 0; marks = FlowIndex.rest(marks)) {
                final int lane = FlowIndex.lane(marks);
                final int slot = FlowIndex.slotAt(index, bucket, lane);
                if (FlowIndex.tagAt(index, bucket, lane) == tag
                        && FlowEntry.matches(entries, at(slot), keyLo, keyHi)) {
                    return slot;
                }
            }
            if (FlowIndex.findFree(index, bucket) != 0) {
                return NOT_FOUND;
            }
        }
        return NOT_FOUND;
    }

    /**
     * {@link #find} for a thread that does not own the table, while its owner changes it. A flow that comes or goes may
     * be missed, and no other. What is found was one flow at one instant: its version was even and the same before and
     * after its key was read, which on a weakly ordered processor takes the fences that {@link #find}, on the walk,
     * does without.
     */
    public boolean hasSeenFromOutside(final long keyLo, final long keyHi) {
        while (true) {
            final int before = moves.before();
            if (isSeen(keyLo, keyHi)) {
                return true;
            }
            if (moves.noneSince(before)) {
                return false;
            }
            Thread.onSpinWait();
        }
    }

    private boolean isSeen(final long keyLo, final long keyHi) {
        final long hash = hash(keyLo, keyHi);
        final int tag = FlowIndex.tag(hash);
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long bucket = bucket((int) hash + probe);
            for (int lane = 0; lane < FlowIndex.LANES; lane++) {
                if (FlowIndex.tagAt(index, bucket, lane) == tag) {
                    // The tag was written behind its slot.
                    VarHandle.loadLoadFence();
                    if (FlowEntry.matchedAtOneInstant(entries, at(FlowIndex.slotAt(index, bucket, lane)), keyLo,
                            keyHi)) {
                        return true;
                    }
                }
            }
            if (FlowIndex.findFree(index, bucket) != 0) {
                return false;
            }
        }
        return false;
    }

    /** Whether {@link #take} would give nothing. */
    public boolean isFull() {
        return freeSession == NO_SESSION && highWater == capacity;
    }

    /** How many sessions are live. */
    public int sessions() {
        return sessions;
    }

    public int capacity() {
        return capacity;
    }

    /** Sessions below this one have been in use: what an expiry sweep has to visit. */
    public int highWater() {
        return highWater;
    }

    /** Publishes the clock for readers. */
    public void nowMs(final long nowMs) {
        file.nowMs(nowMs);
    }

    /**
     * Takes a free session, not yet findable: fill both entries with {@link #write}, then {@link #publish}.
     *
     * @return the slot of its forward entry, or NOT_FOUND when the table is full
     */
    public int take() {
        final int session;
        if (freeSession != NO_SESSION) {
            session = freeSession;
            freeSession = (int) entries.get(LONG, at(session << 1) + FlowEntry.KEY_LO);
        } else if (highWater < capacity) {
            session = highWater++;
            file.highWater(highWater);
        } else {
            return NOT_FOUND;
        }
        sessions++;
        return session << 1;
    }

    /** Returns a session that {@link #take} gave and that was not published. */
    public void putBack(final int forward) {
        release(forward);
    }

    /** Fills an entry of a session that {@link #take} gave; counters start at zero. */
    public void write(final int slot, final long keyLo, final long keyHi, final int flags, final int adjacency,
                      final long newAddresses, final int newPorts, final int l3Delta, final int l4Delta,
                      final int rule, final int external, final long nowMs) {
        final long at = at(slot);
        FlowEntry.beginChange(entries, at);
        entries.set(LONG, at + FlowEntry.KEY_LO, keyLo);
        entries.set(LONG, at + FlowEntry.KEY_HI, keyHi);
        entries.set(SHORT, at + FlowEntry.ADJACENCY, (short) adjacency);
        entries.set(LONG, at + FlowEntry.NEW_ADDRESSES, newAddresses);
        entries.set(INT, at + FlowEntry.NEW_PORTS, newPorts);
        entries.set(SHORT, at + FlowEntry.L3_DELTA, (short) l3Delta);
        entries.set(SHORT, at + FlowEntry.L4_DELTA, (short) l4Delta);
        FlowEntry.lastSeenMs(entries, at, nowMs);
        entries.set(LONG, at + FlowEntry.PACKETS, 0);
        entries.set(LONG, at + FlowEntry.BYTES, 0);
        entries.set(SHORT, at + FlowEntry.TRAFFIC, (short) (rule << 1 | slot & 1));
        entries.set(SHORT, at + FlowEntry.EXTERNAL, (short) external);
        entries.set(INT, at + FlowEntry.OPENED, Ticks.at(nowMs));
        entries.set(BYTE, at + FlowEntry.FLAGS, (byte) (flags | FlowEntry.FLAG_LIVE));
        FlowEntry.endChange(entries, at);
    }

    /** What a predecessor left at a session's place. */
    public enum Remains { NOTHING, SESSION, HALF }

    /** What lies at this session's place in a file that a predecessor left, which may have ended at any instant. */
    public Remains remains(final int forward) {
        final long at = at(forward);
        final long twin = at(forward ^ 1);
        final boolean isLive = FlowEntry.isLive(entries, at);
        if (isLive != FlowEntry.isLive(entries, twin) || FlowEntry.isChanging(entries, at)
                || FlowEntry.isChanging(entries, twin)) {
            return Remains.HALF;
        }
        return isLive ? Remains.SESSION : Remains.NOTHING;
    }

    /**
     * Goes on with a session that a predecessor left: findable again, with the numbers that its addresses, its rule,
     * its SNAT address, its next hops and the client's link have now.
     *
     * @param keyLo and {@code newAddresses}: of the forward flow; the reply has them the other way round
     * @return false when a flow of that key lives already, or a bucket chain is full; then {@link #discard} it
     */
    public boolean adopt(final int forward, final long keyLo, final long newAddresses, final int toTarget,
                         final int toClient, final int rule, final int external, final int link) {
        renumber(forward, keyLo, newAddresses, toTarget, rule, external);
        renumber(forward ^ 1, Long.rotateLeft(newAddresses, Integer.SIZE), Long.rotateLeft(keyLo, Integer.SIZE),
                toClient, rule, link);
        if (!insert(forward)) {
            return false;
        }
        if (!insert(forward ^ 1)) {
            remove(forward);
            return false;
        }
        sessions++;
        return true;
    }

    private void renumber(final int slot, final long keyLo, final long newAddresses, final int adjacency,
                          final int rule, final int external) {
        final long at = at(slot);
        FlowEntry.beginChange(entries, at);
        entries.set(LONG, at + FlowEntry.KEY_LO, keyLo);
        entries.set(LONG, at + FlowEntry.NEW_ADDRESSES, newAddresses);
        entries.set(SHORT, at + FlowEntry.ADJACENCY, (short) adjacency);
        entries.set(SHORT, at + FlowEntry.TRAFFIC, (short) (rule << 1 | slot & 1));
        entries.set(SHORT, at + FlowEntry.EXTERNAL, (short) external);
        FlowEntry.endChange(entries, at);
    }

    /** Notes of a session that its client's packets may come in at another worker. */
    public void markStray(final int forward) {
        final long at = at(forward) + FlowEntry.FLAGS;
        entries.set(BYTE, at, (byte) (entries.get(BYTE, at) | FlowEntry.FLAG_STRAY));
    }

    public boolean isStray(final int forward) {
        return (entries.get(BYTE, at(forward) + FlowEntry.FLAGS) & FlowEntry.FLAG_STRAY) != 0;
    }

    /** Frees the place of a session that a predecessor left. */
    public void discard(final int forward) {
        sessions++;
        release(forward);
    }

    /**
     * Makes both flows of a session findable.
     *
     * @return false when a bucket chain is full, or a flow of that key lives already; nothing is findable then, and
     *     the session is free again
     */
    public boolean publish(final int forward) {
        if (!insert(forward)) {
            release(forward);
            return false;
        }
        if (!insert(forward ^ 1)) {
            remove(forward);
            release(forward);
            return false;
        }
        return true;
    }

    /** Ends a live session: neither of its flows is found any more. */
    public void close(final int forward) {
        remove(forward);
        remove(forward ^ 1);
        release(forward);
    }

    private void release(final int forward) {
        clear(at(forward ^ 1));
        clear(at(forward));
        entries.set(LONG, at(forward) + FlowEntry.KEY_LO, freeSession);
        freeSession = forward >>> 1;
        sessions--;
    }

    private void clear(final long at) {
        FlowEntry.beginChange(entries, at);
        entries.set(BYTE, at + FlowEntry.FLAGS, (byte) 0);
        FlowEntry.endChange(entries, at);
    }

    private boolean insert(final int slot) {
        final long keyLo = keyLo(slot);
        final long keyHi = keyHi(slot);
        final long hash = hash(keyLo, keyHi);
        if (find(keyLo, keyHi, hash) != NOT_FOUND) {
            return false;
        }
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long bucket = bucket((int) hash + probe);
            final long free = FlowIndex.findFree(index, bucket);
            if (free != 0) {
                FlowIndex.set(index, bucket, FlowIndex.lane(free), FlowIndex.tag(hash), slot);
                return true;
            }
        }
        return false;
    }

    private void remove(final int slot) {
        final long hash = hash(keyLo(slot), keyHi(slot));
        final int tag = FlowIndex.tag(hash);
        for (int probe = 0; probe < PROBE_LIMIT; probe++) {
            final long bucket = bucket((int) hash + probe);
            for (int lane = 0; lane < FlowIndex.LANES; lane++) {
                if (FlowIndex.tagAt(index, bucket, lane) == tag && FlowIndex.slotAt(index, bucket, lane) == slot) {
                    freeLane((int) hash + probe, lane);
                    return;
                }
            }
        }
        throw new IllegalStateException("slot " + slot + " is live but not in the index");
    }

    /**
     * Frees a lane. If its bucket was full, lookups of keys that lie behind it would now stop here, so the first such
     * key is pulled back into the lane, and so on from the lane that it leaves.
     */
    private void freeLane(final int fromBucket, final int fromLane) {
        int at = fromBucket;
        int lane = fromLane;
        boolean wasFull = FlowIndex.findFree(index, bucket(at)) == 0;
        final boolean mayMove = wasFull;
        if (mayMove) {
            moves.begin();
        }
        FlowIndex.clear(index, bucket(at), lane);
        // The hole moves on with each key that is pulled back; keys reach it from PROBE_LIMIT - 1 buckets behind it.
        for (int next = fromBucket + 1; wasFull && next - at < PROBE_LIMIT; next++) {
            final long bucket = bucket(next);
            final boolean nextIsFull = FlowIndex.findFree(index, bucket) == 0;
            final int displaced = displacedLane(bucket, next, next - at);
            if (displaced < FlowIndex.LANES) {
                FlowIndex.set(index, bucket(at), lane, FlowIndex.tagAt(index, bucket, displaced),
                        FlowIndex.slotAt(index, bucket, displaced));
                FlowIndex.clear(index, bucket, displaced);
                at = next;
                lane = displaced;
            }
            // A key beyond a bucket that is not full did not pass through the hole.
            wasFull = nextIsFull;
        }
        if (mayMove) {
            moves.end();
        }
    }

    /** The first lane of bucket {@code at} whose key's home lies at least {@code distance} buckets before it. */
    private int displacedLane(final long bucket, final int at, final int distance) {
        for (int lane = 0; lane < FlowIndex.LANES; lane++) {
            if (FlowIndex.tagAt(index, bucket, lane) != 0) {
                final int slot = FlowIndex.slotAt(index, bucket, lane);
                final int home = (int) hash(keyLo(slot), keyHi(slot));
                if ((at - home & bucketMask) >= distance) {
                    return lane;
                }
            }
        }
        return FlowIndex.LANES;
    }

    /**
     * Walks every invariant: each live flow is found at its slot, the index holds nothing else, twins are both live,
     * and the counts agree. Slow; for tests and for the start on an existing file.
     *
     * @throws IllegalStateException that names the first violation
     */
    public void selfCheck() {
        int live = 0;
        for (int slot = 0; slot < highWater << 1; slot++) {
            final MemorySegment entry = entry(slot);
            if (FlowEntry.isLive(entry)) {
                live++;
                final long keyLo = FlowEntry.keyLo(entry);
                final long keyHi = FlowEntry.keyHi(entry);
                require(find(keyLo, keyHi, hash(keyLo, keyHi)) == slot, "a live flow is not found at slot " + slot);
                require(FlowEntry.isLive(entry(slot ^ 1)), "the twin of slot " + slot + " is not live");
                require((FlowEntry.version(entry) & 1) == 0, "slot " + slot + " is half written");
            }
        }
        int indexed = 0;
        for (int bucket = 0; bucket <= bucketMask; bucket++) {
            for (int lane = 0; lane < FlowIndex.LANES; lane++) {
                indexed += FlowIndex.tagAt(index, bucket(bucket), lane) != 0 ? 1 : 0;
            }
        }
        require(live == indexed, live + " flows are live and " + indexed + " are indexed");
        require(live == sessions << 1, live + " flows are live in " + sessions + " sessions");
    }

    private static void require(final boolean holds, final String otherwise) {
        if (!holds) {
            throw new IllegalStateException(otherwise);
        }
    }

    public long keyLo(final int slot) {
        return entries.get(LONG, at(slot) + FlowEntry.KEY_LO);
    }

    public long keyHi(final int slot) {
        return entries.get(LONG, at(slot) + FlowEntry.KEY_HI) & FlowEntry.KEY_HI_MASK;
    }

    public int adjacency(final int slot) {
        return Short.toUnsignedInt(entries.get(SHORT, at(slot) + FlowEntry.ADJACENCY));
    }

    /** Names the next hop of a live flow that had none. */
    public void adjacency(final int slot, final int adjacency) {
        entries.set(SHORT, at(slot) + FlowEntry.ADJACENCY, (short) adjacency);
    }

    /** Which of the pool's addresses lent the port; of a forward flow. */
    public int external(final int slot) {
        return Short.toUnsignedInt(entries.get(SHORT, at(slot) + FlowEntry.EXTERNAL));
    }

    /** The rule of a live flow. */
    public int rule(final int slot) {
        return Short.toUnsignedInt(entries.get(SHORT, at(slot) + FlowEntry.TRAFFIC)) >>> 1;
    }

    private static long at(final int slot) {
        return (long) slot * FlowEntry.LENGTH;
    }

    /** Offset in the index. */
    private long bucket(final int number) {
        return (long) (number & bucketMask) * FlowIndex.BUCKET_LENGTH;
    }
}
