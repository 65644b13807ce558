// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.timeval;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/**
 * An IPv4 UDP socket of the kernel, never connected. Set-up calls throw {@link ErrnoException}; packets move through a
 * {@link MessageBatch} by the descriptor.
 */
public final class UdpSocket implements AutoCloseable {
    private static final MethodHandle SOCKET = Errno.link(Libc.socket$address(), Libc.socket$descriptor());
    private static final MethodHandle BIND = Errno.link(Libc.bind$address(), Libc.bind$descriptor());
    private static final MethodHandle SETSOCKOPT =
            Errno.link(Libc.setsockopt$address(), Libc.setsockopt$descriptor());
    private static final MethodHandle GETSOCKNAME =
            Errno.link(Libc.getsockname$address(), Libc.getsockname$descriptor());

    private final int descriptor;

    private UdpSocket(final int descriptor) {
        this.descriptor = descriptor;
    }

    public static UdpSocket open() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment capture = Errno.capture(arena);
            final int type = Libc.SOCK_DGRAM() | Libc.SOCK_CLOEXEC();
            final int result = (int) SOCKET.invokeExact(capture, Libc.AF_INET(), type, 0);
            return new UdpSocket(Errno.check("socket", capture, result));
        } catch (final Throwable t) {
            throw Errno.rethrown("socket", t);
        }
    }

    public int descriptor() {
        return descriptor;
    }

    /** @param endpoint as {@link SocketAddress} packs it; port 0 lets the kernel choose. */
    public void bind(final long endpoint) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment capture = Errno.capture(arena);
            final MemorySegment name = arena.allocate(SocketAddress.LENGTH, Long.BYTES);
            SocketAddress.write(name, 0, endpoint);
            Errno.check("bind", capture, (int) BIND.invokeExact(capture, descriptor, name, SocketAddress.LENGTH));
        } catch (final Throwable t) {
            throw Errno.rethrown("bind", t);
        }
    }

    /** @return the endpoint the socket is bound to, as {@link SocketAddress} packs it. */
    public long localEndpoint() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment capture = Errno.capture(arena);
            final MemorySegment name = arena.allocate(SocketAddress.LENGTH, Long.BYTES);
            final MemorySegment length = arena.allocateFrom(ValueLayout.JAVA_INT, SocketAddress.LENGTH);
            final int result = (int) GETSOCKNAME.invokeExact(capture, descriptor, name, length);
            Errno.check("getsockname", capture, result);
            return SocketAddress.read(name, 0);
        } catch (final Throwable t) {
            throw Errno.rethrown("getsockname", t);
        }
    }

    /** Lets several sockets of this user bind one port; the kernel spreads the clients over them. */
    public void sharePort() {
        setOption(Libc.SOL_SOCKET(), Libc.SO_REUSEPORT(), 1);
    }

    /** Has each received message carry the local address it came to; a reply that sends it back leaves from there. */
    public void reportLocalAddress() {
        setOption(Libc.IPPROTO_IP(), Libc.IP_PKTINFO(), 1);
    }

    /** Past the system's limit where the process may do that, else up to the limit. */
    public void receiveBuffer(final int bytes) {
        setBuffer(Libc.SO_RCVBUFFORCE(), Libc.SO_RCVBUF(), bytes);
    }

    /** Past the system's limit where the process may do that, else up to the limit. */
    public void sendBuffer(final int bytes) {
        setBuffer(Libc.SO_SNDBUFFORCE(), Libc.SO_SNDBUF(), bytes);
    }

    /** A blocking receive ends with EAGAIN after this long. */
    public void receiveTimeout(final Duration timeout) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment value = timeval.allocate(arena);
            timeval.tv_sec(value, timeout.getSeconds());
            timeval.tv_usec(value, timeout.getNano() / 1_000);
            setOption(arena, Libc.SOL_SOCKET(), Libc.SO_RCVTIMEO(), value);
        }
    }

    @Override
    public void close() {
        Libc.close(descriptor);
    }

    private void setBuffer(final int forced, final int limited, final int bytes) {
        try {
            setOption(Libc.SOL_SOCKET(), forced, bytes);
        } catch (final ErrnoException e) {
            if (e.errno() != Libc.EPERM()) {
                throw e;
            }
            setOption(Libc.SOL_SOCKET(), limited, bytes);
        }
    }

    private void setOption(final int level, final int option, final int value) {
        try (Arena arena = Arena.ofConfined()) {
            setOption(arena, level, option, arena.allocateFrom(ValueLayout.JAVA_INT, value));
        }
    }

    private void setOption(final Arena arena, final int level, final int option, final MemorySegment value) {
        try {
            final MemorySegment capture = Errno.capture(arena);
            final int length = (int) value.byteSize();
            final int result = (int) SETSOCKOPT.invokeExact(capture, descriptor, level, option, value, length);
            Errno.check("setsockopt", capture, result);
        } catch (final Throwable t) {
            throw Errno.rethrown("setsockopt", t);
        }
    }
}
