// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

/**
 * What {@code culvert bench start} is asked.
 *
 * @param starts how often the relay is started
 * @param rate packets per second in each direction
 * @param payload bytes of UDP payload
 */
public record StartPlan(int starts, int flows, int rate, int payload) {
    /** The first seconds after it said that it is ready. */
    static final int SECONDS = 5;
}
