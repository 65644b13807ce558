// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import java.util.List;

/**
 * What the relay says of itself about packets that it cannot send on, and which queries it relays.
 *
 * @param errors whether it says anything: time exceeded and fragmentation needed
 * @param ratePerSecond of all its workers together
 * @param refusals whether it also tells senders that no session can be opened for them
 * @param echoRules indices of the rules that relay echo requests; elsewhere our addresses answer for themselves
 * @param echoTimeoutMs how long a relayed query may be silent
 */
public record IcmpPolicy(boolean errors, int ratePerSecond, boolean refusals, List<Integer> echoRules,
                         int echoTimeoutMs) {
    public static final IcmpPolicy SILENT = new IcmpPolicy(false, 0, false, List.of(), 60_000);
}
