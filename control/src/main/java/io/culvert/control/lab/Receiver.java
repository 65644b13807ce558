// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.Epoll;
import io.culvert.bindings.libc.ErrnoException;
import io.culvert.bindings.libc.MessageBatch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.HdrHistogram.Histogram;

/** The client's receiving thread: reads every flow's answers and judges each one. */
final class Receiver implements Runnable, AutoCloseable {
    private static final int BATCH = 32;
    private static final int READY_SOCKETS = 512;
    private static final int WAIT_MILLIS = 50;
    /** Room past the payload, so that an answer that grew is seen to have grown. */
    private static final int SPARE_LENGTH = 8;
    private static final long LONGEST_RTT_NS = TimeUnit.MINUTES.toNanos(10);
    private static final int RTT_DIGITS = 3;

    private final ClientPlan plan;
    private final FlowSockets sockets;
    private final long identity;
    private final Epoll epoll = new Epoll(READY_SOCKETS);
    private final SequenceWindow window;
    private final boolean[] answered;
    private final Histogram rttNs = emptyHistogram();

    private final Counter received = new Counter();
    private final Counter flowsAnswered = new Counter();
    private final Counter reordered = new Counter();
    private final Counter duplicated = new Counter();
    private final Counter corrupted = new Counter();
    private final Counter unexpected = new Counter();
    private volatile boolean stopped;

    Receiver(final ClientPlan plan, final FlowSockets sockets, final long identity) {
        this.plan = plan;
        this.sockets = sockets;
        this.identity = identity;
        window = new SequenceWindow(plan.flows());
        answered = new boolean[plan.flows()];
        for (int flow = 0; flow < plan.flows(); flow++) {
            epoll.addEdgeTriggered(sockets.descriptor(flow), flow);
        }
    }

    static Histogram emptyHistogram() {
        return new Histogram(LONGEST_RTT_NS, RTT_DIGITS);
    }

    @Override
    public void run() {
        try (Arena arena = Arena.ofConfined()) {
            final MessageBatch batch = new MessageBatch(arena, BATCH, plan.payload() + SPARE_LENGTH, false);
            while (!stopped) {
                final int ready = epoll.await(WAIT_MILLIS);
                for (int i = 0; i < ready; i++) {
                    drain(batch, (int) epoll.key(i));
                }
            }
        }
    }

    void stop() {
        stopped = true;
    }

    @Override
    public void close() {
        epoll.close();
    }

    /** Distinct, intact answers. */
    long received() {
        return received.get();
    }

    long flowsAnswered() {
        return flowsAnswered.get();
    }

    long reordered() {
        return reordered.get();
    }

    long duplicated() {
        return duplicated.get();
    }

    long corrupted() {
        return corrupted.get();
    }

    /** Answers from another source, of another run, or to another flow. */
    long unexpected() {
        return unexpected.get();
    }

    /** Only after the thread ended. */
    Histogram rttNs() {
        return rttNs;
    }

    /** A batch that is not full has emptied the socket. */
    private void drain(final MessageBatch batch, final int flow) {
        int count = BATCH;
        while (count == BATCH && !stopped) {
            count = batch.receive(sockets.descriptor(flow), MessageBatch.DONT_WAIT);
            final long nowNs = System.nanoTime();
            for (int i = 0; i < count; i++) {
                judge(batch, i, flow, nowNs);
            }
            if (count == -ErrnoException.EINTR || count == -ErrnoException.ECONNREFUSED) {
                count = BATCH; // says nothing about what waits in the socket
            } else if (count < 0 && count != -ErrnoException.EAGAIN) {
                throw new ErrnoException("recvmmsg", -count);
            }
        }
    }

    private void judge(final MessageBatch batch, final int i, final int flow, final long nowNs) {
        final MemorySegment memory = batch.buffers();
        final long at = batch.at(i);
        final int length = batch.length(i);
        if (batch.endpoint(i) != plan.target()) {
            unexpected.add(1);
        } else if (!Payload.isSound(memory, at, length)) {
            corrupted.add(1);
        } else if (Payload.identity(memory, at) != identity || Payload.flow(memory, at) != flow) {
            unexpected.add(1);
        } else if (!Payload.hasItsPattern(memory, at, length)) {
            corrupted.add(1);
        } else {
            accept(flow, Payload.sequence(memory, at), nowNs - Payload.sentNs(memory, at));
        }
    }

    private void accept(final int flow, final int sequence, final long tookNs) {
        final SequenceWindow.Arrival arrival = window.mark(flow, sequence);
        if (arrival == SequenceWindow.Arrival.DUPLICATE) {
            duplicated.add(1);
            return;
        }
        if (arrival == SequenceWindow.Arrival.REORDERED) {
            reordered.add(1);
        }
        rttNs.recordValue(Math.min(tookNs, LONGEST_RTT_NS));
        if (!answered[flow]) {
            answered[flow] = true;
            flowsAnswered.add(1);
        }
        received.add(1); // last: whoever sees it sees the rest
    }
}
