// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.BenchLibrary;
import io.culvert.bindings.NativeMemory;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ffi.Bench;
import io.culvert.bindings.ffi.culvert_bench_stream;
import io.culvert.bindings.mbuf.Mbuf;
import io.culvert.bindings.mempool.Mempool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/** What one queue of a port receives and sends during a benchmark: buffers of its own, headers in order of arrival. */
final class Stream {
    static final int CAPTURE_LENGTH = Bench.CULVERT_BENCH_CAPTURE_LENGTH();

    static {
        BenchLibrary.load();
    }

    private final MemorySegment struct;

    /**
     * @param mbufs how many buffers to take from the pool: a power of two
     * @param kept whether the walk frees what it receives, and the source shall keep it
     */
    Stream(final Mempool pool, final int mbufs, final Payload payload, final int burst, final boolean kept,
           final RandomGenerator random, final Arena arena) {
        this.struct = culvert_bench_stream.allocate(arena);
        final MemorySegment taken = arena.allocate(JAVA_LONG, mbufs);
        if (!pool.allocate(taken, mbufs)) {
            throw new IllegalStateException("the benchmark's mempool is too small");
        }
        // As after hours of traffic: neighbours in time are no neighbours in memory.
        for (int i = mbufs - 1; i > 0; i--) {
            final int other = random.nextInt(i + 1);
            final long swapped = taken.getAtIndex(JAVA_LONG, i);
            taken.setAtIndex(JAVA_LONG, i, taken.getAtIndex(JAVA_LONG, other));
            taken.setAtIndex(JAVA_LONG, other, swapped);
        }
        final MemorySegment frames = arena.allocate(JAVA_LONG, mbufs);
        for (int i = 0; i < mbufs; i++) {
            final long frame = Mbuf.data(Mbuf.view(taken.getAtIndex(JAVA_LONG, i)));
            frames.setAtIndex(JAVA_LONG, i, frame);
            payload.write(NativeMemory.view(frame, Math.max(payload.frameLength(), Headers.LENGTH)));
        }
        culvert_bench_stream.mbufs(struct, taken);
        culvert_bench_stream.frames(struct, frames);
        culvert_bench_stream.mbuf_count(struct, mbufs);
        culvert_bench_stream.frame_length(struct, payload.frameLength());
        culvert_bench_stream.burst(struct, (short) burst);
        culvert_bench_stream.refcnt(struct, (short) (kept ? 2 : 1));
    }

    /** What arrives from the next {@link #rewind} on. */
    void headers(final Headers headers) {
        culvert_bench_stream.headers(struct, headers.segment());
        culvert_bench_stream.header_count(struct, headers.count());
    }

    void plug(final Port port, final int queue) {
        if (Bench.culvert_bench_plug(port.id(), (short) queue, struct) != 0) {
            throw new IllegalStateException("queue " + queue + " of port " + port.id() + " takes no packet source");
        }
    }

    /** Starts again with the first header. @param limit packets until the stream falls silent */
    void rewind(final long limit) {
        Bench.culvert_bench_rewind(struct, limit);
    }

    /**
     * Starts again; packets arrive at a steady rate from the first poll on and wait in a ring.
     *
     * @param lostFrom TSC from which {@link #lost} counts
     */
    void pace(final double packetsPerCycle, final int ring, final long lostFrom) {
        Bench.culvert_bench_pace(struct, packetsPerCycle, ring, lostFrom);
    }

    /** Packets that found the ring full. */
    long lost() {
        return culvert_bench_stream.lost(struct);
    }

    /** Keeps the first {@code count} packets sent after the next rewind. */
    void capture(final MemorySegment to, final long count) {
        culvert_bench_stream.capture(struct, to);
        culvert_bench_stream.capture_left(struct, count);
    }

    long captured() {
        return culvert_bench_stream.captured(struct);
    }

    long received() {
        return culvert_bench_stream.received(struct);
    }

    long sent() {
        return culvert_bench_stream.sent(struct);
    }
}
