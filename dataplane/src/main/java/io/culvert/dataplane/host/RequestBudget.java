// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.host;

/** How many requests may be sent: a bucket that fills at a rate. Owned by the worker that asks. */
final class RequestBudget {
    private static final int MS_PER_SECOND = 1_000;

    private final int ratePerSecond;
    /** A request costs 1,000, a millisecond earns the rate. */
    private final long limit;
    private long credit;
    private long seenMs;

    RequestBudget(final int ratePerSecond, final int burst) {
        this.ratePerSecond = ratePerSecond;
        this.limit = (long) burst * MS_PER_SECOND;
        this.credit = limit;
    }

    void refill(final long nowMs) {
        final long elapsedMs = Math.clamp(nowMs - seenMs, 0, MS_PER_SECOND);
        credit = Math.min(limit, credit + elapsedMs * ratePerSecond);
        seenMs = nowMs;
    }

    boolean hasLeft() {
        return credit >= MS_PER_SECOND;
    }

    void spend() {
        credit -= MS_PER_SECOND;
    }
}
