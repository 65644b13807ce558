// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.MessageBatch;
import java.lang.foreign.Arena;
import java.util.concurrent.locks.LockSupport;

/**
 * The client's sending thread. It wakes a few thousand times a second at most and sends what the schedule says is due;
 * after a delay it catches up in bounded bursts, and what is later than {@link #LATE_LIMIT_NS} is put off for good.
 */
final class Sender implements Runnable {
    private static final int BATCH = 64;
    private static final long SHORTEST_PAUSE_NS = 200_000;
    private static final long LONGEST_PAUSE_NS = 50_000_000;
    private static final long LATE_LIMIT_NS = 100_000_000;
    private static final int LEAST_BURST = 32;
    /** A burst is what the rate brings in this part of a second: about twice what a pause leaves to do. */
    private static final int BURSTS_PER_SECOND = 1_000;

    private final ClientPlan plan;
    private final FlowSockets sockets;
    private final long identity;
    private final Schedule schedule;
    private final int[] sequences;
    /** The flows of one burst, which is never longer than this. */
    private final int[] owing;
    private final int[] owed;

    private final Counter sent = new Counter();
    private final Counter errors = new Counter();
    private volatile int lastErrno;
    private volatile long elapsedNs;
    private volatile boolean stopped;

    Sender(final ClientPlan plan, final FlowSockets sockets, final long identity) {
        this.plan = plan;
        this.sockets = sockets;
        this.identity = identity;
        schedule = new Schedule(plan.flows(), plan.rate(), plan.flowStartRate());
        owing = new int[LEAST_BURST + (int) (plan.rate() / BURSTS_PER_SECOND)];
        owed = new int[plan.flows()];
        sequences = new int[plan.flows()];
    }

    @Override
    public void run() {
        try (Arena arena = Arena.ofConfined()) {
            final MessageBatch batch = new MessageBatch(arena, BATCH, plan.payload(), false);
            for (int i = 0; i < BATCH; i++) {
                batch.endpoint(i, plan.target());
            }
            final long startNs = System.nanoTime();
            final long lastNs = plan.duration().toNanos() - 1;
            long delayNs = 0;
            long nowNs = 0;
            while (nowNs < lastNs && !stopped) {
                LockSupport.parkNanos(Math.clamp(
                        schedule.nextNs() + delayNs - nowNs, SHORTEST_PAUSE_NS, LONGEST_PAUSE_NS));
                nowNs = Math.min(lastNs, System.nanoTime() - startNs);
                delayNs = Math.max(delayNs, nowNs - schedule.nextNs() - LATE_LIMIT_NS);
                sendDue(batch, nowNs - delayNs);
                elapsedNs = nowNs;
            }
        }
    }

    void stop() {
        stopped = true;
    }

    long sent() {
        return sent.get();
    }

    long errors() {
        return errors.get();
    }

    /** 0 while every send worked. */
    int lastErrno() {
        return lastErrno;
    }

    long elapsedNs() {
        return elapsedNs;
    }

    /** Gathers first: a flow that owes several packets sends them in one system call. */
    private void sendDue(final MessageBatch batch, final long nowNs) {
        int turns = 0;
        for (int i = 0; i < owing.length; i++) {
            final int flow = schedule.poll(nowNs);
            if (flow == Schedule.NONE) {
                break;
            }
            if (owed[flow]++ == 0) {
                owing[turns++] = flow;
            }
        }
        for (int turn = 0; turn < turns; turn++) {
            final int flow = owing[turn];
            while (owed[flow] > 0) {
                final int count = Math.min(owed[flow], BATCH);
                owed[flow] -= count;
                send(batch, flow, count);
            }
        }
    }

    /** A packet that the kernel refuses is counted and not tried again; the next one takes its sequence number. */
    private void send(final MessageBatch batch, final int flow, final int count) {
        final int sequence = sequences[flow];
        final long sentNs = System.nanoTime();
        for (int i = 0; i < count; i++) {
            Payload.write(batch.buffers(), batch.at(i), plan.payload(), identity, flow, sequence + i, sentNs);
        }
        final int outcome = batch.send(sockets.descriptor(flow), 0, count, MessageBatch.DONT_WAIT);
        final int accepted = Math.max(0, outcome);
        if (outcome < 0) {
            lastErrno = -outcome;
        }
        sequences[flow] = sequence + accepted;
        sent.add(accepted);
        errors.add(count - accepted);
    }
}
