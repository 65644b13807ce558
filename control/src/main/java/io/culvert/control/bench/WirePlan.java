// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import java.time.Duration;
import java.util.List;

/**
 * What {@code culvert bench wire} is asked.
 *
 * @param quick fewer and shorter rounds
 */
public record WirePlan(boolean quick) {
    /** Bytes of a frame, its check sequence included, as testpmd counts them. */
    static final List<Integer> FRAME_SIZES = List.of(64, 800);

    /** Of the saturated rate; the figures are medians over them. */
    int rounds() {
        return quick ? 3 : 9;
    }

    /** How long one saturated rate is looked at. */
    Duration look() {
        return Duration.ofMillis(quick ? 180 : 500);
    }

    /** For the loss-free rate; the figure is the best that one found. */
    int searches() {
        return quick ? 2 : 3;
    }

    /** How long one rate is tried. */
    Duration trial() {
        return Duration.ofMillis(quick ? 40 : 100);
    }

    /** Of a search: the last step is a 64th or a 256th of the highest rate. */
    int halvings() {
        return quick ? 6 : 8;
    }
}
