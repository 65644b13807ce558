// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * One part of a plan in a JVM of its own. The plan goes in by its stdin, reports come out by its stdout: one per
 * second, the last is the result, or the {@link Failure} instead. When its stdin ends, with its parent or by
 * {@link #stop}, it stops sending and reports.
 */
final class ClientProcess implements AutoCloseable {
    private final Process process;
    private final CompletableFuture<ClientReport> result;
    private volatile ClientReport latest;

    private ClientProcess(final ClientPlan plan, final Process process) {
        this.process = process;
        latest = new ClientReport(plan.flows(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, Receiver.emptyHistogram());
        result = CompletableFuture.supplyAsync(
                this::readReports, runnable -> Thread.ofPlatform().daemon().name("lab-client-part").start(runnable));
    }

    static ClientProcess start(final ClientPlan plan) {
        final List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.add("--enable-native-access=ALL-UNNAMED"); // a started jar has it from its manifest, a class does not
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), ClientProcess.class.getName()));
        try {
            final Process process =
                    new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
            final ObjectOutputStream out = new ObjectOutputStream(process.getOutputStream());
            out.writeObject(plan);
            out.flush();
            return new ClientProcess(plan, process);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot start a process for " + plan.flows() + " of the flows: "
                    + e.getMessage() + ". Fix: fewer --flows, or raise the hard limit of open files (ulimit -Hn), "
                    + "so that one process will do", e);
        }
    }

    ClientReport latest() {
        return latest;
    }

    boolean hasEnded() {
        return result.isDone();
    }

    boolean hasFailed() {
        return result.isCompletedExceptionally();
    }

    void stop() {
        try {
            process.getOutputStream().close();
        } catch (final IOException e) {
            // It has ended already.
        }
    }

    /** Waits for the end. */
    ClientReport result() {
        try {
            return result.join();
        } catch (final CompletionException e) {
            throw e.getCause() instanceof final Failure failure ? failure : e;
        }
    }

    @Override
    public void close() {
        stop();
        process.destroy();
    }

    private ClientReport readReports() {
        try (ObjectInputStream in = new ObjectInputStream(process.getInputStream())) {
            while (true) {
                final Object message = in.readObject();
                if (message instanceof final Failure failure) {
                    throw failure;
                }
                if (message == null) {
                    return latest;
                }
                latest = (ClientReport) message;
            }
        } catch (final IOException | ClassNotFoundException e) {
            throw new Failure(Failure.FAILED, "a process of " + latest.flows() + " flows ended without a report: " + e
                    + ". Fix: see what it said above, or fewer --flows", e);
        }
    }

    /** The process itself: not for the command line. */
    public static void main(final String[] arguments) throws IOException, ClassNotFoundException {
        final ObjectInputStream in = new ObjectInputStream(System.in);
        final ClientPlan plan = (ClientPlan) in.readObject();
        final ObjectOutputStream out = new ObjectOutputStream(System.out);
        try (StopSignal stop = new StopSignal()) {
            Thread.ofPlatform().daemon().name("lab-parent-watch").start(() -> awaitEnd(in, stop));
            WarmUp.run(stop);
            write(out, new Client(plan, stop, report -> write(out, report)).run());
            write(out, null);
        } catch (final Failure failure) {
            write(out, failure);
        }
        System.exit(0);
    }

    private static void awaitEnd(final ObjectInputStream in, final StopSignal stop) {
        try {
            in.read();
        } catch (final IOException e) {
            // As good as an end.
        }
        stop.wish();
    }

    private static void write(final ObjectOutputStream out, final Object message) {
        try {
            out.writeObject(message);
            out.reset();
            out.flush();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
