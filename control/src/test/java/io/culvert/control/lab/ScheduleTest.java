// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ScheduleTest {
    private static final long SECOND = 1_000_000_000L;
    private static final long MILLI = 1_000_000L;

    @Test
    void sendsEveryFlowItsShareOfTheRate() {
        final int[] sent = new int[100];
        run(new Schedule(100, 1_000, 1_000_000), 2 * SECOND - 1, sent);
        for (final int ofFlow : sent) {
            assertEquals(20, ofFlow);
        }
    }

    @Test
    void spreadsTheFlowsEvenlyOverThePeriod() {
        final Schedule schedule = new Schedule(100, 10_000, 3_000);
        run(schedule, SECOND, new int[100]);
        for (long now = SECOND + MILLI; now < 2 * SECOND; now += MILLI) {
            assertEquals(10, run(schedule, now, new int[100]), 4, "in the millisecond before " + now);
        }
    }

    @Test
    void startsFlowsNoFasterThanTold() {
        final Schedule schedule = new Schedule(1_000, 50_000, 2_000);
        final int[] sent = new int[1_000];
        for (long now = 0; now < SECOND; now += MILLI) {
            run(schedule, now, sent);
            int started = 0;
            while (started < sent.length && sent[started] > 0) {
                started++;
            }
            assertTrue(started <= 1 + now * 2_000 / SECOND, started + " flows after " + now + " ns");
        }
        assertTrue(sent[999] > 0, "all have started");
    }

    @Test
    void sendsNothingBeforeItIsDue() {
        final Schedule schedule = new Schedule(1, 10, 1);
        assertEquals(0, schedule.poll(0));
        assertEquals(Schedule.NONE, schedule.poll(schedule.nextNs() - 1));
        assertEquals(0, schedule.poll(schedule.nextNs()));
        assertEquals(SECOND / 5, schedule.nextNs());
    }

    @Test
    void owesAfterAStallWhatItDidNotSend() {
        assertEquals(1_001, run(new Schedule(1, 1_000, 1), SECOND, new int[1]));
        assertEquals(10_000, run(new Schedule(100, 10_000, 1_000_000), SECOND - 1, new int[100]));
    }

    private static int run(final Schedule schedule, final long nowNs, final int[] sent) {
        int total = 0;
        for (int flow = schedule.poll(nowNs); flow != Schedule.NONE; flow = schedule.poll(nowNs)) {
            sent[flow]++;
            total++;
        }
        return total;
    }
}
