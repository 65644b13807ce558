// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

/** The room that is set aside at start. {@code flows} counts directions: a session takes two. */
public record LimitsConfig(int flows) {
}
