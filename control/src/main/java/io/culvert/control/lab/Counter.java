// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.util.concurrent.atomic.AtomicLong;

/** A count with one writing thread, which others read while it grows. */
final class Counter {
    private final AtomicLong value = new AtomicLong();

    void add(final long amount) {
        value.setRelease(value.getPlain() + amount);
    }

    long get() {
        return value.getAcquire();
    }
}
