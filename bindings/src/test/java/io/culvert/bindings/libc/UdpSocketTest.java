// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.culvert.bindings.ffi.Libc;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.junit.jupiter.api.Test;

class UdpSocketTest {
    private static final int LOOPBACK = 0x7F000001;
    /** A call into C hears no interrupt. */
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    @Test
    void movesABatchWithItsBytesLengthsAndEndpoints() {
        try (Arena arena = Arena.ofConfined(); UdpSocket from = bound(); UdpSocket to = bound()) {
            final MessageBatch outgoing = new MessageBatch(arena, 3, 128, false);
            for (int i = 0; i < 3; i++) {
                outgoing.endpoint(i, to.localEndpoint());
                outgoing.length(i, 10 * i);
                outgoing.buffers().set(ValueLayout.JAVA_LONG, outgoing.at(i), 1_000L + i);
            }
            assertEquals(3, outgoing.send(from.descriptor(), 0, 3, 0));

            final MessageBatch incoming = new MessageBatch(arena, 8, 128, false);
            assertEquals(3, incoming.receive(to.descriptor(), Libc.MSG_WAITFORONE()));
            for (int i = 0; i < 3; i++) {
                assertEquals(from.localEndpoint(), incoming.endpoint(i));
                assertEquals(10 * i, incoming.length(i));
            }
            assertEquals(1_002, incoming.buffers().get(ValueLayout.JAVA_LONG, incoming.at(2)));
        }
    }

    @Test
    void answersFromTheAddressTheMessageCameTo() {
        try (Arena arena = Arena.ofConfined(); UdpSocket client = bound(); UdpSocket server = UdpSocket.open()) {
            server.receiveTimeout(PATIENCE);
            server.bind(SocketAddress.of(0, 0));
            server.reportLocalAddress();
            final long second = SocketAddress.of(LOOPBACK + 1, SocketAddress.portHost(server.localEndpoint()));
            final MessageBatch mine = new MessageBatch(arena, 1, 128, false);
            final MessageBatch theirs = new MessageBatch(arena, 1, 128, true);
            for (int round = 0; round < 2; round++) {
                mine.endpoint(0, second);
                mine.length(0, 7);
                assertEquals(1, mine.send(client.descriptor(), 0, 1, 0));
                assertEquals(1, theirs.receive(server.descriptor(), 0));
                theirs.reply(0);
                assertEquals(1, theirs.send(server.descriptor(), 0, 1, 0));
                theirs.reset(0);
                mine.length(0, 128);
                assertEquals(1, mine.receive(client.descriptor(), 0));
                assertEquals(SocketAddress.text(second), SocketAddress.text(mine.endpoint(0)));
                assertEquals(7, mine.length(0));
            }
        }
    }

    @Test
    void namesTheFunctionAndTheErrnoOfAFailure() {
        try (UdpSocket holder = bound(); UdpSocket late = UdpSocket.open()) {
            final ErrnoException e = assertThrows(ErrnoException.class, () -> late.bind(holder.localEndpoint()));
            assertEquals(Libc.EADDRINUSE(), e.errno());
            assertEquals("bind: Address already in use (errno 98)", e.getMessage());
        }
    }

    @Test
    void givesUpAReceiveAfterItsTimeout() {
        try (Arena arena = Arena.ofConfined(); UdpSocket socket = bound()) {
            socket.receiveTimeout(Duration.ofMillis(5));
            final MessageBatch batch = new MessageBatch(arena, 1, 64, false);
            assertEquals(-Libc.EAGAIN(), batch.receive(socket.descriptor(), Libc.MSG_WAITFORONE()));
        }
    }

    @Test
    void packsAnEndpointAsTheKernelDoes() {
        final long endpoint = SocketAddress.of(new InetSocketAddress("192.0.2.7", 7890));
        assertEquals("192.0.2.7:7890", SocketAddress.text(endpoint));
        try (UdpSocket socket = bound()) {
            assertEquals(LOOPBACK, SocketAddress.addressHost(socket.localEndpoint()));
        }
    }

    private static UdpSocket bound() {
        final UdpSocket socket = UdpSocket.open();
        socket.receiveTimeout(PATIENCE);
        socket.bind(SocketAddress.of(LOOPBACK, 0));
        return socket;
    }
}
