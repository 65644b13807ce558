// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.util.OptionalInt;

/**
 * The room that is set aside at start, and who may take how much of it. What is empty has no limit.
 *
 * @param flows counts directions: a session takes two
 * @param unanswered sessions that wait for their first answer
 */
public record LimitsConfig(int flows, OptionalInt newPerSecond, OptionalInt unanswered, PerSource perSource) {
    /** Holds for each network of clients: of so many bits of IPv4, of {@code prefix6} bits of IPv6. */
    public record PerSource(int prefix, int prefix6, OptionalInt maxSessions, OptionalInt newPerSecond) {
    }
}
