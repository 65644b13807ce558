// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

/**
 * What the relay says of itself about packets that it cannot send on.
 *
 * @param errors whether it says anything: time exceeded and fragmentation needed
 * @param ratePerSecond of all its workers together
 * @param refusals whether it also tells senders that no session can be opened for them
 */
public record IcmpPolicy(boolean errors, int ratePerSecond, boolean refusals) {
    public static final IcmpPolicy SILENT = new IcmpPolicy(false, 0, false);
}
