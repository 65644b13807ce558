// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.mbuf;

import io.culvert.bindings.CacheLines;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ffi.rte_mbuf;
import java.lang.foreign.MemorySegment;

/**
 * {@code struct rte_mbuf} read in place: a lens over the first cache line of a packet buffer, never an object.
 * {@link io.culvert.bindings.layout.LayoutCheck} proves the offsets before the first packet.
 */
public final class Mbuf {
    /** What {@link #view} shows: the cache line that holds everything the relay reads. */
    public static final int VIEW_BYTES = 64;

    private static final long BUF_ADDR = rte_mbuf.buf_addr$offset();
    private static final long DATA_OFF = rte_mbuf.data_off$offset();
    private static final long PKT_LEN = rte_mbuf.pkt_len$offset();
    private static final long DATA_LEN = rte_mbuf.data_len$offset();
    private static final long BUF_LEN = rte_mbuf.buf_len$offset();
    private static final long NEXT = rte_mbuf.next$offset();

    public static MemorySegment view(final long mbuf) {
        return NativeMemory.view(mbuf, VIEW_BYTES);
    }

    /** Address of the packet's first byte. */
    public static long data(final MemorySegment mbuf) {
        return mbuf.get(CacheLines.LONG, BUF_ADDR)
                + Short.toUnsignedInt(mbuf.get(CacheLines.SHORT, DATA_OFF));
    }

    /** Bytes of the packet in its first segment: those that can be read at {@link #data}. */
    public static int dataLength(final MemorySegment mbuf) {
        return Short.toUnsignedInt(mbuf.get(CacheLines.SHORT, DATA_LEN));
    }

    /** Bytes of the packet over all segments. */
    public static int packetLength(final MemorySegment mbuf) {
        return mbuf.get(CacheLines.INT, PKT_LEN);
    }

    /** {@link #data(MemorySegment)} of the buffer at this address; no view, for seldom ways. */
    public static long data(final long mbuf) {
        return NativeMemory.getLong(mbuf + BUF_ADDR) + Short.toUnsignedInt(NativeMemory.getShort(mbuf + DATA_OFF));
    }

    /** {@link #packetLength(MemorySegment)} of the buffer at this address; no view, for seldom ways. */
    public static int packetLength(final long mbuf) {
        return NativeMemory.getInt(mbuf + PKT_LEN);
    }

    /** {@link #dataLength(MemorySegment)} of the buffer at this address; no view, for seldom ways. */
    public static int dataLength(final long mbuf) {
        return Short.toUnsignedInt(NativeMemory.getShort(mbuf + DATA_LEN));
    }

    /** Whether the packet lies in one segment. */
    public static boolean isWhole(final long mbuf) {
        return dataLength(mbuf) == packetLength(mbuf);
    }

    /**
     * Moves the packet's first byte by so many bytes, which are taken off in front, or put on there when negative:
     * {@code rte_pktmbuf_adj} and {@code rte_pktmbuf_prepend}. The caller has checked that they are there.
     */
    public static void moveStart(final long mbuf, final int bytes) {
        NativeMemory.setShort(mbuf + DATA_OFF, (short) (headroom(mbuf) + bytes));
        NativeMemory.setShort(mbuf + DATA_LEN, (short) (dataLength(mbuf) - bytes));
        NativeMemory.setInt(mbuf + PKT_LEN, packetLength(mbuf) - bytes);
    }

    /** Bytes of the buffer in front of the packet. */
    public static int headroom(final long mbuf) {
        return Short.toUnsignedInt(NativeMemory.getShort(mbuf + DATA_OFF));
    }

    /** Bytes of the buffer, headroom included. */
    public static int bufferLength(final long mbuf) {
        return Short.toUnsignedInt(NativeMemory.getShort(mbuf + BUF_LEN));
    }

    /** The next segment of a packet that lies in several, 0 behind the last. */
    public static long next(final long mbuf) {
        return NativeMemory.getLong(mbuf + NEXT);
    }

    /** Sets the length of a packet that lies in one segment. */
    public static void setLength(final long mbuf, final int bytes) {
        NativeMemory.setInt(mbuf + PKT_LEN, bytes);
        NativeMemory.setShort(mbuf + DATA_LEN, (short) bytes);
    }

    private Mbuf() { }
}
