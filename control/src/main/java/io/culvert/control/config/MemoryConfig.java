// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

/** Where the packet buffers live. {@code megabytes} is 0 when the relay computes it from ports and workers. */
public record MemoryConfig(Huge huge, int megabytes) {

    /** Huge pages: required, forbidden, or taken when there are some. */
    public enum Huge {
        AUTO,
        TRUE,
        FALSE
    }
}
