// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.List;

/** The polling cores. With no {@code cores} named the relay picks {@code count} of them itself. */
public record WorkersConfig(List<Integer> cores, int count, Poll poll) {

    /** What a worker does when its queues are silent. */
    public enum Poll {
        /** Spin: the shortest reaction, and the core is always at 100 %. */
        BUSY,
        /** Sleep in growing steps, back to spinning with the first packet. */
        ADAPTIVE
    }
}
