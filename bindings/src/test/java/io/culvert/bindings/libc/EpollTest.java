// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.epoll_event;
import java.lang.foreign.Arena;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class EpollTest {
    private static final int LOOPBACK = 0x7F000001;

    /** The second and third events lie where the kernel's packing puts them, or their keys come out wrong. */
    @Test
    void keepsTheKeyOfEachReadySocket() {
        try (Arena arena = Arena.ofConfined();
                Epoll epoll = new Epoll(8);
                UdpSocket sender = UdpSocket.open();
                UdpSocket first = bound();
                UdpSocket second = bound();
                UdpSocket third = bound()) {
            final MessageBatch batch = new MessageBatch(arena, 1, 64, false);
            batch.length(0, 5);
            final Set<Long> expected = new HashSet<>();
            for (final UdpSocket socket : new UdpSocket[] {first, second, third}) {
                final long key = 0x1122334455667700L + socket.descriptor();
                expected.add(key);
                epoll.addEdgeTriggered(socket.descriptor(), key);
                batch.endpoint(0, socket.localEndpoint());
                assertEquals(1, batch.send(sender.descriptor(), 0, 1, 0));
            }
            final Set<Long> keys = new HashSet<>();
            final int ready = epoll.await(1_000);
            for (int i = 0; i < ready; i++) {
                keys.add(epoll.key(i));
            }
            assertEquals(expected, keys);
            assertEquals(0, epoll.await(0), "an edge is reported once");
        }
    }

    @Test
    void packsEventsAsTheKernelOfX86Does() {
        assertEquals(12, epoll_event.sizeof());
        assertEquals(1 << 31, Libc.EPOLLET());
    }

    private static UdpSocket bound() {
        final UdpSocket socket = UdpSocket.open();
        socket.bind(SocketAddress.of(LOOPBACK, 0));
        return socket;
    }
}
