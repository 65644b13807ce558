// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.Optional;

/**
 * What came of one experiment.
 *
 * @param relay what relayed in B
 * @param warmUp the client's packets before the measurement, which {@code client} does not count
 * @param cpuPercent of one core that B's process took; NaN when the kernel relayed
 * @param machinePercent of one core that the whole machine was busy, client, server and everybody else included
 * @param restart empty when the relay was let live
 */
record Outcome(String relay, ClientResult warmUp, ClientResult client, EchoResult echo, BoxReport box,
               double cpuPercent, double machinePercent, Optional<Restart> restart) {
    long receivedPerSecond() {
        return perSecond(box.traffic().received());
    }

    long sentPerSecond() {
        return perSecond(box.traffic().sent());
    }

    private long perSecond(final long packets) {
        return client.seconds() > 0 ? Math.round(packets / client.seconds()) : 0;
    }
}
