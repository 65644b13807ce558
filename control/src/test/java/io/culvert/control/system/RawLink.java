// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.control.deploy.Patience;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.net.NetworkInterface;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Predicate;

/** A packet socket: sends frames as they are and sees those that pass an interface, whatever the kernel thinks. */
final class RawLink implements AutoCloseable {
    private static final int AF_PACKET = 17;
    private static final int SOCK_RAW = 3;
    /** ETH_P_ALL in network order. */
    private static final short ALL = 0x0300;
    /** sockaddr_ll. */
    private static final int NAME_LENGTH = 20;
    private static final int PROTOCOL_AT = 2;
    private static final int INTERFACE_AT = 4;
    private static final short POLLIN = 1;
    private static final long PAUSE_NS = 1_000_000;
    private static final int LARGEST = 65_536;

    private static final MethodHandle SOCKET = link("socket", JAVA_INT, JAVA_INT, JAVA_INT);
    private static final MethodHandle BIND = link("bind", JAVA_INT, ADDRESS, JAVA_INT);
    private static final MethodHandle SEND = link("send", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle RECV = link("recv", JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle POLL = link("poll", ADDRESS, JAVA_LONG, JAVA_INT);
    private static final MethodHandle CLOSE = link("close", JAVA_INT);

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(LARGEST);
    private final int descriptor;
    private final byte[] mac;

    private static MethodHandle link(final String function, final ValueLayout... arguments) {
        final Linker linker = Linker.nativeLinker();
        return linker.downcallHandle(linker.defaultLookup().find(function).orElseThrow(),
                FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private RawLink(final NetworkInterface device) throws Throwable {
        mac = device.getHardwareAddress();
        descriptor = (int) SOCKET.invokeExact(AF_PACKET, SOCK_RAW, (int) ALL);
        final MemorySegment name = arena.allocate(NAME_LENGTH, Integer.BYTES);
        name.set(JAVA_SHORT, 0, (short) AF_PACKET);
        name.set(JAVA_SHORT, PROTOCOL_AT, ALL);
        name.set(JAVA_INT, INTERFACE_AT, device.getIndex());
        check("bind", (int) BIND.invokeExact(descriptor, name, NAME_LENGTH));
    }

    static RawLink open(final Namespace host, final String device) {
        return host.call(() -> {
            try {
                return new RawLink(NetworkInterface.getByName(device));
            } catch (final Throwable t) {
                throw new AssertionError(t);
            }
        });
    }

    byte[] mac() {
        return mac;
    }

    /** A veth takes no frame while the queue of its other end is full, on a busy machine for seconds: tried again. */
    void send(final byte[] frame) {
        MemorySegment.copy(frame, 0, buffer, JAVA_BYTE, 0, frame.length);
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        try {
            int sent = (int) SEND.invokeExact(descriptor, buffer, (long) frame.length, 0);
            while (sent < 0 && System.nanoTime() - deadline < 0) {
                LockSupport.parkNanos(PAUSE_NS);
                sent = (int) SEND.invokeExact(descriptor, buffer, (long) frame.length, 0);
            }
            check("send", sent);
        } catch (final Throwable t) {
            throw new AssertionError(t);
        }
    }

    /** The next frame of this kind, in or out; fails when there is none for a long time. */
    byte[] receive(final Predicate<byte[]> wanted) {
        final long deadline = System.nanoTime() + Patience.LIMIT.toNanos();
        final MemorySegment wait = arena.allocate(JAVA_LONG);
        wait.set(JAVA_INT, 0, descriptor);
        wait.set(JAVA_SHORT, Integer.BYTES, POLLIN);
        try {
            while (System.nanoTime() - deadline < 0) {
                if ((int) POLL.invokeExact(wait, 1L, (int) Patience.LIMIT.toMillis()) > 0) {
                    final int length = (int) RECV.invokeExact(descriptor, buffer, (long) LARGEST, 0);
                    check("recv", length);
                    final byte[] frame = buffer.asSlice(0, length).toArray(JAVA_BYTE);
                    if (wanted.test(frame)) {
                        return frame;
                    }
                }
            }
        } catch (final Throwable t) {
            throw new AssertionError(t);
        }
        throw new AssertionError("no such frame in " + Patience.SECONDS + " s");
    }

    private static void check(final String function, final int result) {
        if (result < 0) {
            throw new AssertionError(function + " failed on a packet socket");
        }
    }

    @Override
    public void close() {
        try {
            check("close", (int) CLOSE.invokeExact(descriptor));
        } catch (final Throwable t) {
            throw new AssertionError(t);
        }
        arena.close();
    }
}
