// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.time.Duration;
import java.util.List;

/**
 * A short run over loopback before the real one: it has the JVM compile the paths, so that the first seconds of a
 * measurement show the network and not the compiler. Where loopback is down it does nothing.
 */
public final class WarmUp {
    private static final int LOOPBACK = 0x7F000001;
    private static final int FLOWS = 64;
    private static final double RATE = 60_000;
    private static final Duration DURATION = Duration.ofMillis(500);
    private static final Duration LINGER = Duration.ofMillis(20);
    private static final int PAYLOAD = 256;
    /** Below the ports that a client takes by default. */
    private static final int LOWEST_PORT = 1_024;
    private static final int HIGHEST_PORT = 4_095;

    private WarmUp() {
    }

    public static void run(final StopSignal stop) {
        final long anyPort = SocketAddress.of(LOOPBACK, 0);
        try (Echo echo = new Echo(anyPort, 1)) {
            echo.start();
            final ClientPlan plan = new ClientPlan(echo.endpoint(), FLOWS, RATE, DURATION, PAYLOAD, List.of(anyPort),
                    LOWEST_PORT, HIGHEST_PORT, RATE, LINGER);
            new Client(plan, stop, report -> { }).run();
        } catch (final Failure e) {
            // No loopback: the real run then warms itself.
        }
    }
}
