// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.control.StopSignal;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Consumer;
import org.HdrHistogram.Histogram;

/** Many UDP clients in this process: one thread sends for all flows on time, one receives, the caller's watches. */
final class Client {
    private static final Duration PROGRESS_INTERVAL = Duration.ofSeconds(1);
    private static final Duration WATCH_INTERVAL = Duration.ofMillis(10);
    private static final double SECOND_NS = 1e9;

    private final ClientPlan plan;
    private final StopSignal stop;
    private final Consumer<ClientReport> progress;

    /** @param progress gets a report per second */
    Client(final ClientPlan plan, final StopSignal stop, final Consumer<ClientReport> progress) {
        this.plan = plan;
        this.stop = stop;
        this.progress = progress;
    }

    ClientReport run() {
        final long identity = Payload.identity(ThreadLocalRandom.current().nextInt());
        try (FlowSockets sockets = FlowSockets.open(plan);
                Receiver receiver = new Receiver(plan, sockets, identity)) {
            final Sender sender = new Sender(plan, sockets, identity);
            final CompletableFuture<Void> receiving = start("lab-receiver", receiver);
            final CompletableFuture<Void> sending = start("lab-sender", sender);
            try {
                watch(sender, receiver, sending);
                awaitLastAnswers(sender, receiver);
            } finally {
                sender.stop();
                receiver.stop();
                CompletableFuture.allOf(sending, receiving).join();
            }
            return report(sender, receiver, receiver.rttNs());
        }
    }

    private static CompletableFuture<Void> start(final String name, final Runnable task) {
        return CompletableFuture.runAsync(task, runnable -> new Thread(runnable, name).start());
    }

    private void watch(final Sender sender, final Receiver receiver, final CompletableFuture<Void> sending) {
        long nextNs = System.nanoTime() + PROGRESS_INTERVAL.toNanos();
        while (!sending.isDone()) {
            if (stop.await(WATCH_INTERVAL)) {
                sender.stop();
                sending.join();
                return;
            }
            if (System.nanoTime() >= nextNs) {
                nextNs += PROGRESS_INTERVAL.toNanos();
                progress.accept(report(sender, receiver, Receiver.emptyHistogram()));
            }
        }
    }

    private void awaitLastAnswers(final Sender sender, final Receiver receiver) {
        final long deadlineNs = System.nanoTime() + plan.linger().toNanos();
        while (receiver.received() < sender.sent() && System.nanoTime() < deadlineNs) {
            try {
                Thread.sleep(WATCH_INTERVAL);
            } catch (final InterruptedException e) {
                Thread.currentThread().interrupt();
                return;
            }
        }
    }

    private ClientReport report(final Sender sender, final Receiver receiver, final Histogram rttNs) {
        final long received = receiver.received();
        return new ClientReport(
                plan.flows(),
                receiver.flowsAnswered(),
                Math.max(received, sender.sent()), // an answer may be counted before the send that drew it
                received,
                receiver.reordered(),
                receiver.duplicated(),
                receiver.corrupted(),
                receiver.unexpected(),
                sender.errors(),
                sender.lastErrno(),
                sender.elapsedNs() / SECOND_NS,
                rttNs);
    }
}
