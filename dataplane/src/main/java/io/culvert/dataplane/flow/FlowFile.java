// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.dataplane.state.StateDirectory;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv6Address;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.UUID;

/**
 * The file that one worker's flow table lies in, on hugetlbfs or tmpfs: a header that describes it, the index, the
 * entries, and what the numbers in them mean. The worker maps it writable; every reader maps it read-only and needs
 * nothing from the worker. The next process of the instance goes on with it ({@link #attach}).
 * <pre>
 *     0 | magic            | layout | worker | pid            | sessions | buckets  |
 *    32 | seed lo          | seed hi         | now, ms        | highest session used | addresses |
 *    64 | workers | rules   | ports   | -     | clock cycles per s | boot id, 16 bytes
 *   128 | port fingerprints: 32 x 8 bytes
 *   384 | spread key: 64 bytes
 *  4096 | index: buckets x 64 bytes
 *       | entries: 2 x sessions x 64 bytes
 *       | address book: addresses x 16 bytes
 *       | rule fingerprints: 10,000 x 8 bytes
 * </pre>
 */
public final class FlowFile {
    /** "CULVFLOW" read as a little-endian long. */
    private static final long MAGIC = 0x574F4C46_564C5543L;
    private static final int LAYOUT_VERSION = 6;

    private static final int MAGIC_AT = 0;
    private static final int LAYOUT_AT = MAGIC_AT + Long.BYTES;
    private static final int WORKER_AT = LAYOUT_AT + Integer.BYTES;
    private static final int PID_AT = WORKER_AT + Integer.BYTES;
    private static final int SESSIONS_AT = PID_AT + Long.BYTES;
    private static final int BUCKETS_AT = SESSIONS_AT + Integer.BYTES;
    private static final int SEED_LO_AT = BUCKETS_AT + Integer.BYTES;
    private static final int SEED_HI_AT = SEED_LO_AT + Long.BYTES;
    private static final int NOW_AT = SEED_HI_AT + Long.BYTES;
    private static final int HIGH_WATER_AT = NOW_AT + Long.BYTES;
    private static final int ADDRESSES_AT = HIGH_WATER_AT + Integer.BYTES;
    private static final int WORKERS_AT = ADDRESSES_AT + Integer.BYTES;
    private static final int RULES_AT = WORKERS_AT + Integer.BYTES;
    private static final int PORTS_AT = RULES_AT + Integer.BYTES;
    private static final int HZ_AT = PORTS_AT + 2 * Integer.BYTES;
    private static final int BOOT_LO_AT = HZ_AT + Long.BYTES;
    private static final int BOOT_HI_AT = BOOT_LO_AT + Long.BYTES;
    private static final int PORT_NAMES_AT = 128;
    private static final int SPREAD_KEY_AT = 384;
    private static final int HEADER_LENGTH = 4096;

    /** As many as a configuration may have. */
    private static final int PORTS_LIMIT = 32;
    private static final int RULES_LIMIT = 10_000;
    private static final long RULES_LENGTH = (long) RULES_LIMIT * Long.BYTES;
    /** Bytes of the key under which packets are spread over the workers. */
    public static final int SPREAD_KEY_LENGTH = 64;
    /** No workers: whoever finds the file so cannot tell what the numbers in it mean. */
    private static final int NOBODY = 0;
    private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");

    /** Both entries of a session, forward first. */
    public static final int SESSION_LENGTH = 2 * FlowEntry.LENGTH;
    /** Behind a session's copy lies its client's address in full: its number may be another's a moment later. */
    private static final int COPY_CLIENT = SESSION_LENGTH;
    public static final int COPY_LENGTH = COPY_CLIENT + AddressBook.ENTRY_LENGTH;

    /** A change lasts nanoseconds; one that outlasts so many looks was cut short, and a reader must not wait for it. */
    private static final int READ_ATTEMPTS = 100;

    /** Half of the lanes stay free, so that a bucket seldom overflows into the next. */
    private static final int FLOWS_PER_BUCKET = FlowIndex.LANES / 2;

    private final MemorySegment header;
    private final MemorySegment index;
    private final MemorySegment entries;
    private final MemorySegment addresses;
    private final MemorySegment rules;

    /**
     * What the process is that writes the file. Another may go on with the sessions if it has as many workers and the
     * same clock; what its rules and ports have in common with these is told by their fingerprints.
     *
     * @param hz of the clock in whose milliseconds the entries' times are
     * @param spreadKey under which packets are spread over the workers, {@link #SPREAD_KEY_LENGTH} bytes: kept as long
     *     as the sessions, so that their packets come in where they live
     * @param rules and {@code ports}: a fingerprint of each, in the order of their indices
     */
    public record Owner(int workers, long hz, byte[] spreadKey, long[] rules, long[] ports) { }

    private FlowFile(final MemorySegment file) {
        final long buckets = file.get(JAVA_INT, BUCKETS_AT);
        final long sessions = file.get(JAVA_INT, SESSIONS_AT);
        final long numbered = file.get(JAVA_INT, ADDRESSES_AT);
        this.header = file.asSlice(0, HEADER_LENGTH);
        this.index = file.asSlice(HEADER_LENGTH, buckets * FlowIndex.BUCKET_LENGTH);
        this.entries = file.asSlice(HEADER_LENGTH + index.byteSize(), 2 * sessions * FlowEntry.LENGTH);
        this.addresses = file.asSlice(HEADER_LENGTH + index.byteSize() + entries.byteSize(),
                numbered * AddressBook.ENTRY_LENGTH);
        this.rules = file.asSlice(HEADER_LENGTH + index.byteSize() + entries.byteSize() + addresses.byteSize(),
                RULES_LENGTH);
    }

    /** {@link #create(Path, int, int, int, long, Arena)} without IPv6. */
    public static FlowFile create(final Path path, final int worker, final int sessions, final long granularity,
                                  final Arena arena) throws IOException {
        return create(path, worker, sessions, 0, granularity, arena);
    }

    /**
     * Writes a new, empty file in place of what is there and maps it; who has the old one mapped keeps that. All its
     * memory is set aside.
     *
     * @param sessions how many it can hold
     * @param addresses of IPv6 that it can hold
     * @param granularity the file's size is a multiple of this: the huge page size, or 4096
     * @throws IOException as {@link StateDirectory#own} and {@link StateDirectory#create} say
     */
    public static FlowFile create(final Path path, final int worker, final int sessions, final int addresses,
                                  final long granularity, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.own(path.getParent())) {
            final MemorySegment file = directory.create(
                    path.getFileName().toString(), bytesFor(sessions, addresses), granularity, arena);
            describe(file, worker, sessions, bucketsFor(sessions), addresses);
            file.set(JAVA_LONG, BOOT_LO_AT, bootId().getLeastSignificantBits());
            file.set(JAVA_LONG, BOOT_HI_AT, bootId().getMostSignificantBits());
            return new FlowFile(file);
        }
    }

    /** {@link #inMemory(int, int, Arena)} without IPv6. */
    public static FlowFile inMemory(final int sessions, final Arena arena) {
        return inMemory(sessions, 0, arena);
    }

    /** A table in anonymous memory: for tests and benchmarks. */
    public static FlowFile inMemory(final int sessions, final int addresses, final Arena arena) {
        final int buckets = bucketsFor(sessions);
        final MemorySegment file = arena.allocate(bytesFor(sessions, addresses), FlowEntry.LENGTH);
        describe(file, 0, sessions, buckets, addresses);
        return new FlowFile(file);
    }

    /** Maps a worker's file read-only. @throws IOException when it is none, or of another layout */
    public static FlowFile read(final Path path, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.of(path.getParent());
                FileChannel channel = directory.read(path.getFileName().toString())) {
            return map(path, channel, FileChannel.MapMode.READ_ONLY, arena);
        }
    }

    /**
     * Maps the file of a process that has ended, to go on with it; nothing in it is changed yet.
     *
     * @throws IOException that says why it is of no use: no file of this layout, from before a reboot, or left in the
     *     middle of a change of its owner
     */
    public static FlowFile attach(final Path path, final Arena arena) throws IOException {
        try (StateDirectory directory = StateDirectory.own(path.getParent());
                FileChannel channel = directory.write(path.getFileName().toString())) {
            final FlowFile file = map(path, channel, FileChannel.MapMode.READ_WRITE, arena);
            if (file.header.get(JAVA_LONG, BOOT_LO_AT) != bootId().getLeastSignificantBits()
                    || file.header.get(JAVA_LONG, BOOT_HI_AT) != bootId().getMostSignificantBits()) {
                throw new IOException(path + " is from before the host's last boot, and so is its clock");
            }
            if (file.header.get(JAVA_INT, WORKERS_AT) == NOBODY) {
                throw new IOException(path + " was changing hands when its process ended");
            }
            return file;
        }
    }

    private static FlowFile map(final Path path, final FileChannel channel, final FileChannel.MapMode mode,
                                final Arena arena) throws IOException {
        if (channel.size() < HEADER_LENGTH) {
            throw new IOException(path + " is too short for a flow table");
        }
        final MemorySegment file = channel.map(mode, 0, channel.size(), arena);
        if (file.get(JAVA_LONG, MAGIC_AT) != MAGIC || file.get(JAVA_INT, LAYOUT_AT) != LAYOUT_VERSION) {
            throw new IOException(path + " is not a flow table of layout " + LAYOUT_VERSION);
        }
        VarHandle.loadLoadFence();
        final int sessions = file.get(JAVA_INT, SESSIONS_AT);
        final int addresses = file.get(JAVA_INT, ADDRESSES_AT);
        if (sessions < 0 || addresses < 0 || file.get(JAVA_INT, BUCKETS_AT) != bucketsFor(sessions)) {
            throw new IOException(path + " contradicts itself about its size");
        }
        if (bytesFor(sessions, addresses) > file.byteSize()) {
            throw new IOException(path + " is shorter than the flow table that it describes");
        }
        return new FlowFile(file);
    }

    private static UUID bootId() throws IOException {
        return UUID.fromString(Files.readString(BOOT_ID).strip());
    }

    private static void describe(final MemorySegment file, final int worker, final int sessions, final int buckets,
                                 final int addresses) {
        if (ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            throw new IllegalStateException("Culvert reads headers on little-endian machines only");
        }
        final SecureRandom random = new SecureRandom();
        file.set(JAVA_INT, LAYOUT_AT, LAYOUT_VERSION);
        file.set(JAVA_INT, WORKER_AT, worker);
        file.set(JAVA_LONG, PID_AT, ProcessHandle.current().pid());
        file.set(JAVA_INT, SESSIONS_AT, sessions);
        file.set(JAVA_INT, BUCKETS_AT, buckets);
        file.set(JAVA_INT, ADDRESSES_AT, addresses);
        file.set(JAVA_LONG, SEED_LO_AT, random.nextLong());
        file.set(JAVA_LONG, SEED_HI_AT, random.nextLong());
        // A reader that finds the magic finds what it announces.
        VarHandle.storeStoreFence();
        file.set(JAVA_LONG, MAGIC_AT, MAGIC);
    }

    /** {@link #bytesFor(int, int)} without IPv6. */
    public static long bytesFor(final int sessions) {
        return bytesFor(sessions, 0);
    }

    /** What a table for this many sessions and IPv6 addresses takes, index included. */
    public static long bytesFor(final int sessions, final int addresses) {
        return HEADER_LENGTH + (long) bucketsFor(sessions) * FlowIndex.BUCKET_LENGTH
                + 2L * sessions * FlowEntry.LENGTH + (long) addresses * AddressBook.ENTRY_LENGTH + RULES_LENGTH;
    }

    private static int bucketsFor(final int sessions) {
        return Integer.highestOneBit(Math.max(1, (2 * sessions - 1) / FLOWS_PER_BUCKET)) << 1;
    }

    /** Where the header lies: for who reads the file without Java. */
    public long address() {
        return header.address();
    }

    /** Whose sessions these are. */
    public Owner owner() {
        return new Owner(header.get(JAVA_INT, WORKERS_AT), header.get(JAVA_LONG, HZ_AT),
                header.asSlice(SPREAD_KEY_AT, SPREAD_KEY_LENGTH).toArray(JAVA_BYTE),
                longs(rules, 0, header.get(JAVA_INT, RULES_AT), RULES_LIMIT),
                longs(header, PORT_NAMES_AT, header.get(JAVA_INT, PORTS_AT), PORTS_LIMIT));
    }

    /** From now on the entries' rules and ports are those of this process, which is the one that writes. */
    public void owner(final Owner owner) {
        if (owner.rules.length > RULES_LIMIT || owner.ports.length > PORTS_LIMIT) {
            throw new IllegalArgumentException("more than " + RULES_LIMIT + " rules or " + PORTS_LIMIT + " ports");
        }
        if (owner.spreadKey.length != SPREAD_KEY_LENGTH) {
            throw new IllegalArgumentException("a spread key of " + owner.spreadKey.length + " bytes");
        }
        disown();
        header.set(JAVA_LONG, PID_AT, ProcessHandle.current().pid());
        header.set(JAVA_LONG, HZ_AT, owner.hz);
        header.set(JAVA_INT, RULES_AT, owner.rules.length);
        header.set(JAVA_INT, PORTS_AT, owner.ports.length);
        MemorySegment.copy(owner.spreadKey, 0, header, JAVA_BYTE, SPREAD_KEY_AT, SPREAD_KEY_LENGTH);
        MemorySegment.copy(owner.rules, 0, rules, JAVA_LONG, 0, owner.rules.length);
        MemorySegment.copy(owner.ports, 0, header, JAVA_LONG, PORT_NAMES_AT, owner.ports.length);
        VarHandle.storeStoreFence();
        header.set(JAVA_INT, WORKERS_AT, owner.workers);
    }

    /** The entries change from one owner's numbers to another's: who finds the file so cannot tell them apart. */
    public void disown() {
        header.set(JAVA_INT, WORKERS_AT, NOBODY);
        VarHandle.storeStoreFence();
    }

    private static long[] longs(final MemorySegment from, final long at, final int count, final int limit) {
        return from.asSlice(at, (long) Math.clamp(count, 0, limit) * Long.BYTES).toArray(JAVA_LONG);
    }

    MemorySegment index() {
        return index;
    }

    MemorySegment entries() {
        return entries;
    }

    /** The addresses of an {@link AddressBook}, by number. */
    MemorySegment addresses() {
        return addresses;
    }

    /** How many IPv6 addresses can have a number. */
    public int addressCapacity() {
        return header.get(JAVA_INT, ADDRESSES_AT);
    }

    /** The addresses that have or had a number, as they are now: both halves of each, by id. */
    public long[] copyAddresses() {
        return addresses.toArray(JAVA_LONG);
    }

    /**
     * Fills a new file with the sessions of one that has another size, close together. It takes over the seed, too, on
     * which more depends than where flows lie: where client endpoints that share an external one have their home.
     *
     * @return how many found no room
     */
    public int fill(final FlowFile from) {
        header.set(JAVA_LONG, SEED_LO_AT, from.seedLo());
        header.set(JAVA_LONG, SEED_HI_AT, from.seedHi());
        int room = 0;
        int left = 0;
        for (int session = 0; session < Math.clamp(from.highWater(), 0, from.capacity()); session++) {
            final long at = (long) session * SESSION_LENGTH;
            if (!FlowEntry.isLive(from.entries, at) && !FlowEntry.isLive(from.entries, at + FlowEntry.LENGTH)) {
                continue;
            }
            if (room < capacity()) {
                MemorySegment.copy(from.entries, at, entries, (long) room++ * SESSION_LENGTH, SESSION_LENGTH);
            } else {
                left++;
            }
        }
        highWater(room);
        return left;
    }

    long seedLo() {
        return header.get(JAVA_LONG, SEED_LO_AT);
    }

    long seedHi() {
        return header.get(JAVA_LONG, SEED_HI_AT);
    }

    public int worker() {
        return header.get(JAVA_INT, WORKER_AT);
    }

    /** How many sessions the table can hold. */
    public int capacity() {
        return header.get(JAVA_INT, SESSIONS_AT);
    }

    /** Sessions from this one on were never used: a reader may stop here. */
    public int highWater() {
        return header.get(JAVA_INT, HIGH_WATER_AT);
    }

    void highWater(final int sessions) {
        header.set(JAVA_INT, HIGH_WATER_AT, sessions);
    }

    /** The worker's clock when it last looked, ms: what {@link FlowEntry#LAST_SEEN} is to be compared with. */
    public long nowMs() {
        return header.get(JAVA_LONG, NOW_AT);
    }

    void nowMs(final long nowMs) {
        header.set(JAVA_LONG, NOW_AT, nowMs);
    }

    /**
     * Copies both entries of a session, as they were at one instant, while its worker goes on. The accessors of
     * {@link FlowEntry} read the copies.
     *
     * @param copy {@link #COPY_LENGTH} bytes, aligned for longs; of no meaning when the outcome is false
     * @return whether the session is live; false also while it opens or closes
     */
    public boolean readSession(final int session, final MemorySegment copy) {
        final MemorySegment both = entries.asSlice((long) session * SESSION_LENGTH, SESSION_LENGTH);
        for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
            final short forwardVersion = both.get(JAVA_SHORT, FlowEntry.VERSION);
            final short replyVersion = both.get(JAVA_SHORT, FlowEntry.LENGTH + FlowEntry.VERSION);
            VarHandle.loadLoadFence();
            // Long by long: each counter is read whole.
            for (long at = 0; at < SESSION_LENGTH; at += Long.BYTES) {
                copy.set(JAVA_LONG, at, both.get(JAVA_LONG, at));
            }
            final IpAddress client = address((int) FlowEntry.keyLo(copy));
            copy.set(JAVA_LONG, COPY_CLIENT, client.high());
            copy.set(JAVA_LONG, COPY_CLIENT + Long.BYTES, client.low());
            VarHandle.loadLoadFence();
            if (((forwardVersion | replyVersion) & 1) == 0
                    && forwardVersion == both.get(JAVA_SHORT, FlowEntry.VERSION)
                    && replyVersion == both.get(JAVA_SHORT, FlowEntry.LENGTH + FlowEntry.VERSION)) {
                return isLive(copy, FlowEntry.FLAGS) && isLive(copy, FlowEntry.LENGTH + FlowEntry.FLAGS);
            }
            Thread.onSpinWait();
        }
        return false;
    }

    private static boolean isLive(final MemorySegment copy, final int flagsAt) {
        return (copy.get(JAVA_BYTE, flagsAt) & FlowEntry.FLAG_LIVE) != 0;
    }

    /** The address of the client in a copy that {@link #readSession} made. */
    public static IpAddress client(final MemorySegment copy) {
        return new IpAddress(copy.get(JAVA_LONG, COPY_CLIENT), copy.get(JAVA_LONG, COPY_CLIENT + Long.BYTES));
    }

    /** What an address of a flow stands for now. */
    public IpAddress address(final int address) {
        final long at = (long) AddressBook.id(address) * AddressBook.ENTRY_LENGTH;
        if (!AddressBook.isNumber(address) || at >= addresses.byteSize()) {
            return new IpAddress(0, Ipv6Address.mapped(address));
        }
        return new IpAddress(addresses.get(JAVA_LONG, at), addresses.get(JAVA_LONG, at + Long.BYTES));
    }

    /** The view of one entry. The forward flow of session s is slot 2s, its twin slot 2s + 1. */
    public MemorySegment entry(final int slot) {
        return entries.asSlice((long) slot * FlowEntry.LENGTH, FlowEntry.LENGTH);
    }
}
