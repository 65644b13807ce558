// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import com.sun.management.ThreadMXBean;
import io.culvert.bindings.ffi.Bench;
import io.culvert.control.Failure;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;

/**
 * What a walker is timed over: laps of the bed's packets, each in the thread's own CPU time, so that what other
 * programs take from the core is not counted. A lap of new sessions ends with their end, which is not timed.
 */
final class Course {
    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    /** Long enough for the clock, short enough that few are disturbed. */
    private static final int LAP_PACKETS = 1 << 17;
    private static final int SECOND_MS = 1_000;
    /** Longer than any timeout of a session, and than a port rests. */
    private static final int SILENCE_MS = 400 * SECOND_MS;
    /** Cycles that expiry may take at most for each 1,000 sessions. */
    private static final int EXPIRY_CYCLES = 100;

    private final Bed bed;
    private final int number;
    private final long cycles;
    private final long packets;
    private final MemorySegment ports;

    /** @param number of the worker whose queues are walked */
    Course(final Bed bed, final int number, final int burst) {
        this.bed = bed;
        this.number = number;
        if (bed.mix() == Mix.NEW) {
            this.cycles = (bed.sessions() + burst - 1L) / burst;
            this.packets = bed.sessions();
        } else {
            final long links = bed.mix() == Mix.REFUSED ? 1 : Bed.LINKS;
            this.cycles = LAP_PACKETS / (links * burst);
            this.packets = cycles * links * burst;
        }
        this.ports = Arena.global().allocateFrom(ValueLayout.JAVA_SHORT,
                bed.relay().ports().get(Bed.EDGE).id(), bed.relay().ports().get(Bed.INNER).id());
        bed.rewind(number, Long.MAX_VALUE);
    }

    /** How many packets a lap has. */
    long packets() {
        return packets;
    }

    /** @return ns a packet, the source's share included */
    double lap(final Walker walker) {
        begin();
        final long start = THREADS.getCurrentThreadCpuTime();
        walker.run(cycles);
        final long ns = THREADS.getCurrentThreadCpuTime() - start;
        end(walker);
        return (double) ns / packets;
    }

    /** @return TSC cycles a packet of each stage */
    double[] stagedLap(final Walker walker) {
        begin();
        final long[] spent = walker.runStaged(cycles);
        end(walker);
        final double[] stages = new double[spent.length];
        for (int stage = 0; stage < stages.length; stage++) {
            stages[stage] = (double) spent[stage] / packets;
        }
        return stages;
    }

    /** @return ns a packet of the source alone */
    double sourceLap() {
        begin();
        final long start = THREADS.getCurrentThreadCpuTime();
        Bench.culvert_bench_source(ports, (short) number, cycles);
        return (double) (THREADS.getCurrentThreadCpuTime() - start) / packets;
    }

    /** @return heap bytes that the calling thread allocates a packet */
    double allocated(final Walker walker) {
        begin();
        final long before = THREADS.getCurrentThreadAllocatedBytes();
        walker.run(cycles);
        final long bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
        end(walker);
        return (double) bytes / packets;
    }

    private void begin() {
        if (bed.mix() == Mix.NEW) {
            bed.rewind(number, bed.sessions());
        }
    }

    /** Time passes until every session of a lap has ended and its port may be lent again. */
    void end(final Walker walker) {
        if (bed.mix() != Mix.NEW) {
            return;
        }
        final long limit = (bed.sessions() / 1_000 + 10L) * EXPIRY_CYCLES;
        bed.clock().advance(SILENCE_MS);
        for (long cycle = 0; walker.sessions() > 0; cycle++) {
            if (cycle > limit) {
                throw new Failure(Failure.FAILED, walker.sessions() + " sessions do not end. Fix: this is a bug of the"
                        + " benchmark or of the walk; please report it");
            }
            bed.clock().advance(SECOND_MS);
            walker.clockOffset(bed.clock().offset());
            walker.run(1);
        }
        bed.clock().advance(SILENCE_MS);
        walker.clockOffset(bed.clock().offset());
    }
}
