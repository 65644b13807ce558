// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Lcore;
import io.culvert.bindings.eal.Tsc;
import io.culvert.control.Failure;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.worker.Worker;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How long does a packet's walk take, in Java and in C? Both walk the same packets through the same table, in turn, on
 * one core. Before anything is measured the two must send the same bytes and count the same.
 */
public final class WalkBench {
    private static final int COMPARED_PACKETS = 8_192;
    private static final int SLICE_PACKETS = 1 << 17;
    private static final int WARM_UP_SLICES = 400;
    private static final java.lang.management.ThreadMXBean THREADS = java.lang.management.ManagementFactory.getThreadMXBean();
    private static final int SLICES = 25;

    private final Bed bed;
    private final Worker worker;
    private final Twin twin;
    private final int burst;

    /** One round: medians of its slices, ns a packet, the source's share subtracted from both. */
    record Round(double javaNs, double cNs, double sourceNs) {
        double ratio() {
            return cNs / javaNs;
        }
    }

    WalkBench(final Bed bed, final int burst) {
        this.bed = bed;
        this.worker = bed.relay().workers().getFirst();
        this.twin = new Twin(bed, 0);
        this.burst = burst;
    }

    /** Runs on a thread of its own, pinned to the last CPU. */
    public static void run(final int flows, final int packetSize, final int burst, final int rounds) {
        try (Bed bed = new Bed(flows, packetSize, burst, 1)) {
            final Thread thread = Thread.ofPlatform().name("bench").start(() -> {
                final int[] cpus = Lcore.allowedCpus();
                final Lcore lcore = Lcore.enter(cpus[cpus.length - 1]);
                try {
                    bed.open(0);
                    final WalkBench bench = new WalkBench(bed, burst);
                    bench.compare();
                    bench.measure(rounds);
                } finally {
                    lcore.close();
                }
            });
            thread.join();
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void compare() {
        try (Arena arena = Arena.ofConfined()) {
            final List<byte[]> java = sent(() -> walk(COMPARED_PACKETS / burst), arena);
            final List<byte[]> c = sent(() -> twin.run(COMPARED_PACKETS / burst), arena);
            for (int link = 0; link < java.size(); link++) {
                final int at = Arrays.mismatch(java.get(link), c.get(link));
                if (at >= 0) {
                    throw new Failure(Failure.FAILED, "Java and C send different packets on link " + link
                            + ": packet " + at / Stream.CAPTURE_LENGTH + ", byte " + at % Stream.CAPTURE_LENGTH);
                }
            }
        }
    }

    private List<byte[]> sent(final Runnable walk, final Arena arena) {
        final long packets = COMPARED_PACKETS / burst * (long) burst;
        final List<MemorySegment> captures = new ArrayList<>();
        final WorkerCounters counters = worker.counters();
        for (final Stream stream : bed.streams(0)) {
            captures.add(arena.allocate(packets * Stream.CAPTURE_LENGTH));
            stream.capture(captures.getLast(), packets);
        }
        bed.rewind(0, packets);
        walk.run();
        for (final Stream stream : bed.streams(0)) {
            if (stream.received() != packets || stream.sent() != packets || counters.imbalance() != 0) {
                throw new Failure(Failure.FAILED, stream.received() + " packets received, " + stream.sent() + " sent");
            }
        }
        return captures.stream().map(capture -> capture.toArray(java.lang.foreign.ValueLayout.JAVA_BYTE)).toList();
    }

    private void walk(final long cycles) {
        for (long cycle = 0; cycle < cycles; cycle++) {
            worker.doWork();
        }
    }

    private void measure(final int rounds) {
        bed.rewind(0, Long.MAX_VALUE);
        final long cycles = SLICE_PACKETS / (2L * burst);
        for (int i = 0; i < WARM_UP_SLICES; i++) {
            walk(cycles);
        }
        final List<Round> done = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            done.add(round(cycles));
            final Round r = done.getLast();
            System.out.printf("java %.2f ns  c %.2f ns  source %.2f ns  ratio %.3f%n", r.javaNs(), r.cNs(),
                    r.sourceNs(), r.ratio());
        }
        final double[] ratios = done.stream().mapToDouble(Round::ratio).sorted().toArray();
        System.out.printf("ratio %.3f (%.3f .. %.3f)  imbalance %d%n", ratios[ratios.length / 2], ratios[0],
                ratios[ratios.length - 1], worker.counters().imbalance());
        final long[] stages = twin.runStaged(cycles * 4);
        for (final long stage : stages) {
            System.out.printf("%.2f ns ", stage * 1e9 / Tsc.hz() / (cycles * 8 * burst));
        }
        System.out.println();
    }

    private Round round(final long cycles) {
        final double[] java = new double[SLICES];
        final double[] c = new double[SLICES];
        final double[] source = new double[SLICES];
        for (int slice = 0; slice < SLICES; slice++) {
            java[slice] = nsPerPacket(() -> walk(cycles), cycles);
            c[slice] = nsPerPacket(() -> twin.run(cycles), cycles);
            source[slice] = nsPerPacket(() -> twin.runSource(cycles), cycles);
        }
        final double sourceNs = median(source);
        return new Round(median(java) - sourceNs, median(c) - sourceNs, sourceNs);
    }

    private double nsPerPacket(final Runnable run, final long cycles) {
        final long start = THREADS.getCurrentThreadCpuTime();
        run.run();
        return (double) (THREADS.getCurrentThreadCpuTime() - start) / (cycles * 2 * burst);
    }

    private static double median(final double[] values) {
        final double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length / 2];
    }
}
