// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import static io.culvert.control.lab.SequenceWindow.Arrival.DUPLICATE;
import static io.culvert.control.lab.SequenceWindow.Arrival.IN_ORDER;
import static io.culvert.control.lab.SequenceWindow.Arrival.REORDERED;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class SequenceWindowTest {
    private static final int LEAST_WINDOW = 960;

    @Test
    void agreesWithASetOfAllThatCame() {
        final long seed = Long.getLong("culvert.seed", 4_787); // the long profile sets another for each run
        final SplittableRandom random = new SplittableRandom(seed);
        final SequenceWindow window = new SequenceWindow(3);
        final Set<Integer> seen = new HashSet<>();
        int highest = -1;
        for (int i = 0; i < 200_000; i++) {
            final boolean leap = random.nextInt(1_000) == 0;
            final int sequence = Math.max(0, highest + random.nextInt(-LEAST_WINDOW + 1, leap ? 5_000 : 30));
            final SequenceWindow.Arrival expected =
                    !seen.add(sequence) ? DUPLICATE : sequence > highest ? IN_ORDER : REORDERED;
            assertEquals(expected, window.mark(1, sequence), "step " + i + ", seed " + seed);
            highest = Math.max(highest, sequence);
        }
        assertEquals(IN_ORDER, window.mark(0, 0), "flows do not touch each other");
        assertEquals(IN_ORDER, window.mark(2, 0), "flows do not touch each other");
    }

    @Test
    void goesOnWhereSequenceNumbersWrap() {
        final SequenceWindow window = new SequenceWindow(1);
        for (int i = 0; i < 5; i++) {
            assertEquals(IN_ORDER, window.mark(0, i * 1_000_000_000));
        }
        assertEquals(IN_ORDER, window.mark(0, -2));
        assertEquals(IN_ORDER, window.mark(0, 1));
        assertEquals(REORDERED, window.mark(0, -1));
        assertEquals(DUPLICATE, window.mark(0, -1));
        assertEquals(DUPLICATE, window.mark(0, 1));
    }

    @Test
    void callsWhatIsOlderThanTheWindowReordered() {
        final SequenceWindow window = new SequenceWindow(1);
        assertEquals(IN_ORDER, window.mark(0, 0));
        assertEquals(IN_ORDER, window.mark(0, 10_000));
        assertEquals(REORDERED, window.mark(0, 0));
    }
}
