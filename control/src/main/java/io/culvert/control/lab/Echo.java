// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.ErrnoException;
import io.culvert.bindings.libc.SocketAddress;
import io.culvert.bindings.libc.UdpSocket;
import io.culvert.control.Failure;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/** The UDP echo server: each worker has a socket on the same port, and the kernel spreads the clients over them. */
public final class Echo implements AutoCloseable {
    private static final int BUFFER = 64 << 20;
    private static final Duration STOP_LATENCY = Duration.ofMillis(100);

    private final Sources sources = new Sources();
    private final List<FlowLog> logs = new ArrayList<>();
    private final List<UdpSocket> sockets = new ArrayList<>();
    private final List<EchoWorker> workers = new ArrayList<>();
    private final List<CompletableFuture<Void>> running = new ArrayList<>();
    private final long endpoint;

    /** @param endpoint as {@link SocketAddress} packs it; with port 0 the kernel chooses one. */
    public Echo(final long endpoint, final int workerCount) {
        try {
            this.endpoint = free(endpoint);
            for (int i = 0; i < workerCount; i++) {
                final UdpSocket socket = UdpSocket.open();
                sockets.add(socket);
                socket.sharePort();
                socket.reportLocalAddress();
                socket.bind(this.endpoint);
                socket.receiveBuffer(BUFFER);
                socket.sendBuffer(BUFFER);
                socket.receiveTimeout(STOP_LATENCY);
                workers.add(new EchoWorker(socket, sources.new Lens()));
            }
        } catch (final ErrnoException e) {
            sockets.forEach(UdpSocket::close);
            throw new Failure(Failure.FAILED, "cannot listen on " + SocketAddress.text(endpoint) + ": "
                    + e.getMessage() + ". Fix: " + mend(endpoint, e.errno()), e);
        }
    }

    /** Before the start: keep what {@link #flowLines} tells. */
    public void logFlows() {
        for (final EchoWorker worker : workers) {
            logs.add(new FlowLog());
            worker.keep(logs.getLast());
        }
    }

    /** Where each flow of a lab client came from, a line each; only after {@link #close}. */
    public List<String> flowLines() {
        return logs.stream().flatMap(FlowLog::lines).toList();
    }

    /** Where it listens, as {@link SocketAddress} packs it. */
    public long endpoint() {
        return endpoint;
    }

    public void start() {
        for (final EchoWorker worker : workers) {
            final String name = "lab-echo-" + running.size();
            running.add(CompletableFuture.runAsync(worker, runnable -> new Thread(runnable, name).start()));
        }
    }

    /** Whether a worker has failed; {@link #close} says why. */
    public boolean hasFailed() {
        return running.stream().anyMatch(CompletableFuture::isDone);
    }

    public EchoReport report() {
        final long received = workers.stream().mapToLong(EchoWorker::received).sum();
        final long sent = workers.stream().mapToLong(EchoWorker::sent).sum();
        return new EchoReport(received, sent, sources.list());
    }

    /** Ends the workers and gives the port back; the report stays. */
    @Override
    public void close() {
        workers.forEach(EchoWorker::stop);
        try {
            CompletableFuture.allOf(running.toArray(CompletableFuture[]::new)).join();
        } finally {
            sockets.forEach(UdpSocket::close);
        }
    }

    /** Sharing a port would silently halve another server's clients: first see whether the port can be had alone. */
    private static long free(final long endpoint) {
        try (UdpSocket probe = UdpSocket.open()) {
            probe.bind(endpoint);
            return probe.localEndpoint();
        }
    }

    private static String mend(final long endpoint, final int errno) {
        if (errno == ErrnoException.EADDRINUSE) {
            return "another --listen port, or end what holds this one (ss -ulpn 'sport = :"
                    + SocketAddress.portHost(endpoint) + "' names it)";
        }
        if (errno == ErrnoException.EADDRNOTAVAIL) {
            return "--listen takes an address of this host (ip -br address lists them) or 0.0.0.0";
        }
        return "another --listen, or what the message asks for";
    }
}
