// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.control.deploy.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.StandardProtocolFamily;
import java.nio.ByteBuffer;
import java.nio.channels.DatagramChannel;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** A UDP socket of the kernel in a namespace: what clients and servers have. */
final class UdpEnd implements AutoCloseable {
    private static final int LARGEST = 65_535;

    private final DatagramChannel channel;
    private final DatagramSocket socket;

    /** What arrived, and from where. */
    record Datagram(byte[] payload, InetSocketAddress from) {
        String text() {
            return new String(payload, StandardCharsets.UTF_8);
        }
    }

    private UdpEnd(final DatagramChannel channel) throws IOException {
        this.channel = channel;
        this.socket = channel.socket();
        socket.setSoTimeout((int) Patience.LIMIT.toMillis());
    }

    /** @param port 0 lets the kernel choose */
    static UdpEnd open(final Namespace host, final String address, final int port) {
        final StandardProtocolFamily family =
                address.indexOf(':') < 0 ? StandardProtocolFamily.INET : StandardProtocolFamily.INET6;
        return host.call(() -> new UdpEnd(DatagramChannel.open(family).bind(at(address, port))));
    }

    static InetSocketAddress at(final String address, final int port) {
        return new InetSocketAddress(address, port);
    }

    InetSocketAddress local() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    int port() {
        return socket.getLocalPort();
    }

    /** From now on the kernel lets in nothing but what comes from there, and ICMP errors reach the socket. */
    UdpEnd connect(final InetSocketAddress peer) {
        try {
            channel.connect(peer);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return this;
    }

    void send(final String text, final InetSocketAddress to) {
        send(text.getBytes(StandardCharsets.UTF_8), to);
    }

    void send(final byte[] payload, final InetSocketAddress to) {
        try {
            socket.send(new DatagramPacket(payload, payload.length, to));
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The next datagram; fails when there is none for a long time. */
    Datagram receive() {
        try {
            final DatagramPacket packet = new DatagramPacket(new byte[LARGEST], LARGEST);
            socket.receive(packet);
            return new Datagram(Arrays.copyOf(packet.getData(), packet.getLength()),
                    (InetSocketAddress) packet.getSocketAddress());
        } catch (final IOException e) {
            throw new UncheckedIOException("at " + local() + ": " + e.getMessage(), e);
        }
    }

    /** A request through the relay and its answer. @return the request, as the server got it */
    Datagram talk(final InetSocketAddress listener, final UdpEnd server) {
        send("hello", listener);
        final Datagram request = server.receive();
        assertEquals("hello", request.text());
        server.send("welcome", request.from());
        final Datagram answer = receive();
        assertEquals("welcome", answer.text());
        assertEquals(listener, answer.from());
        return request;
    }

    /** Whether something is there to receive, an ICMP error included. It is lost by the look. */
    boolean hasReceived() {
        try {
            channel.configureBlocking(false);
            final boolean received = channel.receive(ByteBuffer.allocate(LARGEST)) != null;
            channel.configureBlocking(true);
            return received;
        } catch (final IOException e) {
            return true;
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
