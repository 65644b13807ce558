// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** The table against plain collections that do the same without bounds and slowly. */
@ExtendWith(Seeded.class)
class FragmentTableProperties {
    private static final int ROUNDS = 2_000;
    /** Few units and few runs, so that every kind of meeting is common and the bound on runs is out of reach. */
    private static final int UNITS = 40;

    private final Arena arena = Arena.ofShared();
    private final FragmentTable table = new FragmentTable(new FlowTable(FlowFile.inMemory(16, arena)));

    @AfterEach
    void close() {
        arena.close();
    }

    @Test
    void saysOfBytesWhatABitSetSays(final SplittableRandom random) {
        for (int round = 0; round < ROUNDS; round++) {
            final int datagram = table.open(of(round, 1), 0);
            final BitSet come = new BitSet();
            int end = 0;
            for (int i = 0; i < 30; i++) {
                final int from = random.nextInt(UNITS);
                final int to = from + 1 + random.nextInt(6);
                final boolean isLast = random.nextInt(12) == 0;
                final int expected = expected(come, end, from, to, isLast);
                assertEquals(expected, table.cover(datagram, from, to, isLast),
                        come + " until " + end + ", then " + from + " to " + to + (isLast ? ", the last" : ""));
                if (expected == FragmentTable.FRESH) {
                    come.set(from, to);
                    end = isLast ? to : end;
                }
                assertEquals(end != 0 && come.nextClearBit(0) == end, table.isComplete(datagram));
            }
            table.close(datagram);
        }
    }

    private static int expected(final BitSet come, final int end, final int from, final int to,
                                final boolean isLast) {
        if (come.nextClearBit(from) >= to && (!isLast || end == to)) {
            return FragmentTable.DUPLICATE;
        }
        final int first = come.nextSetBit(from);
        final boolean isCut = first >= 0 && first < to;
        final boolean contradictsEnd = isLast ? end != 0 || come.length() > to : end != 0 && to > end;
        return isCut || contradictsEnd ? FragmentTable.OVERLAP : FragmentTable.FRESH;
    }

    @Test
    void findsWhatIsOpenAndNothingElse(final SplittableRandom random) {
        final Map<List<Integer>, Integer> model = new HashMap<>();
        for (int step = 0; step < 100_000; step++) {
            final List<Integer> key = List.of(random.nextInt(3_000), random.nextInt(4));
            final Integer open = model.get(key);
            assertEquals(open == null ? FragmentTable.NONE : open, table.find(of(key.get(0), key.get(1))));
            if (open != null) {
                table.close(open);
                model.remove(key);
            } else if (model.size() < FragmentTable.CAPACITY) {
                final int entry = table.open(of(key.get(0), key.get(1)), step);
                assertNotEquals(FragmentTable.NONE, entry);
                model.put(key, entry);
            }
            assertEquals(model.size(), table.count());
        }
        final List<Integer> entries = new ArrayList<>(model.values());
        entries.forEach(table::close);
        assertEquals(0, table.count());
        model.forEach((key, entry) -> assertEquals(FragmentTable.NONE, table.find(of(key.get(0), key.get(1)))));
    }

    @Test
    void oneSenderTakesAQuarterAtMost() {
        int opened = 0;
        while (table.open(of(7, opened), 0) != FragmentTable.NONE) {
            opened++;
        }
        assertEquals(FragmentTable.CAPACITY / 4, opened);
        assertNotEquals(FragmentTable.NONE, table.open(of(8 << 9, 0), 0), "others have room");
    }

    /** A fragment of which only the datagram counts; one field of the address after the other tells datagrams apart. */
    private static FragmentHeader of(final int address, final int id) {
        final FragmentHeader fragment = new Ipv6FragmentHeader(0, null, null, null, null, null, null, null, null);
        fragment.sourceHigh = address >>> 9;
        fragment.sourceLow = address >>> 6 & 7;
        fragment.destinationHigh = address >>> 3 & 7;
        fragment.destinationLow = address & 7;
        fragment.id = id;
        return fragment;
    }
}
