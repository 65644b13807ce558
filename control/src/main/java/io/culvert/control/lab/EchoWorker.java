// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import io.culvert.bindings.libc.ErrnoException;
import io.culvert.bindings.libc.MessageBatch;
import io.culvert.bindings.libc.UdpSocket;
import java.lang.foreign.Arena;
import java.util.Optional;

/** One thread of the echo server with a socket of its own: takes a batch, sends the same batch back. */
final class EchoWorker implements Runnable {
    private static final int BATCH = 64;
    private static final int LONGEST_MESSAGE = 65_536;

    private final UdpSocket socket;
    private final Sources.Lens sources;
    private Optional<FlowLog> log = Optional.empty();
    private final Counter received = new Counter();
    private final Counter sent = new Counter();
    private volatile boolean stopped;

    EchoWorker(final UdpSocket socket, final Sources.Lens sources) {
        this.socket = socket;
        this.sources = sources;
    }

    /** Before it runs. */
    void keep(final FlowLog flows) {
        log = Optional.of(flows);
    }

    @Override
    public void run() {
        try (Arena arena = Arena.ofConfined()) {
            final MessageBatch batch = new MessageBatch(arena, BATCH, LONGEST_MESSAGE, true);
            while (!stopped) {
                final int count = batch.receive(socket.descriptor(), MessageBatch.WAIT_FOR_ONE);
                if (count >= 0) {
                    answer(batch, count);
                } else if (count != -ErrnoException.EAGAIN && count != -ErrnoException.EINTR) {
                    throw new ErrnoException("recvmmsg", -count);
                }
            }
        }
    }

    /** Takes effect when the socket's receive times out, or with the next message. */
    void stop() {
        stopped = true;
    }

    long received() {
        return received.get();
    }

    long sent() {
        return sent.get();
    }

    private void answer(final MessageBatch batch, final int count) {
        log.ifPresent(known -> note(batch, count, known));
        for (int i = 0; i < count; i++) {
            sources.add(batch.endpoint(i));
            batch.reply(i);
        }
        received.add(count);
        send(batch, count);
        for (int i = 0; i < count; i++) {
            batch.reset(i);
        }
    }

    private static void note(final MessageBatch batch, final int count, final FlowLog log) {
        final long nowNs = System.nanoTime();
        for (int i = 0; i < count; i++) {
            if (Payload.isSound(batch.buffers(), batch.at(i), batch.length(i))) {
                log.add((int) (Payload.identity(batch.buffers(), batch.at(i)) >>> Integer.SIZE),
                        Payload.flow(batch.buffers(), batch.at(i)), batch.endpoint(i), nowNs);
            }
        }
    }

    /** A message that cannot be sent (to port 0, say) is skipped; the others go out. */
    private void send(final MessageBatch batch, final int count) {
        int next = 0;
        while (next < count) {
            final int outcome = batch.send(socket.descriptor(), next, count - next, 0);
            if (outcome > 0) {
                sent.add(outcome);
                next += outcome;
            } else if (outcome != -ErrnoException.EINTR) {
                next++;
            }
        }
    }
}
