// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.bindings.eal.Tsc;

/** The worker's time. Tests bring a clock that they move by hand. */
public interface Clock {
    /** A counter that never goes back. */
    long cycles();

    /** Cycles per second. */
    long hz();

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
