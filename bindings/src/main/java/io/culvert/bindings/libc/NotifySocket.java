// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.sockaddr_un;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Tells a service manager how the process does (sd_notify(3)): a datagram to the socket that {@code NOTIFY_SOCKET}
 * names. Through libc, because Java has no Unix datagram sockets.
 */
public final class NotifySocket {
    private static final String VARIABLE = "NOTIFY_SOCKET";

    /**
     * Sends e.g. {@code READY=1}; does nothing where nobody asked for it.
     *
     * @return whether somebody was told
     */
    public static boolean tell(final String state) {
        final String path = System.getenv(VARIABLE);
        if (path == null || path.isEmpty()) {
            return false;
        }
        try (Arena arena = Arena.ofConfined()) {
            final int socket = Libc.socket(Libc.AF_UNIX(), Libc.SOCK_DGRAM() | Libc.SOCK_CLOEXEC(), 0);
            if (socket < 0) {
                return false;
            }
            final byte[] name = path.getBytes(StandardCharsets.UTF_8);
            final byte[] text = state.getBytes(StandardCharsets.UTF_8);
            final MemorySegment address = sockaddr_un.allocate(arena);
            sockaddr_un.sun_family(address, (short) Libc.AF_UNIX());
            final long at = sockaddr_un.sun_path$offset();
            MemorySegment.copy(MemorySegment.ofArray(name), 0, address, at, name.length);
            if (path.charAt(0) == '@') {
                address.set(ValueLayout.JAVA_BYTE, at, (byte) 0); // the abstract namespace
            }
            final MemorySegment message = arena.allocate(text.length).copyFrom(MemorySegment.ofArray(text));
            final long sent = Libc.sendto(socket, message, text.length, 0, address, (int) at + name.length);
            Libc.close(socket);
            return sent == text.length;
        }
    }

    private NotifySocket() { }
}
