// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

/**
 * When each flow sends: flow i starts at i / flowStartRate and then sends at its share of the total rate. All flows
 * have one period, so a queue in order of sending stays in order of due time. Times are nanoseconds from the start.
 */
final class Schedule {
    static final int NONE = -1;

    private static final double SECOND_NS = 1e9;
    /** Keeps a ramp that is a whole number of periods, but for rounding, at that number. */
    private static final double ROUNDING = 1e-9;

    private final int flows;
    private final double flowStartNs;
    private final double periodNs;
    private final int[] queue;
    private final double[] dueNs;

    private int head;
    private int started;
    private int queued;

    Schedule(final int flows, final double rate, final double flowStartRate) {
        this.flows = flows;
        periodNs = flows / rate * SECOND_NS;
        // A ramp of whole periods leaves the flows evenly spread over one period.
        final double rampPeriods = Math.ceil(flows / flowStartRate * SECOND_NS / periodNs - ROUNDING);
        flowStartNs = Math.max(1, rampPeriods) * periodNs / flows;
        queue = new int[flows];
        dueNs = new double[flows];
    }

    /** When the next packet is due. */
    long nextNs() {
        return (long) Math.ceil(nextStarts() ? started * flowStartNs : dueNs[queue[head]]);
    }

    /** @return the flow that has a packet to send by now, or {@link #NONE}. */
    int poll(final long nowNs) {
        if (nextNs() > nowNs) {
            return NONE;
        }
        final int flow;
        if (nextStarts()) {
            flow = started;
            dueNs[flow] = started * flowStartNs;
            started++;
        } else {
            flow = queue[head];
            head = next(head, 1);
            queued--;
        }
        dueNs[flow] += periodNs;
        queue[next(head, queued)] = flow;
        queued++;
        return flow;
    }

    private boolean nextStarts() {
        return started < flows && (queued == 0 || started * flowStartNs <= dueNs[queue[head]]);
    }

    private int next(final int index, final int steps) {
        final int sum = index + steps;
        return sum >= flows ? sum - flows : sum;
    }
}
