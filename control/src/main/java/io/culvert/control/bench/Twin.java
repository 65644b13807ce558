// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import io.culvert.bindings.BenchLibrary;
import io.culvert.bindings.eal.Tsc;
import io.culvert.bindings.ffi.Bench;
import io.culvert.bindings.ffi.culvert_bench_twin;
import io.culvert.control.boot.Relay;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import java.lang.foreign.MemorySegment;

/** The C twin of a worker: the same walk, in C, on that worker's flow table and counters. */
final class Twin {
    static final int STAGES = Bench.CULVERT_BENCH_STAGES();

    private static final int MS_PER_SECOND = 1_000;

    static {
        BenchLibrary.load();
    }

    private final MemorySegment struct;

    Twin(final Bed bed, final int number) {
        final Relay relay = bed.relay();
        final Rule rule = relay.plan().rules().getFirst();
        final WorkerCounters counters = relay.workers().get(number).counters();
        final CounterCatalog catalog = counters.catalog();
        struct = culvert_bench_twin.allocate(bed.arena());
        culvert_bench_twin.flows(struct, start(relay.flowFiles().get(number)));
        culvert_bench_twin.neighbors(struct, MemorySegment.ofAddress(relay.neighbors().entry(0).address()));
        culvert_bench_twin.counters(struct, MemorySegment.ofAddress(counters.address()));
        culvert_bench_twin.cycles_per_ms(struct, Tsc.hz() / MS_PER_SECOND);
        culvert_bench_twin.queue(struct, (short) number);
        for (int link = Bed.EDGE; link <= Bed.INNER; link++) {
            culvert_bench_twin.macs(struct).setAtIndex(JAVA_LONG, link, relay.plan().links().get(link).mac());
            culvert_bench_twin.ports(struct).setAtIndex(JAVA_SHORT, link, relay.ports().get(link).id());
            culvert_bench_twin.received(struct).setAtIndex(JAVA_INT, link, catalog.received(link));
            culvert_bench_twin.sent(struct).setAtIndex(JAVA_INT, link, catalog.sent(link));
            culvert_bench_twin.dropped(struct).setAtIndex(JAVA_INT, link, catalog.dropped(link));
        }
        culvert_bench_twin.rule_traffic(struct, catalog.ruleTraffic(rule.index()));
        culvert_bench_twin.packets(struct, catalog.of(WorkerCounter.PACKETS));
        culvert_bench_twin.bursts(struct, catalog.of(WorkerCounter.BURSTS));
        culvert_bench_twin.idle_timeout_ms(struct, rule.idleTimeoutMs());
        culvert_bench_twin.unanswered_timeout_ms(struct, rule.unansweredTimeoutMs());
        if (Bench.culvert_bench_twin_check(struct) != 0) {
            throw new IllegalStateException("the twin in native/bench does not know this layout of the flow file");
        }
    }

    /** The file's first byte, which lies before its index, which lies before its entries. */
    private static MemorySegment start(final FlowFile flows) {
        final long entries = (long) flows.capacity() * 2 * FlowEntry.LENGTH;
        return MemorySegment.ofAddress(
                flows.entry(0).address() - (FlowFile.bytesFor(flows.capacity()) - entries));
    }

    /** So many cycles of a worker. */
    void run(final long cycles) {
        Bench.culvert_bench_twin_run(struct, cycles);
    }

    /** @return TSC cycles that each stage took */
    long[] runStaged(final long cycles) {
        culvert_bench_twin.stage_cycles(struct).fill((byte) 0);
        Bench.culvert_bench_twin_run_staged(struct, cycles);
        return culvert_bench_twin.stage_cycles(struct).toArray(JAVA_LONG);
    }

    /** The packet source alone, for so many cycles of a worker. */
    void runSource(final long cycles) {
        Bench.culvert_bench_source(culvert_bench_twin.ports(struct), culvert_bench_twin.queue(struct), cycles);
    }
}
