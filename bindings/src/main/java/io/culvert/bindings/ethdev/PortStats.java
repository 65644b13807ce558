// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.ethdev;

/** What a port counted since it started. {@code received...Missed}: the device had no free descriptor. */
public record PortStats(long receivedPackets, long sentPackets, long receivedBytes, long sentBytes,
                        long receivedMissed, long receiveErrors, long sendErrors, long receivedNoMbuf) { }
