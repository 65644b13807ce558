// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv6Address;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import java.util.List;

/**
 * The next hops: who they are, their MAC address, and whether they answer. One table for all workers, because ARP
 * replies and neighbor advertisements arrive at one of them only. A place is a cache line that flows name by its
 * number, the <em>adjacency</em>.
 * <pre>
 *  byte 0              8                       16             20          24            32      64
 *     0 | address high | dst MAC, src MAC 0..1 | src MAC 2..5 | link, mtu | address low | unused |
 * </pre>
 * The address is there in full, IPv4 as ::ffff:a.b.c.d. The MTU reads 0 while the next hop cannot be used, so that the
 * walk finds that out by the one comparison it makes anyway.
 * <p>
 * Two kinds share the places. Gateways, targets and fixed neighbours are <em>configured</em> before the first packet
 * and stay for ever. All others are clients in connected networks, whose number outsiders choose; they are
 * <em>learned</em>, and a flow names one only after it has answered, or asked for us. Until then the flow names
 * {@link #UNKNOWN}. So whoever makes addresses up keeps nobody out: those that do not answer are 1,024 at most, those
 * that asked for us and that no flow has named since are 1,024 at most, and the oldest makes room.
 * <p>
 * What changes is changed under a spin lock, for some tens of nanoseconds: when a session opens or ends, when a client
 * or another next hop answers, and when it is asked. The walk reads the lines of places that its flows reference and
 * takes no lock: such a place keeps its next hop.
 */
public final class Neighbors {
    /** The adjacency of a flow whose next hop has not answered yet: its line has no MTU. */
    public static final int UNKNOWN = 0;
    public static final int NO_PLACE = -1;
    /** Places in all. An adjacency is 16 bits in a flow entry. */
    public static final int CAPACITY = 16_384;
    /** Places that the configuration leaves to clients, at least: as many as a large broadcast domain has hosts. */
    public static final int LEARNED_ROOM = 4_096;

    /** Read by the rewrite stage: 12 bytes of Ethernet header from {@link #MACS_LO}, then {@link #EGRESS}. */
    public static final int MACS_LO = 8;
    public static final int MACS_HI = MACS_LO + Long.BYTES;
    /** Link in the low half, MTU in the high half; the MTU is 0 while the next hop is not resolved. */
    public static final int EGRESS = MACS_HI + Integer.BYTES;
    public static final int ENTRY_LENGTH = 64;
    static final int ADDRESS_HIGH = 0;
    static final int ADDRESS_LOW = EGRESS + Integer.BYTES;
    /** Bytes of all entries. */
    static final long LENGTH = (long) CAPACITY * ENTRY_LENGTH;

    /** What the metric {@code culvert_neighbors} tells apart. */
    public enum State { INCOMPLETE, REACHABLE, PROBING, FAILED, STATIC }

    private static final byte INCOMPLETE = (byte) State.INCOMPLETE.ordinal();
    private static final byte REACHABLE = (byte) State.REACHABLE.ordinal();
    private static final byte PROBING = (byte) State.PROBING.ordinal();
    private static final byte FAILED = (byte) State.FAILED.ordinal();
    private static final byte STATIC = (byte) State.STATIC.ordinal();
    private static final byte FREE = -1;
    /** Configured, and nobody has needed it yet. */
    private static final byte RESERVED = -2;

    /** Clients that were asked for, or wait for it, and that no flow names. */
    private static final int UNRESOLVED_LIMIT = 1_024;
    /** When all places are taken, those without an answer make room before those with one while there are so many. */
    private static final int UNRESOLVED_KEPT = 256;
    /** Clients that wait for their first request: at the budget's rate, 64 ms. */
    private static final int BACKLOG_LIMIT = 64;
    /** Of these, how many may be there because a packet needs them; the rest is for clients that open sessions. */
    private static final int BACKLOG_FOR_PACKETS = BACKLOG_LIMIT / 4;
    /** Clients that asked for us and that no flow has named since. */
    private static final int INTRODUCED_LIMIT = 1_024;
    /** Requests for clients that no flow names, in a second; others have a budget of their own. */
    private static final int NEWCOMERS_PER_SECOND = 1_000;
    private static final int KNOWN_PER_SECOND = 2_000;

    /** RFC 4861 10: RETRANS_TIMER and MAX_MULTICAST_SOLICIT. RFC 1122 2.3.2.1 allows one request a second, too. */
    private static final int RETRY_MS = 1_000;
    private static final int TRIES_LIMIT = 3;
    /** Who was given up is asked for only if a packet needs it: after 2 s, 4 s, 8 s, and then each 16 s. */
    private static final int BACKOFF_SHIFT_LIMIT = 4;
    /** RFC 1122 2.3.2.1 asks for a timeout on the order of a minute; Linux confirms after 30 s on average. */
    private static final int CONFIRM_AFTER_MS = 30_000;
    /** In this time {@link #maintain} looks at every place. */
    private static final int ROUND_MS = 100;

    private static final VarHandle LOCKED;

    static {
        try {
            LOCKED = MethodHandles.lookup().findVarHandle(Neighbors.class, "locked", boolean.class);
        } catch (final ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Link[] links;
    private final MemorySegment entries;
    private final CacheLines lines;
    /** Complete before the workers run, and read by them without the lock. */
    private final NeighborIndex configured;
    private final NeighborIndex learned;

    // By place.
    private final byte[] state = new byte[CAPACITY];
    /** Requests since the last answer. */
    private final byte[] tries = new byte[CAPACITY];
    private final long[] askedMs = new long[CAPACITY];
    private final long[] confirmedMs = new long[CAPACITY];
    private final boolean[] isIntroduced = new boolean[CAPACITY];
    /** Of a learned place; a configured one is not counted. */
    private final int[] references = new int[CAPACITY];
    /** Whether a packet has needed a next hop that was given up since it was last asked for. */
    private final boolean[] isNeeded = new boolean[CAPACITY];

    /** Places below this one are configured, those from it on are or become learned. */
    private int configuredEnd = UNKNOWN + 1;
    /** Places from this one on have never been used. */
    private volatile int highWater = UNKNOWN + 1;
    /** Learned places that no flow names, without an answer and with one. */
    private final PlaceQueue unresolved;
    private final PlaceQueue idle;
    /** Learned places of clients that asked for us: {@link #introduce}. */
    private final PlaceQueue introduced;
    private final int[] backlog = new int[BACKLOG_LIMIT];
    private int backlogHead;
    private volatile int backlogCount;

    private boolean locked;
    private volatile int generation;
    private volatile boolean wanted;

    // Of the worker that asks.
    private final RequestBudget newcomers = new RequestBudget(NEWCOMERS_PER_SECOND, BACKLOG_LIMIT);
    private final RequestBudget known = new RequestBudget(KNOWN_PER_SECOND, KNOWN_PER_SECOND / 10);
    private int cursor;
    private long maintainedMs;
    private int askedLink;
    private long askedHigh;
    private long askedLow;
    private long askedMac;

    public Neighbors(final List<Link> links, final Arena arena) {
        this(links, arena.allocate(LENGTH, ENTRY_LENGTH));
    }

    /** @param memory {@link #LENGTH} zeros, which live for longer than this */
    public Neighbors(final List<Link> links, final MemorySegment memory) {
        this.links = links.toArray(Link[]::new);
        this.entries = NativeMemory.unscoped(memory);
        this.lines = new CacheLines(entries);
        this.configured = new NeighborIndex(entries, CAPACITY);
        this.learned = new NeighborIndex(entries, CAPACITY);
        final PlaceQueue.Links order = new PlaceQueue.Links(CAPACITY);
        this.unresolved = new PlaceQueue(order);
        this.idle = new PlaceQueue(order);
        this.introduced = new PlaceQueue(order);
        Arrays.fill(state, FREE);
    }

    static long at(final int place) {
        return (long) place * ENTRY_LENGTH;
    }

    /** {@link #configure(int, long, long)} for IPv4. */
    public int configure(final int link, final int address) {
        return configure(link, 0, Ipv6Address.mapped(address));
    }

    /**
     * Gives a gateway, a target or a fixed neighbour its place for ever. It is asked for when it is first needed, see
     * {@link #need}. Before the workers run.
     *
     * @param high and {@code low} halves of its address; IPv4 as ::ffff:a.b.c.d
     * @return its adjacency
     * @throws IllegalStateException when there are so many that clients would have fewer than {@link #LEARNED_ROOM}
     */
    public int configure(final int link, final long high, final long low) {
        final int known = configured.find(link, high, low);
        if (known != UNKNOWN) {
            return known;
        }
        if (configuredEnd != highWater || configuredEnd == CAPACITY - LEARNED_ROOM) {
            throw new IllegalStateException(configuredEnd != highWater ? "clients have places already"
                    : "more than " + (CAPACITY - LEARNED_ROOM - 1) + " gateways, targets and fixed neighbors");
        }
        final int place = configuredEnd++;
        highWater = configuredEnd;
        write(place, link, high, low);
        state[place] = RESERVED;
        configured.add(place);
        return place;
    }

    /** {@link #addStatic(int, long, long, long)} for IPv4. */
    public void addStatic(final int link, final int address, final long mac) {
        addStatic(link, 0, Ipv6Address.mapped(address), mac);
    }

    /** A next hop whose MAC address the configuration gives: never asked for, never forgotten. */
    public void addStatic(final int link, final long high, final long low, final long mac) {
        final int place = configure(link, high, low);
        resolve(place, mac);
        state[place] = STATIC;
    }

    /**
     * Sends to the MAC addresses that a predecessor knew until their owners have answered this process. Those that are
     * in use are asked for all the same, and by broadcast: an address may have moved meanwhile.
     *
     * @param before its memory
     * @param linkNow the index that each of its links has now, negative for those that are no more
     */
    public void recall(final MemorySegment before, final int[] linkNow) {
        for (long at = 0; at < before.byteSize(); at += ENTRY_LENGTH) {
            final int egress = before.get(JAVA_INT, at + EGRESS);
            final int link = egress & 0xFFFF;
            if (egress >>> Short.SIZE != 0 && link < linkNow.length && linkNow[link] >= 0) {
                recall(linkNow[link], before.get(JAVA_LONG, at + ADDRESS_HIGH),
                        before.get(JAVA_LONG, at + ADDRESS_LOW), before.get(JAVA_LONG, at + MACS_LO));
            }
        }
    }

    private void recall(final int link, final long high, final long low, final long mac) {
        lock();
        try {
            int place = configured.find(link, high, low);
            if (place == UNKNOWN && learned.find(link, high, low) == UNKNOWN) {
                place = claim(link, high, low);
                if (place != NO_PLACE) {
                    idle.add(place);
                }
            }
            if (place > UNKNOWN && !isResolved(place)) {
                resolve(place, mac);
            }
        } finally {
            unlock();
        }
    }

    /** The adjacency of a configured next hop, or {@link #UNKNOWN}: then it is a client that may be learned. */
    public int configured(final int link, final long high, final long low) {
        return configured.find(link, high, low);
    }

    /** Whether a flow to this client can be given a place, when it answers: for who is about to open a session. */
    public boolean hasRoom(final int link, final long high, final long low) {
        lock();
        try {
            return highWater < CAPACITY || unresolved.size() + idle.size() + introduced.size() > 0
                    || learned.find(link, high, low) != UNKNOWN;
        } finally {
            unlock();
        }
    }

    /**
     * References a client that has answered, for a flow that will name it; another is asked for, as far as the budget
     * goes. Every reference ends with {@link #release}.
     *
     * @param opens whether a session opens; a packet of one that is open stands back behind those that do
     * @return its adjacency, or {@link #UNKNOWN}
     */
    public int acquire(final int link, final long high, final long low, final boolean opens) {
        lock();
        try {
            final int place = learned.find(link, high, low);
            if (place == UNKNOWN) {
                seek(link, high, low, opens ? BACKLOG_LIMIT : BACKLOG_FOR_PACKETS);
                return UNKNOWN;
            }
            if (!isResolved(place)) {
                isNeeded[place] = true;
                return UNKNOWN;
            }
            if (references[place]++ == 0) {
                (isIntroduced[place] ? introduced : idle).remove(place);
                isIntroduced[place] = false;
            }
            return place;
        } finally {
            unlock();
        }
    }

    /** Ends a reference. {@link #UNKNOWN} and configured next hops have none. */
    public void release(final int adjacency) {
        if (adjacency < configuredEnd) {
            return;
        }
        lock();
        try {
            if (--references[adjacency] == 0) {
                (isResolved(adjacency) ? idle : unresolved).add(adjacency);
            }
        } finally {
            unlock();
        }
    }

    /**
     * The place of a client for whose answer a packet may wait. It may become another's before: the packet finds its
     * next hop anew when it is woken.
     *
     * @return {@link #NO_PLACE} when the budget of requests has no room for it now
     */
    public int placeToWaitFor(final int link, final long high, final long low) {
        lock();
        try {
            final int place = learned.find(link, high, low);
            return place == UNKNOWN ? seek(link, high, low, BACKLOG_FOR_PACKETS) : place;
        } finally {
            unlock();
        }
    }

    /** Says that a packet or a session needs this next hop: one that nobody asked for yet, or not any more, is. */
    public void need(final int place) {
        if (state[place] == FAILED) {
            isNeeded[place] = true;
        } else if (state[place] == RESERVED) {
            lock();
            try {
                state[place] = state[place] == RESERVED ? INCOMPLETE : state[place];
                wanted = true;
            } finally {
                unlock();
            }
        }
    }

    /** Has all configured next hops asked for: at the start, so that the first packets need not wait. */
    public void needConfigured() {
        for (int place = UNKNOWN + 1; place < configuredEnd; place++) {
            need(place);
        }
    }

    /** All places: for the walk, which takes them by {@link CacheLines#line(MemorySegment, int)}. */
    public MemorySegment entries() {
        return lines.all();
    }

    /** Copies the line of an adjacency out: for code too seldom on the way for the compiler to dissolve a view. */
    public void read(final int adjacency, final MemorySegment copy) {
        copy.set(JAVA_LONG, MACS_HI, entries.get(JAVA_LONG, at(adjacency) + MACS_HI));
        // The MTU that says that the MAC address is known must not be read behind an older MAC address.
        VarHandle.loadLoadFence();
        copy.set(JAVA_LONG, MACS_LO, entries.get(JAVA_LONG, at(adjacency) + MACS_LO));
    }

    /** Changes whenever a next hop becomes usable or is given up: then waiting packets are worth a look. */
    public int generation() {
        return generation;
    }

    /** The link that the next hop is on. */
    public int link(final int adjacency) {
        return entries.get(JAVA_INT, at(adjacency) + EGRESS) & 0xFFFF;
    }

    /**
     * Whether waiting for the next hop is in vain: it was given up, its last request has had a second, and the next
     * one, which a packet can have sent by {@link #need}, may not be sent yet.
     */
    public boolean hasFailed(final int place, final long nowMs) {
        final long sinceMs = nowMs - askedMs[place];
        return state[place] == FAILED && sinceMs >= RETRY_MS && sinceMs < patienceMs(FAILED, tries[place]);
    }

    public boolean isResolved(final int place) {
        return mtu(place) != 0;
    }

    /** Longest IP packet that can leave there, bytes; 0 while the next hop is not resolved. */
    public int mtu(final int place) {
        return entries.get(JAVA_INT, at(place) + EGRESS) >>> Short.SIZE;
    }

    /** {@link #confirm(int, long, long, long, boolean, boolean, long)} for IPv4, where who speaks last is right. */
    public boolean confirm(final int link, final int address, final long mac, final long nowMs) {
        return confirm(link, 0, Ipv6Address.mapped(address), mac, true, true, nowMs);
    }

    /**
     * Takes in what an ARP packet or a neighbor advertisement says of its sender, if the sender is a next hop we know
     * or asked for: others cannot fill the table.
     *
     * @param mac 0 when it says only that the neighbour is still there
     * @param overrides whether a MAC address that is known may be replaced (RFC 4861 7.2.5)
     * @param answers whether it answers a question of ours: only then it proves that the neighbour hears us
     * @return whether it is known
     */
    public boolean confirm(final int link, final long high, final long low, final long mac,
                           final boolean overrides, final boolean answers, final long nowMs) {
        lock();
        try {
            final int fixed = configured.find(link, high, low);
            final int place = fixed != UNKNOWN ? fixed : learned.find(link, high, low);
            if (place == UNKNOWN) {
                return false;
            }
            if (state[place] != STATIC && mayLearn(place, mac, overrides) && (answers || isNews(place, mac))) {
                confirmedMs[place] = answers ? nowMs : nowMs - CONFIRM_AFTER_MS - 1;
                tries[place] = 0;
                state[place] = REACHABLE;
                if (!isResolved(place) && place >= configuredEnd && references[place] == 0) {
                    unresolved.remove(place);
                    idle.add(place);
                }
                if (resolve(place, mac == 0 ? mac(place) : mac)) {
                    changed();
                }
            }
            return true;
        } finally {
            unlock();
        }
    }

    private boolean mayLearn(final int place, final long mac, final boolean overrides) {
        if (!isResolved(place)) {
            return mac != 0;
        }
        return overrides || mac == 0 || mac == mac(place);
    }

    /**
     * Takes in the sender of a request for one of our addresses whom {@link #confirm} does not know, as RFC 826 and RFC
     * 4861 7.2.3 have it. A client asks for us a moment before its first packet: so its session finds it, and nobody
     * has to ask, however many senders that do not exist wait to be asked for. Places for it are 1,024, and the oldest
     * that no session has named makes room.
     */
    public void introduce(final int link, final long high, final long low, final long mac, final long nowMs) {
        lock();
        try {
            if (mac != 0 && configured.find(link, high, low) == UNKNOWN
                    && learned.find(link, high, low) == UNKNOWN) {
                final int place = introduced.size() < INTRODUCED_LIMIT ? claim(link, high, low)
                        : reuse(take(introduced), link, high, low);
                if (place != NO_PLACE) {
                    confirmedMs[place] = nowMs;
                    state[place] = REACHABLE;
                    isIntroduced[place] = true;
                    introduced.add(place);
                    resolve(place, mac);
                }
            }
        } finally {
            unlock();
        }
    }

    /** Whether it says another MAC address than the one we know. */
    private boolean isNews(final int place, final long mac) {
        return !isResolved(place) || mac != 0 && mac != mac(place);
    }

    private long mac(final int place) {
        return entries.get(JAVA_LONG, at(place) + MACS_LO) & Ethernet.MAC_MASK;
    }

    /** Whether {@link #maintain} has something to do before its next turn. */
    public boolean isWanted() {
        return wanted || backlogCount > 0;
    }

    /**
     * A turn of the worker that asks: for the clients that wait for their first request, then for whom it is time
     * among a slice of all places, so that every place is looked at ten times a second.
     */
    public void maintain(final Solicitor solicitor, final long nowMs) {
        newcomers.refill(nowMs);
        known.refill(nowMs);
        while (backlogCount > 0 && newcomers.hasLeft()) {
            if (askNextOfBacklog(nowMs)) {
                solicit(solicitor);
            }
        }
        final int places = highWater - 1;
        final long slice = wanted ? places : Math.clamp((nowMs - maintainedMs) * places / ROUND_MS + 1, 0, places);
        wanted = false;
        maintainedMs = nowMs;
        for (int i = 0; i < slice; i++) {
            cursor = cursor % places + 1;
            final RequestBudget budget = isUsed(cursor) ? known : newcomers;
            if (isDue(cursor, nowMs) && budget.hasLeft() && ask(cursor, nowMs)) {
                budget.spend();
                solicit(solicitor);
            }
        }
    }

    /** How many next hops are in this state: for the metrics, not for the walk. */
    public int count(final State counted) {
        int count = 0;
        for (int place = UNKNOWN + 1; place < highWater; place++) {
            count += state[place] == counted.ordinal() ? 1 : 0;
        }
        return count;
    }

    /** @return false when the next one of the backlog has answered or left meanwhile */
    private boolean askNextOfBacklog(final long nowMs) {
        lock();
        try {
            final int place = backlog[backlogHead];
            backlogHead = (backlogHead + 1) % BACKLOG_LIMIT;
            backlogCount = backlogCount - 1;
            if (state[place] != INCOMPLETE || tries[place] != 0) {
                return false;
            }
            newcomers.spend();
            note(place, nowMs, 0);
            return true;
        } finally {
            unlock();
        }
    }

    /** Whether a flow names it or may at any time: then it is kept confirmed. */
    private boolean isUsed(final int place) {
        return place < configuredEnd || references[place] > 0;
    }

    private boolean isDue(final int place, final long nowMs) {
        final byte now = state[place];
        if (now < INCOMPLETE || now == STATIC || isResolved(place) && !isUsed(place)) {
            return false;
        }
        if (now == REACHABLE) {
            return nowMs - confirmedMs[place] > CONFIRM_AFTER_MS;
        }
        if (tries[place] == 0) {
            // What waits in the backlog has its turn there.
            return isUsed(place);
        }
        return (now != FAILED || isNeeded[place]) && nowMs - askedMs[place] >= patienceMs(now, tries[place]);
    }

    private static int patienceMs(final byte state, final int tries) {
        return state == FAILED ? RETRY_MS << Math.min(tries - TRIES_LIMIT + 1, BACKOFF_SHIFT_LIMIT) : RETRY_MS;
    }

    /** Moves a place that is due to its next state. @return whether it is to be asked for */
    private boolean ask(final int place, final long nowMs) {
        lock();
        try {
            if (!isDue(place, nowMs)) {
                return false; // it answered, or became another's, since it was looked at
            }
            if (state[place] == INCOMPLETE && tries[place] >= TRIES_LIMIT) {
                state[place] = FAILED;
                isNeeded[place] = false;
                giveUp(place);
                return false;
            }
            if (state[place] == REACHABLE) {
                state[place] = PROBING;
            } else if (state[place] == PROBING && tries[place] >= TRIES_LIMIT) {
                // Who does not answer at the MAC address that it had is asked for anew, and everybody hears it.
                state[place] = INCOMPLETE;
                tries[place] = 0;
                giveUp(place);
            }
            // The known address is asked first: a unicast confirmation does not wake the whole network (RFC 1122).
            note(place, nowMs, state[place] == PROBING ? mac(place) : 0);
            return true;
        } finally {
            unlock();
        }
    }

    private void giveUp(final int place) {
        entries.set(JAVA_INT, at(place) + EGRESS, link(place));
        changed();
    }

    /** Notes a request, and whom to ask: the place may be another's when the request is written. */
    private void note(final int place, final long nowMs, final long mac) {
        askedMs[place] = nowMs;
        tries[place] = (byte) Math.min(tries[place] + 1, TRIES_LIMIT + BACKOFF_SHIFT_LIMIT);
        isNeeded[place] = false;
        askedLink = link(place);
        askedHigh = entries.get(JAVA_LONG, at(place) + ADDRESS_HIGH);
        askedLow = entries.get(JAVA_LONG, at(place) + ADDRESS_LOW);
        askedMac = mac;
    }

    private void solicit(final Solicitor solicitor) {
        solicitor.solicit(links[askedLink], askedHigh, askedLow, askedMac);
    }

    /** @return whether it could not be used before */
    private boolean resolve(final int place, final long mac) {
        final long at = at(place);
        final boolean wasResolved = isResolved(place);
        final int link = link(place);
        entries.set(JAVA_LONG, at + MACS_LO, mac & Ethernet.MAC_MASK | links[link].mac() << 48);
        // A learned place has its MAC address before a flow names it, by way of the lock. A configured one is named
        // before: the walk reads its MTU and then its MAC address, in this order on x86-64, where loads keep theirs.
        VarHandle.storeStoreFence();
        entries.set(JAVA_INT, at + EGRESS, link | links[link].mtu() << Short.SIZE);
        return !wasResolved;
    }

    @SuppressWarnings("NonAtomicOperationOnVolatileField") // under the lock; readers only compare for equality
    private void changed() {
        generation = generation + 1;
    }

    /** Gives a client a place and a request, when fewer than so many wait for theirs. @return its place or NO_PLACE */
    private int seek(final int link, final long high, final long low, final int backlogLimit) {
        if (backlogCount >= backlogLimit) {
            return NO_PLACE;
        }
        final int place = claim(link, high, low);
        if (place != NO_PLACE) {
            unresolved.add(place);
            backlog[(backlogHead + backlogCount) % BACKLOG_LIMIT] = place;
            backlogCount = backlogCount + 1;
        }
        return place;
    }

    /** A place for a client: one never used, or that of a client which no flow names. It is in no queue yet. */
    private int claim(final int link, final long high, final long low) {
        int place = NO_PLACE;
        if (unresolved.size() >= UNRESOLVED_LIMIT) {
            place = take(unresolved);
        } else if (highWater < CAPACITY) {
            place = highWater;
            highWater = place + 1;
        } else if (unresolved.size() > UNRESOLVED_KEPT || idle.size() == 0 && unresolved.size() > 0) {
            place = take(unresolved);
        } else if (idle.size() > 0) {
            place = take(idle);
        } else if (introduced.size() > 0) {
            place = take(introduced);
        }
        return place == NO_PLACE ? NO_PLACE : reuse(place, link, high, low);
    }

    private int reuse(final int place, final int link, final long high, final long low) {
        write(place, link, high, low);
        learned.add(place);
        return place;
    }

    private int take(final PlaceQueue queue) {
        final int place = queue.oldest();
        queue.remove(place);
        learned.remove(place);
        return place;
    }

    private void write(final int place, final int link, final long high, final long low) {
        final long at = at(place);
        entries.set(JAVA_INT, at + EGRESS, link);
        entries.set(JAVA_LONG, at + MACS_LO, links[link].mac() << 48);
        entries.set(JAVA_INT, at + MACS_HI, (int) (links[link].mac() >>> 16));
        entries.set(JAVA_LONG, at + ADDRESS_HIGH, high);
        entries.set(JAVA_LONG, at + ADDRESS_LOW, low);
        state[place] = INCOMPLETE;
        tries[place] = 0;
        isNeeded[place] = false;
        isIntroduced[place] = false;
    }

    private void lock() {
        while (!LOCKED.weakCompareAndSetAcquire(this, false, true)) {
            Thread.onSpinWait();
        }
    }

    private void unlock() {
        LOCKED.setRelease(this, false);
    }
}
