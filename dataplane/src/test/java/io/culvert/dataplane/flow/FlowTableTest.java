// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.flow;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.CacheLines;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FlowTableTest {
    private static final long UDP = FlowEntry.keyHi(0, 17);

    private final Arena arena = Arena.ofConfined();
    private final FlowTable flows = new FlowTable(FlowFile.inMemory(4, arena));

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void findsNothingAfterRemoval() {
        final int slot = open(1, 2);
        assertEquals(slot, find(1));
        assertEquals(slot ^ 1, find(2));
        flows.close(slot);
        assertEquals(FlowTable.NOT_FOUND, find(1));
        assertEquals(FlowTable.NOT_FOUND, find(2));
        assertEquals(0, flows.sessions());
    }

    @Test
    void showsOthersOnlyFlowsThatAreWhole() {
        final int slot = open(1, 2);
        assertTrue(flows.hasSeenFromOutside(1, UDP));
        assertTrue(flows.hasSeenFromOutside(2, UDP));
        assertFalse(flows.hasSeenFromOutside(3, UDP));
        final MemorySegment entry = flows.entry(slot);
        final short version = entry.get(CacheLines.SHORT, FlowEntry.VERSION);
        entry.set(CacheLines.SHORT, FlowEntry.VERSION, (short) (version | 1));
        assertFalse(flows.hasSeenFromOutside(1, UDP), "its owner is writing it");
        entry.set(CacheLines.SHORT, FlowEntry.VERSION, (short) (version + 2));
        flows.close(slot);
        assertFalse(flows.hasSeenFromOutside(1, UDP));
    }

    /** The counters stand beside the version: who looks from outside must not take a packet for a change of hands. */
    @Test
    void showsOthersAFlowWhilePacketsPass() throws InterruptedException {
        final int slot = open(1, 2);
        final AtomicBoolean done = new AtomicBoolean();
        final Thread owner = new Thread(() -> {
            final MemorySegment entry = flows.entry(slot);
            for (long packets = 0; !done.get(); packets++) {
                entry.set(CacheLines.LONG, FlowEntry.PACKETS, packets);
                FlowEntry.lastSeenMs(entry, 0, packets);
            }
        });
        owner.start();
        int missed = 0;
        for (int look = 0; look < 1_000_000; look++) {
            missed += flows.hasSeenFromOutside(1, UDP) ? 0 : 1;
        }
        done.set(true);
        owner.join();
        assertEquals(0, missed, "looks that missed a live flow");
    }

    /** In a full table keys lie behind full buckets, and are pulled back into the holes that others leave. */
    @Test
    void showsOthersEachFlowThatStaysWhileOthersComeAndGo() throws InterruptedException {
        final int sessions = 4_096;
        final FlowTable full = new FlowTable(FlowFile.inMemory(sessions, arena));
        final int[] slots = IntStream.range(0, sessions).map(session -> open(full, session)).toArray();
        final AtomicBoolean done = new AtomicBoolean();
        final AtomicInteger missed = new AtomicInteger();
        final Thread reader = new Thread(() -> {
            for (int look = 0; !done.get(); look++) {
                // Those of odd numbers stay.
                missed.addAndGet(full.hasSeenFromOutside(2L * ((look << 1 | 1) & sessions - 1), UDP) ? 0 : 1);
            }
        });
        reader.start();
        for (int change = 0; change < 2_000_000; change++) {
            final int session = change << 1 & sessions - 1;
            full.close(slots[session]);
            slots[session] = open(full, session);
        }
        done.set(true);
        reader.join();
        assertEquals(0, missed.get(), "looks that missed a live flow");
    }

    private static int open(final FlowTable table, final int session) {
        final int slot = table.take();
        for (int direction = 0; direction < 2; direction++) {
            table.write(slot | direction, 2L * session + direction, UDP, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }
        assertTrue(table.publish(slot), "there is room in the index");
        return slot;
    }

    @Test
    void findsNothingBeforePublication() {
        final int slot = flows.take();
        write(slot, 1, 2);
        assertEquals(FlowTable.NOT_FOUND, find(1));
        assertTrue(flows.publish(slot));
        assertEquals(slot, find(1));
    }

    @Test
    void keepsWhatIsWritten() {
        final int slot = flows.take();
        flows.write(slot, 0x1122334455667788L, FlowEntry.keyHi(0x99AABBCC, 0x11), FlowEntry.FLAG_DECREMENT_TTL, 0xFEDC,
                0x99AABBCCDDEEFF00L, 0x12345678, 0xF00F, 0x8001, 0x2BCD, 0x9ABC, 0x1234_5678_9ABCL);
        final MemorySegment entry = flows.entry(slot);
        assertTrue(FlowEntry.isLive(entry));
        assertFalse(FlowEntry.isReply(entry));
        assertEquals(0x1122334455667788L, FlowEntry.keyLo(entry));
        assertEquals(FlowEntry.keyHi(0x99AABBCC, 0x11), FlowEntry.keyHi(entry),
                "other flags and adjacency are no part of the key");
        assertEquals(0x99AABBCC, FlowEntry.ports(entry));
        assertEquals(0xFEDC, FlowEntry.adjacency(entry));
        assertEquals(0x99AABBCCDDEEFF00L, FlowEntry.newAddresses(entry));
        assertEquals(0x12345678, FlowEntry.newPorts(entry));
        assertEquals((short) 0xF00F, entry.get(ValueLayout.JAVA_SHORT, FlowEntry.L3_DELTA));
        assertEquals((short) 0x8001, entry.get(ValueLayout.JAVA_SHORT, FlowEntry.L4_DELTA));
        assertEquals(0x2BCD, FlowEntry.rule(entry));
        assertEquals(0x9ABC, FlowEntry.external(entry));
        assertEquals(0x1234_5678_9ABCL, FlowEntry.lastSeenMs(entry));
        assertEquals(0x1234_5678_9ABCL / Ticks.MS % (1L << Integer.SIZE) * Ticks.MS, FlowEntry.openedMs(entry));
        assertEquals(0, FlowEntry.packets(entry));
        assertEquals(0, FlowEntry.bytes(entry));
        assertEquals(0, FlowEntry.version(entry) & 1);
    }

    @Test
    void everyChangeOfHandsMovesTheVersion() {
        final int slot = open(1, 2);
        final int opened = FlowEntry.version(flows.entry(slot));
        flows.close(slot);
        final int closed = FlowEntry.version(flows.entry(slot));
        assertNotEquals(opened, closed);
        assertEquals(slot, open(3, 4), "the session that ended last is used again");
        assertNotEquals(closed, FlowEntry.version(flows.entry(slot)));
        assertEquals(0, (opened | closed | FlowEntry.version(flows.entry(slot))) & 1);
    }

    @Test
    void countersOfAReusedEntryStartAtZero() {
        final int slot = open(1, 2);
        flows.entry(slot).set(ValueLayout.JAVA_LONG, FlowEntry.PACKETS, 77);
        flows.close(slot);
        assertEquals(0, FlowEntry.packets(flows.entry(open(1, 2))));
    }

    @Test
    void refusesAKeyThatLivesInEitherDirection() {
        open(1, 2);
        for (final int[] keys : new int[][] {{1, 9}, {9, 1}, {2, 9}, {9, 2}, {9, 9}}) {
            final int slot = flows.take();
            write(slot, keys[0], keys[1]);
            assertFalse(flows.publish(slot), keys[0] + " and " + keys[1]);
            assertEquals(FlowTable.NOT_FOUND, find(9), "nothing of a refused session is findable");
            flows.selfCheck();
        }
        assertEquals(1, flows.sessions());
    }

    @Test
    void takesAsManySessionsAsItHasRoomFor() {
        for (int i = 0; i < 4; i++) {
            open(2 * i, 2 * i + 1);
        }
        assertEquals(FlowTable.NOT_FOUND, flows.take());
        assertEquals(4, flows.sessions());
        assertEquals(4, flows.highWater());
        flows.close(find(2));
        final int slot = open(20, 21);
        assertEquals(find(20), slot);
        assertEquals(FlowTable.NOT_FOUND, flows.take());
        flows.selfCheck();
    }

    @Test
    void tellsKeysApartByEachOfTheirBits() {
        final long lo = 0x0123456789ABCDEFL;
        final long hi = FlowEntry.keyHi(0x1234_5678, 17);
        final int slot = flows.take();
        flows.write(slot, lo, hi, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        for (int bit = 0; bit < Long.SIZE; bit++) {
            assertFalse(FlowEntry.matches(flows.entry(slot), lo ^ 1L << bit, hi), "address bit " + bit);
        }
        for (int bit = 0; bit < 40; bit++) {
            assertFalse(FlowEntry.matches(flows.entry(slot), lo, hi ^ 1L << bit), "port or protocol bit " + bit);
        }
        assertTrue(FlowEntry.matches(flows.entry(slot), lo, hi));
    }

    @Test
    void selfCheckSeesADamagedEntry() {
        final int slot = open(1, 2);
        flows.entry(slot).set(ValueLayout.JAVA_LONG, FlowEntry.KEY_LO, 3);
        assertThrows(IllegalStateException.class, flows::selfCheck);
    }

    @Test
    void selfCheckSeesATwinThatDied() {
        final int slot = open(1, 2);
        flows.entry(slot ^ 1).set(ValueLayout.JAVA_BYTE, FlowEntry.FLAGS, (byte) 0);
        assertThrows(IllegalStateException.class, flows::selfCheck);
    }

    private int open(final int forward, final int reply) {
        final int slot = flows.take();
        write(slot, forward, reply);
        assertTrue(flows.publish(slot));
        return slot;
    }

    private void write(final int slot, final int forward, final int reply) {
        flows.write(slot, forward, UDP, 0, 1, 0, 0, 0, 0, 0, 0, 0);
        flows.write(slot ^ 1, reply, UDP, FlowEntry.FLAG_REPLY, 2, 0, 0, 0, 0, 0, 0, 0);
    }

    private int find(final int key) {
        return flows.find(key, UDP, flows.hash(key, UDP));
    }
}
