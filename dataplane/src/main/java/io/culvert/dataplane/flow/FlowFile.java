// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;

/**
 * The file that one worker's flow table lies in, on hugetlbfs or tmpfs: a header that describes it, the index, the
 * entries. The worker maps it writable; every reader maps it read-only and needs nothing from the worker.
 * <pre>
 *     0 | magic            | layout | worker | pid            | sessions | buckets  |
 *    32 | seed lo | seed hi | now, ms | highest session used | addresses           |
 *  4096 | index: buckets x 64 bytes
 *       | entries: 2 x sessions x 64 bytes
 *       | address book: addresses x 16 bytes
 * </pre>
 */
public final class FlowFile {
    /** "CULVFLOW" read as a little-endian long. */
    private static final long MAGIC = 0x574F4C46_564C5543L;
    private static final int LAYOUT_VERSION = 2;

    private static final int MAGIC_AT = 0;
    private static final int LAYOUT_AT = MAGIC_AT + Long.BYTES;
    private static final int WORKER_AT = LAYOUT_AT + Integer.BYTES;
    private static final int PID_AT = WORKER_AT + Integer.BYTES;
    private static final int SESSIONS_AT = PID_AT + Long.BYTES;
    private static final int BUCKETS_AT = SESSIONS_AT + Integer.BYTES;
    private static final int SEED_LO_AT = BUCKETS_AT + Integer.BYTES;
    private static final int SEED_HI_AT = SEED_LO_AT + Long.BYTES;
    private static final int NOW_AT = SEED_HI_AT + Long.BYTES;
    private static final int HIGH_WATER_AT = NOW_AT + Integer.BYTES;
    private static final int ADDRESSES_AT = HIGH_WATER_AT + Integer.BYTES;
    private static final int HEADER_LENGTH = 4096;

    /** Both entries of a session, forward first. */
    public static final int SESSION_LENGTH = 2 * FlowEntry.LENGTH;

    /** A change lasts nanoseconds; one that outlasts so many looks was cut short, and a reader must not wait for it. */
    private static final int READ_ATTEMPTS = 100;

    /** Half of the lanes stay free, so that a bucket seldom overflows into the next. */
    private static final int FLOWS_PER_BUCKET = FlowIndex.LANES / 2;

    private final MemorySegment header;
    private final MemorySegment index;
    private final MemorySegment entries;
    private final MemorySegment addresses;

    private FlowFile(final MemorySegment file) {
        final long buckets = file.get(JAVA_INT, BUCKETS_AT);
        final long sessions = file.get(JAVA_INT, SESSIONS_AT);
        final long numbered = file.get(JAVA_INT, ADDRESSES_AT);
        this.header = file.asSlice(0, HEADER_LENGTH);
        this.index = file.asSlice(HEADER_LENGTH, buckets * FlowIndex.BUCKET_LENGTH);
        this.entries = file.asSlice(HEADER_LENGTH + index.byteSize(), 2 * sessions * FlowEntry.LENGTH);
        this.addresses = file.asSlice(HEADER_LENGTH + index.byteSize() + entries.byteSize(),
                numbered * AddressBook.ENTRY_LENGTH);
    }

    /** {@link #create(Path, int, int, int, long, Arena)} without IPv6. */
    public static FlowFile create(final Path path, final int worker, final int sessions, final long granularity,
                                  final Arena arena) throws IOException {
        return create(path, worker, sessions, 0, granularity, arena);
    }

    /**
     * Writes a new, empty file in place of what is there and maps it; who has the old one mapped keeps that.
     *
     * @param sessions how many it can hold
     * @param addresses of IPv6 that it can hold
     * @param granularity the file's size is a multiple of this: the huge page size, or 4096
     */
    public static FlowFile create(final Path path, final int worker, final int sessions, final int addresses,
                                  final long granularity, final Arena arena) throws IOException {
        final int buckets = bucketsFor(sessions);
        final long size = roundUp(bytesFor(sessions, addresses), granularity);
        Files.deleteIfExists(path);
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.READ,
                StandardOpenOption.WRITE)) {
            final MemorySegment file = channel.map(FileChannel.MapMode.READ_WRITE, 0, size, arena);
            describe(file, worker, sessions, buckets, addresses);
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
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (channel.size() < HEADER_LENGTH) {
                throw new IOException(path + " is too short for a flow table");
            }
            final MemorySegment file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            if (file.get(JAVA_LONG, MAGIC_AT) != MAGIC || file.get(JAVA_INT, LAYOUT_AT) != LAYOUT_VERSION) {
                throw new IOException(path + " is not a flow table of layout " + LAYOUT_VERSION);
            }
            final long described = HEADER_LENGTH + (long) file.get(JAVA_INT, BUCKETS_AT) * FlowIndex.BUCKET_LENGTH
                    + (long) file.get(JAVA_INT, SESSIONS_AT) * SESSION_LENGTH
                    + (long) file.get(JAVA_INT, ADDRESSES_AT) * AddressBook.ENTRY_LENGTH;
            if (described > file.byteSize()) {
                throw new IOException(path + " is shorter than the flow table that it describes");
            }
            return new FlowFile(file);
        }
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
        file.set(JAVA_LONG, MAGIC_AT, MAGIC);
    }

    /** {@link #bytesFor(int, int)} without IPv6. */
    public static long bytesFor(final int sessions) {
        return bytesFor(sessions, 0);
    }

    /** What a table for this many sessions and IPv6 addresses takes, index included. */
    public static long bytesFor(final int sessions, final int addresses) {
        return HEADER_LENGTH + (long) bucketsFor(sessions) * FlowIndex.BUCKET_LENGTH
                + 2L * sessions * FlowEntry.LENGTH + (long) addresses * AddressBook.ENTRY_LENGTH;
    }

    private static int bucketsFor(final int sessions) {
        return Integer.highestOneBit(Math.max(1, (2 * sessions - 1) / FLOWS_PER_BUCKET)) << 1;
    }

    private static long roundUp(final long size, final long granularity) {
        return (size + granularity - 1) / granularity * granularity;
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
    public int nowMs() {
        return header.get(JAVA_INT, NOW_AT);
    }

    void nowMs(final int nowMs) {
        header.set(JAVA_INT, NOW_AT, nowMs);
    }

    /**
     * Copies both entries of a session, as they were at one instant, while its worker goes on. The accessors of
     * {@link FlowEntry} read the copies.
     *
     * @param copy {@link #SESSION_LENGTH} bytes, aligned for longs; of no meaning when the outcome is false
     * @return whether the session is live; false also while it opens or closes
     */
    public boolean readSession(final int session, final MemorySegment copy) {
        final MemorySegment both = entries.asSlice((long) session * SESSION_LENGTH, SESSION_LENGTH);
        for (int attempt = 0; attempt < READ_ATTEMPTS; attempt++) {
            final int forwardVersion = both.get(JAVA_INT, FlowEntry.VERSION);
            final int replyVersion = both.get(JAVA_INT, FlowEntry.LENGTH + FlowEntry.VERSION);
            VarHandle.loadLoadFence();
            // Long by long: each counter is read whole.
            for (long at = 0; at < SESSION_LENGTH; at += Long.BYTES) {
                copy.set(JAVA_LONG, at, both.get(JAVA_LONG, at));
            }
            VarHandle.loadLoadFence();
            if (((forwardVersion | replyVersion) & 1) == 0
                    && forwardVersion == both.get(JAVA_INT, FlowEntry.VERSION)
                    && replyVersion == both.get(JAVA_INT, FlowEntry.LENGTH + FlowEntry.VERSION)) {
                return isLive(copy, FlowEntry.FLAGS) && isLive(copy, FlowEntry.LENGTH + FlowEntry.FLAGS);
            }
            Thread.onSpinWait();
        }
        return false;
    }

    private static boolean isLive(final MemorySegment copy, final int flagsAt) {
        return (copy.get(JAVA_BYTE, flagsAt) & FlowEntry.FLAG_LIVE) != 0;
    }

    /** The view of one entry. The forward flow of session s is slot 2s, its twin slot 2s + 1. */
    public MemorySegment entry(final int slot) {
        return entries.asSlice((long) slot * FlowEntry.LENGTH, FlowEntry.LENGTH);
    }
}
