// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.io.Serializable;
import java.time.Duration;
import java.util.List;

/**
 * What a client run does. The target and the source addresses are as SocketAddress packs them.
 *
 * @param rate packets per second of all flows together
 * @param sources the addresses to send from, without ports; 0.0.0.0 leaves the choice to routing
 * @param flowStartRate new flows per second at the start
 * @param linger how long to wait for the last answers after the last send
 */
public record ClientPlan(
        long target,
        int flows,
        double rate,
        Duration duration,
        int payload,
        List<Long> sources,
        int lowestSourcePort,
        int highestSourcePort,
        double flowStartRate,
        Duration linger) implements Serializable {

    public static final int LEAST_PAYLOAD = Payload.HEADER_LENGTH;
    public static final int MOST_PAYLOAD = Payload.LENGTH_LIMIT;

    /** Part {@code index} of {@code parts} equal ones: as many flows each, at the same pace per flow. */
    ClientPlan part(final int index, final int parts) {
        final int partFlows = flows / parts + (index < flows % parts ? 1 : 0);
        final double share = (double) partFlows / flows;
        return new ClientPlan(target, partFlows, rate * share, duration, payload, sources,
                lowestSourcePort, highestSourcePort, flowStartRate * share, linger);
    }
}
