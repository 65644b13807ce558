// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

/**
 * What {@code culvert bench walk} is asked.
 *
 * @param flows sessions
 * @param packetSize bytes of UDP payload
 */
public record WalkPlan(int flows, int packetSize, int burst, Mix mix, Effort effort) { }
