// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.flow.FlowHash;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * How many ICMP errors may be sent (RFC 1812 section 4.3.2.8). The rate is cut into shares, and a hash with a secret
 * key says which share a receiver draws from: who counts the errors that he gets learns nothing of those that others
 * get, and so not whether a packet in another's name was answered (CVE-2020-25705). How much a share can save up is
 * drawn anew each time that it is full. Owned by one worker.
 */
final class IcmpBudget {
    static final int SHARES = 64;
    /** What a share can save up, in errors: enough for a traceroute's three probes, twice. */
    static final int BURST_LOW = 6;
    static final int BURST_HIGH = 10;

    private static final int MS_PER_SECOND = 1_000;

    private final long keyLo;
    private final long keyHi;
    private final SplittableRandom random;
    private final int ratePerSecond;
    /** In credit: a share earns {@link #ratePerSecond} in a millisecond, and an error costs this. */
    private final long cost;
    private final long[] credit = new long[SHARES];
    private final long[] limit = new long[SHARES];
    private final long[] seenMs = new long[SHARES];

    /** @param workers that share the rate */
    IcmpBudget(final int ratePerSecond, final int workers) {
        final SecureRandom secret = new SecureRandom();
        this.keyLo = secret.nextLong();
        this.keyHi = secret.nextLong();
        this.random = new SplittableRandom(secret.nextLong());
        this.ratePerSecond = ratePerSecond;
        this.cost = (long) SHARES * workers * MS_PER_SECOND;
        Arrays.fill(limit, BURST_LOW * cost);
        Arrays.fill(credit, BURST_LOW * cost);
    }

    /** @return whether an error may be sent to this address now; it is paid for then */
    boolean spend(final long receiver, final long nowMs) {
        final int share = (int) FlowHash.of(receiver, 0, keyLo, keyHi) & SHARES - 1;
        // A share is full after that long at the latest: no silence makes it earn more than a long can hold.
        final long elapsedMs = Math.min(nowMs - seenMs[share], limit[share]);
        seenMs[share] = nowMs;
        credit[share] += elapsedMs * ratePerSecond;
        if (credit[share] >= limit[share]) {
            credit[share] = limit[share];
            limit[share] = cost * random.nextInt(BURST_LOW, BURST_HIGH + 1);
        }
        if (credit[share] < cost) {
            return false;
        }
        credit[share] -= cost;
        return true;
    }
}
