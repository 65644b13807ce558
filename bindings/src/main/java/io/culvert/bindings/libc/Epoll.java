// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.epoll_data;
import io.culvert.bindings.ffi.epoll_event;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Readiness of many sockets, each known by a key of the caller's choice. One thread waits. */
public final class Epoll implements AutoCloseable {
    private static final MethodHandle CREATE =
            Errno.link(Libc.epoll_create1$address(), Libc.epoll_create1$descriptor());
    private static final MethodHandle CTL = Errno.link(Libc.epoll_ctl$address(), Libc.epoll_ctl$descriptor());
    private static final MethodHandle WAIT = Errno.link(Libc.epoll_wait$address(), Libc.epoll_wait$descriptor());

    /** 12 on x86-64, where the kernel packs the struct. */
    private static final long EVENT = epoll_event.sizeof();
    private static final long KEY = epoll_event.data$offset() + epoll_data.u64$offset();
    private static final ValueLayout.OfLong KEY_LAYOUT = ValueLayout.JAVA_LONG_UNALIGNED;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment capture = Errno.capture(arena);
    private final MemorySegment interest = epoll_event.allocate(arena);
    private final MemorySegment events;
    private final int capacity;
    private final int descriptor;

    /** @param capacity how many ready sockets one wait reports at most */
    public Epoll(final int capacity) {
        this.capacity = capacity;
        events = epoll_event.allocateArray(capacity, arena);
        try {
            descriptor = Errno.check("epoll_create1", capture, (int) CREATE.invokeExact(capture, 0));
        } catch (final Throwable t) {
            throw Errno.rethrown("epoll_create1", t);
        }
    }

    /** Reports the socket each time something new arrives on it: whoever is told must read it empty. */
    public void addEdgeTriggered(final int socket, final long key) {
        epoll_event.events(interest, Libc.EPOLLIN() | Libc.EPOLLET());
        interest.set(KEY_LAYOUT, KEY, key);
        try {
            final int result = (int) CTL.invokeExact(capture, descriptor, Libc.EPOLL_CTL_ADD(), socket, interest);
            Errno.check("epoll_ctl", capture, result);
        } catch (final Throwable t) {
            throw Errno.rethrown("epoll_ctl", t);
        }
    }

    /** @return how many sockets are ready; 0 when the time passed or a signal came. */
    public int await(final int timeoutMillis) {
        try {
            final int ready = (int) WAIT.invokeExact(capture, descriptor, events, capacity, timeoutMillis);
            if (ready == -1 && Errno.of(capture) == Libc.EINTR()) {
                return 0;
            }
            return Errno.check("epoll_wait", capture, ready);
        } catch (final Throwable t) {
            throw Errno.rethrown("epoll_wait", t);
        }
    }

    /** The key of the i-th ready socket. */
    public long key(final int i) {
        return events.get(KEY_LAYOUT, i * EVENT + KEY);
    }

    @Override
    public void close() {
        Libc.close(descriptor);
        arena.close();
    }
}
