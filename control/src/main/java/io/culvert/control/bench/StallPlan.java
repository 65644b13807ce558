// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

/**
 * What {@code culvert bench stall} is asked.
 *
 * @param rate packets per second of each direction
 * @param packetSize bytes of UDP payload
 */
public record StallPlan(int seconds, int flows, int rate, int packetSize, int burst) { }
