// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.BenchLibrary;
import io.culvert.bindings.eal.Tsc;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ffi.Bench;
import io.culvert.bindings.ffi.culvert_bench_trial;
import io.culvert.bindings.mempool.Mempool;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;

/**
 * Offers flowgen's packets at a steady rate: testpmd itself knows full speed only. The loop is C, in
 * {@code native/bench/paced.c}.
 */
final class PacedSource implements AutoCloseable {
    private static final double SECOND_NS = 1e9;
    private static final int BUFFERS = 2_047;
    private static final int DATA_ROOM = 2_176;
    private static final int DESCRIPTORS = 1_024;
    /** When nothing came back for so many parts of a second, nothing comes any more. */
    private static final int DRAIN_PARTS = 200;
    /** A source that needed so much longer than planned offered less than planned. */
    private static final double LATE = 1.02;

    static {
        BenchLibrary.load();
    }

    /** One trial. @param rate packets per second that were offered indeed */
    record Trial(double rate, long offered, long lost, boolean isLate) { }

    private final Mempool pool;
    private final Port port;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment struct = culvert_bench_trial.allocate(arena);

    /** @param device its end of the wire */
    PacedSource(final String device) {
        port = Port.open(device);
        pool = Mempool.create("paced-" + port.id(), BUFFERS, DATA_ROOM, -1);
        port.start(1, DESCRIPTORS, 0, pool);
        culvert_bench_trial.port(struct, port.id());
        culvert_bench_trial.drain_cycles(struct, Tsc.hz() / DRAIN_PARTS);
    }

    boolean isConnected() {
        return port.info().linkUp();
    }

    /** On a thread that DPDK knows. @param frameSize with check sequence */
    Trial offer(final Headers headers, final int frameSize, final double rate, final Duration time) {
        culvert_bench_trial.headers(struct, headers.segment());
        culvert_bench_trial.header_count(struct, (int) headers.count());
        culvert_bench_trial.frame_length(struct, frameSize - Integer.BYTES);
        culvert_bench_trial.packets_per_second(struct, (long) rate);
        culvert_bench_trial.packets(struct, (long) (rate * time.toNanos() / SECOND_NS));
        Bench.culvert_bench_trial(struct, pool.segment());
        final long offered = culvert_bench_trial.offered(struct);
        final double seconds = culvert_bench_trial.cycles(struct) / (double) Tsc.hz();
        return new Trial(offered / seconds, offered, Math.max(0, offered - culvert_bench_trial.returned(struct)),
                seconds > LATE * offered / rate);
    }

    @Override
    public void close() {
        port.close();
        pool.close();
        arena.close();
    }
}
