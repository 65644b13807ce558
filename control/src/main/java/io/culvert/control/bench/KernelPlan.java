// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.time.Duration;

/**
 * What {@code culvert bench kernel} is asked.
 *
 * @param rate packets per second at which the CPU time is compared
 * @param quick one round, and shorter
 */
public record KernelPlan(int flows, int rate, int payload, boolean quick) {
    /** More than any of the ways can carry. */
    static final int FULL_SPEED = 1_000_000;

    int rounds() {
        return quick ? 1 : 2;
    }

    Duration look() {
        return Duration.ofMillis(quick ? 2_000 : 4_000);
    }
}
