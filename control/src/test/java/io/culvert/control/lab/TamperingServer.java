// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.lab;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.SocketException;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;

/** An echo server that does to every n-th packet what a bad network does. */
final class TamperingServer implements AutoCloseable {
    enum Fault { CORRUPT, TRUNCATE, DUPLICATE, SWAP, DROP, ANSWER_FROM_ELSEWHERE, MISDELIVER }

    private final DatagramSocket socket =
            new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    private final DatagramSocket elsewhere =
            new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    private final Fault fault;
    private final int every;
    private final Thread thread = new Thread(this::serve, "tampering-server");
    private final Set<SocketAddress> clients = new HashSet<>();
    private DatagramPacket held;
    private int count;
    private volatile int faults;

    TamperingServer(final Fault fault, final int every) throws SocketException {
        this.fault = fault;
        this.every = every;
        socket.setReceiveBufferSize(8 << 20);
        thread.start();
    }

    InetSocketAddress address() {
        return (InetSocketAddress) socket.getLocalSocketAddress();
    }

    int faults() {
        return faults;
    }

    @Override
    public void close() {
        socket.close();
        elsewhere.close();
    }

    private void serve() {
        final byte[] buffer = new byte[65_536];
        try {
            while (true) {
                final DatagramPacket packet = new DatagramPacket(buffer, buffer.length);
                socket.receive(packet);
                answer(new DatagramPacket(
                        Arrays.copyOf(buffer, packet.getLength()), packet.getLength(), packet.getSocketAddress()));
            }
        } catch (final IOException e) {
            // closed
        }
    }

    private void answer(final DatagramPacket packet) throws IOException {
        clients.add(packet.getSocketAddress());
        if (held != null && held.getSocketAddress().equals(packet.getSocketAddress())) {
            socket.send(packet);
            socket.send(held);
            held = null;
            return;
        }
        if (++count % every != 0) {
            socket.send(packet);
            return;
        }
        faults = count / every;
        switch (fault) {
            case CORRUPT -> {
                packet.getData()[faults * 31 % packet.getLength()] ^= 0x10;
                socket.send(packet);
            }
            case TRUNCATE -> {
                packet.setLength(packet.getLength() - 1);
                socket.send(packet);
            }
            case DUPLICATE -> {
                socket.send(packet);
                socket.send(packet);
            }
            case SWAP -> held = packet;
            case DROP -> { }
            case ANSWER_FROM_ELSEWHERE -> elsewhere.send(packet);
            case MISDELIVER -> {
                packet.setSocketAddress(clients.stream()
                        .filter(client -> !client.equals(packet.getSocketAddress())).findFirst().orElseThrow());
                socket.send(packet);
            }
            default -> throw new AssertionError(fault);
        }
    }
}
