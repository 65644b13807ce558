// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.culvert.bindings.BenchLibrary;
import io.culvert.bindings.eal.Tsc;
import io.culvert.bindings.ffi.Bench;
import io.culvert.bindings.ffi.culvert_bench_gaps;
import io.culvert.bindings.ffi.culvert_bench_link;
import io.culvert.bindings.ffi.culvert_bench_rule;
import io.culvert.bindings.ffi.culvert_bench_twin;
import io.culvert.control.boot.Relay;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.worker.RelayPlan;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;

/** The C twin of a worker: the same walk, in C, on a flow table and counters of the same layout. */
final class Twin implements Walker, AutoCloseable {
    private static final int MS_PER_SECOND = 1_000;

    static {
        BenchLibrary.load();
    }

    private final MemorySegment struct;
    private final WorkerCounters counters;

    /** @param queue on which it receives, in the worker's place */
    Twin(final Relay relay, final int queue, final FlowFile flows, final WorkerCounters counters, final Arena arena) {
        this.counters = counters;
        final RelayPlan plan = relay.plan();
        final CounterCatalog catalog = counters.catalog();
        final int[] own = ownAddresses(plan);
        struct = culvert_bench_twin.allocate(arena);
        culvert_bench_twin.flows(struct, MemorySegment.ofAddress(flows.address()));
        culvert_bench_twin.neighbors(struct, MemorySegment.ofAddress(relay.neighbors().entries().address()));
        culvert_bench_twin.counters(struct, MemorySegment.ofAddress(counters.address()));
        culvert_bench_twin.cycles_per_ms(struct, Tsc.hz() / MS_PER_SECOND);
        culvert_bench_twin.own(struct, arena.allocateFrom(JAVA_INT, own));
        culvert_bench_twin.own_count(struct, own.length);
        culvert_bench_twin.drop_reasons(struct, DropReason.count());
        culvert_bench_twin.queue(struct, (short) queue);
        culvert_bench_twin.packets(struct, catalog.of(WorkerCounter.PACKETS));
        culvert_bench_twin.bursts(struct, catalog.of(WorkerCounter.BURSTS));
        culvert_bench_twin.sessions(struct, catalog.of(WorkerCounter.SESSIONS));
        if (Bench.culvert_bench_twin_open(struct, links(relay, catalog, arena), rule(plan, catalog, arena)) != 0) {
            throw new IllegalStateException("the twin in native/bench was written for another layout of the flow file,"
                    + " for other drop reasons, or for fewer next hops");
        }
    }

    private static int[] ownAddresses(final RelayPlan plan) {
        return IntStream.concat(
                IntStream.concat(plan.links().stream().flatMap(link -> link.subnets().stream())
                        .mapToInt(Link.Subnet::address), plan.rules().stream().mapToInt(Rule::listenAddress)),
                plan.pools().stream().flatMap(pool -> pool.addresses().stream()).mapToInt(Integer::intValue))
                .distinct().toArray();
    }

    private static MemorySegment links(final Relay relay, final CounterCatalog catalog, final Arena arena) {
        final MemorySegment links = culvert_bench_link.allocateArray(relay.ports().size(), arena);
        for (final Link link : relay.plan().links()) {
            final int index = link.index();
            final MemorySegment into = culvert_bench_link.asSlice(links, index);
            culvert_bench_link.mac(into, link.mac());
            culvert_bench_link.address(into, link.subnets().getFirst().address());
            culvert_bench_link.mask(into, link.subnets().getFirst().mask());
            culvert_bench_link.gateway(into, link.gateway());
            culvert_bench_link.port(into, relay.ports().get(index).id());
            culvert_bench_link.received(into, catalog.received(index));
            culvert_bench_link.sent(into, catalog.sent(index));
            culvert_bench_link.dropped(into, catalog.dropped(index));
            culvert_bench_link.answered_icmp(into, catalog.answeredIcmp(index));
        }
        return links;
    }

    private static MemorySegment rule(final RelayPlan plan, final CounterCatalog catalog, final Arena arena) {
        final Rule rule = plan.rules().getFirst();
        final SnatPool.Spec pool = plan.pools().get(rule.pool());
        final MemorySegment into = culvert_bench_rule.allocate(arena);
        culvert_bench_rule.listen_address(into, rule.listenAddress());
        culvert_bench_rule.listen_port(into, (short) rule.listenLow());
        culvert_bench_rule.target_address(into, rule.targetAddress());
        culvert_bench_rule.target_port(into, (short) rule.targetLow());
        culvert_bench_rule.pool_low(into, (short) pool.low());
        culvert_bench_rule.pool_high(into, (short) pool.high());
        culvert_bench_rule.pool_addresses(into, arena.allocateFrom(JAVA_INT,
                pool.addresses().stream().mapToInt(Integer::intValue).toArray()));
        culvert_bench_rule.pool_count(into, pool.addresses().size());
        culvert_bench_rule.idle_timeout_ms(into, rule.idleTimeoutMs());
        culvert_bench_rule.unanswered_timeout_ms(into, rule.unansweredTimeoutMs());
        culvert_bench_rule.traffic(into, catalog.ruleTraffic(rule.index()));
        culvert_bench_rule.created(into, catalog.created(rule.index()));
        culvert_bench_rule.ended(into, catalog.ended(rule.index()));
        return into;
    }

    @Override
    public void run(final long cycles) {
        Bench.culvert_bench_twin_run(struct, cycles);
    }

    /** Polls until the TSC says so. @param gaps gets what ends after {@code from} */
    void poll(final long from, final long until, final Gaps gaps) {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment found = culvert_bench_gaps.allocate(arena);
            Bench.culvert_bench_twin_poll(struct, from, until, found);
            gaps.add(culvert_bench_gaps.counts(found).toArray(JAVA_LONG), culvert_bench_gaps.longest(found));
        }
    }

    @Override
    public long[] runStaged(final long cycles) {
        culvert_bench_twin.stage_cycles(struct).fill((byte) 0);
        Bench.culvert_bench_twin_run_staged(struct, cycles);
        return culvert_bench_twin.stage_cycles(struct).toArray(JAVA_LONG);
    }

    @Override
    public int sessions() {
        return Bench.culvert_bench_twin_sessions(struct);
    }

    @Override
    public void clockOffset(final long cycles) {
        culvert_bench_twin.clock_offset(struct, cycles);
    }

    @Override
    public WorkerCounters counters() {
        return counters;
    }

    @Override
    public void close() {
        Bench.culvert_bench_twin_close(struct);
    }
}
