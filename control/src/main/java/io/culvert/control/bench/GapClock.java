// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.dataplane.worker.Clock;

/** The clock of a worker's loop, which reads it once a cycle: what lies between two readings is a gap. */
final class GapClock implements Clock {
    private final Clock clock;
    private final long from;
    private final Gaps gaps;
    /** 0 before the first reading. */
    private long last;

    /** @param from gaps that end earlier are not counted */
    GapClock(final Clock clock, final long from, final Gaps gaps) {
        this.clock = clock;
        this.from = from;
        this.gaps = gaps;
    }

    @Override
    public long cycles() {
        final long now = clock.cycles();
        if (now >= from && last != 0) {
            gaps.record(now - last);
        }
        last = now;
        return now;
    }

    @Override
    public long hz() {
        return clock.hz();
    }
}
