// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Tsc;
import io.culvert.dataplane.worker.Clock;

/** The TSC, and the hours that a benchmark lets pass in between: sessions end and ports rest without a wait. */
final class BenchClock implements Clock {
    private static final int MS_PER_SECOND = 1_000;

    private long offset;

    @Override
    public long cycles() {
        return Tsc.cycles() + offset;
    }

    @Override
    public long hz() {
        return Tsc.hz();
    }

    void advance(final long ms) {
        offset += hz() / MS_PER_SECOND * ms;
    }

    /** How far ahead of the TSC. */
    long offset() {
        return offset;
    }
}
