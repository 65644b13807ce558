// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

/**
 * What {@code culvert bench scale} is asked.
 *
 * @param packetSize bytes of UDP payload
 * @param quick shorter rounds
 */
public record ScalePlan(int packetSize, int burst, boolean quick) { }
