// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.deploy;

import java.time.Duration;

/**
 * How long a test waits for what a process or the kernel is about to do. A start of the relay takes 3 s on an idle
 * machine and 30 s beside busy neighbours; whoever waits in vain pays the whole of this, once, and fails.
 */
public final class Patience {
    public static final Duration LIMIT = Duration.ofMinutes(3);
    public static final long SECONDS = LIMIT.toSeconds();

    private Patience() { }
}
