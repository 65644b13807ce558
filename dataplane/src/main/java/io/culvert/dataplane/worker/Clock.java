// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.eal.Tsc;

/** The worker's time. Tests bring a clock that they move by hand. */
public interface Clock {
    /** A counter that never goes back. */
    long cycles();

    /** Cycles per second. */
    long hz();

    /** The same counter, at a rate that a predecessor measured: its milliseconds go on. */
    default Clock at(final long hz) {
        final Clock counter = this;
        return new Clock() {
            @Override
            public long cycles() {
                return counter.cycles();
            }

            @Override
            public long hz() {
                return hz;
            }
        };
    }

    /** What flows count time in: milliseconds since the counter stood at 0. */
    default long nowMs() {
        return cycles() / (hz() / 1_000);
    }

    /** The time stamp counter; needs an initialised EAL. */
    static Clock tsc() {
        final long hz = Tsc.hz();
        return new Clock() {
            @Override
            public long cycles() {
                return Tsc.cycles();
            }

            @Override
            public long hz() {
                return hz;
            }
        };
    }
}
