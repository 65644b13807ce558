// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.List;

/**
 * What to show.
 *
 * @param rate packets per second that A sends, all flows together
 * @param payload bytes of UDP payload
 * @param drivers to try, in this order
 * @param killAfter seconds of measurement after which the relay is killed and started again; 0 to let it live
 * @param comparesIptables whether the same then goes through the kernel
 */
public record DemoPlan(int seconds, int flows, int rate, int payload, boolean oneArm, List<Driver> drivers,
                       int killAfter, boolean comparesIptables) {
    Topology topology() {
        return oneArm ? Topology.ONE_ARM : Topology.TWO_ARM;
    }
}
