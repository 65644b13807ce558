// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.libc;

import io.culvert.bindings.ffi.Libc;
import io.culvert.bindings.ffi.cmsghdr;
import io.culvert.bindings.ffi.in_pktinfo;
import io.culvert.bindings.ffi.iovec;
import io.culvert.bindings.ffi.mmsghdr;
import io.culvert.bindings.ffi.msghdr;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Messages for sendmmsg and recvmmsg with their buffers, endpoints and vectors, laid out once and used by one thread.
 * One system call moves up to {@link #capacity} packets; no call allocates.
 */
public final class MessageBatch {
    // Flags of send and receive.
    public static final int DONT_WAIT = Libc.MSG_DONTWAIT();
    /** Waits for the first message only. */
    public static final int WAIT_FOR_ONE = Libc.MSG_WAITFORONE();

    private static final MethodHandle SENDMMSG = Errno.link(Libc.sendmmsg$address(), Libc.sendmmsg$descriptor());
    private static final MethodHandle RECVMMSG = Errno.link(Libc.recvmmsg$address(), Libc.recvmmsg$descriptor());

    private static final long MESSAGE = mmsghdr.sizeof();
    private static final long MESSAGE_LENGTH = mmsghdr.msg_len$offset();
    private static final long CONTROL_LENGTH = mmsghdr.msg_hdr$offset() + msghdr.msg_controllen$offset();
    private static final long VECTOR = iovec.sizeof();
    private static final long VECTOR_LENGTH = iovec.iov_len$offset();
    /** One control message with a struct in_pktinfo, padded as CMSG_SPACE pads it. */
    private static final long CONTROL = (cmsghdr.sizeof() + in_pktinfo.sizeof() + Long.BYTES - 1) & -Long.BYTES;
    private static final long CONTROL_INTERFACE = cmsghdr.sizeof() + in_pktinfo.ipi_ifindex$offset();

    private final int capacity;
    private final int bufferLength;
    private final boolean withLocalAddress;
    private final MemorySegment capture;
    private final MemorySegment messages;
    private final MemorySegment vectors;
    private final MemorySegment endpoints;
    private final MemorySegment controls;
    private final MemorySegment buffers;

    /**
     * @param withLocalAddress room for what {@link UdpSocket#reportLocalAddress} reports, so that {@link #reply} sends
     *         from the address the message came to
     */
    public MessageBatch(
            final Arena arena, final int capacity, final int bufferLength, final boolean withLocalAddress) {
        this.capacity = capacity;
        this.bufferLength = bufferLength;
        this.withLocalAddress = withLocalAddress;
        capture = Errno.capture(arena);
        messages = mmsghdr.allocateArray(capacity, arena);
        vectors = iovec.allocateArray(capacity, arena);
        endpoints = arena.allocate((long) capacity * SocketAddress.LENGTH, Long.BYTES);
        controls = arena.allocate(capacity * CONTROL, Long.BYTES);
        buffers = arena.allocate((long) capacity * bufferLength, Long.BYTES);
        for (int i = 0; i < capacity; i++) {
            final MemorySegment vector = iovec.asSlice(vectors, i);
            iovec.iov_base(vector, buffers.asSlice(at(i), bufferLength));
            iovec.iov_len(vector, bufferLength);
            final MemorySegment header = mmsghdr.msg_hdr(mmsghdr.asSlice(messages, i));
            msghdr.msg_name(header, endpoints.asSlice((long) i * SocketAddress.LENGTH, SocketAddress.LENGTH));
            msghdr.msg_namelen(header, SocketAddress.LENGTH);
            msghdr.msg_iov(header, vector);
            msghdr.msg_iovlen(header, 1);
            if (withLocalAddress) {
                msghdr.msg_control(header, controls.asSlice(i * CONTROL, CONTROL));
                msghdr.msg_controllen(header, CONTROL);
            }
        }
    }

    public int capacity() {
        return capacity;
    }

    /** All buffers in one segment; message i's bytes start {@link #at at(i)}. */
    public MemorySegment buffers() {
        return buffers;
    }

    public long at(final int i) {
        return (long) i * bufferLength;
    }

    /** How many bytes message i brought. */
    public int length(final int i) {
        return messages.get(ValueLayout.JAVA_INT, i * MESSAGE + MESSAGE_LENGTH);
    }

    /** How many bytes of its buffer message i sends. */
    public void length(final int i, final int bytes) {
        vectors.set(ValueLayout.JAVA_LONG, i * VECTOR + VECTOR_LENGTH, bytes);
    }

    /** Where message i came from, as {@link SocketAddress} packs it. */
    public long endpoint(final int i) {
        return SocketAddress.read(endpoints, (long) i * SocketAddress.LENGTH);
    }

    /** Where message i goes, as {@link SocketAddress} packs it. */
    public void endpoint(final int i, final long endpoint) {
        SocketAddress.write(endpoints, (long) i * SocketAddress.LENGTH, endpoint);
    }

    /** Turns message i as received into its own answer. */
    public void reply(final int i) {
        length(i, length(i));
        if (withLocalAddress) {
            controls.set(ValueLayout.JAVA_INT, i * CONTROL + CONTROL_INTERFACE, 0); // routing finds the way back
        }
    }

    /** Gives message i its whole buffer again after {@link #reply}. */
    public void reset(final int i) {
        length(i, bufferLength);
        if (withLocalAddress) {
            messages.set(ValueLayout.JAVA_LONG, i * MESSAGE + CONTROL_LENGTH, CONTROL);
        }
    }

    /** @return how many messages of {@code count} were sent, from {@code first} on, or -errno when not even one was. */
    public int send(final int descriptor, final int first, final int count, final int flags) {
        try {
            final MemorySegment start = first == 0 ? messages : messages.asSlice(first * MESSAGE);
            return outcome((int) SENDMMSG.invokeExact(capture, descriptor, start, count, flags));
        } catch (final Throwable t) {
            throw new AssertionError("sendmmsg", t); // C returns; it has nothing to throw
        }
    }

    /** @return how many messages arrived, or -errno when not even one did. */
    public int receive(final int descriptor, final int flags) {
        try {
            return outcome((int) RECVMMSG.invokeExact(
                    capture, descriptor, messages, capacity, flags, MemorySegment.NULL));
        } catch (final Throwable t) {
            throw new AssertionError("recvmmsg", t); // C returns; it has nothing to throw
        }
    }

    private int outcome(final int result) {
        return result == -1 ? -Errno.of(capture) : result;
    }
}
