// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.control.Failure;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.bench.RefusedReport.Cost;
import io.culvert.control.bench.WalkReport.Round;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.stats.WorkerCounters;
import java.util.ArrayList;
import java.util.List;

/**
 * What does a packet cost that is refused? Who floods a relay decides how many of them there are, so none may cost much
 * more than a packet that is relayed, which is measured in the same run. Every packet is the first of a session that
 * cannot be opened, and is counted under its reason before a figure counts.
 */
public final class RefusedBench {
    /** The limited rule has one session, whose packets come around with the others. */
    private static final double REFUSED_SHARE_LEAST = 0.999;

    private final WalkPlan plan;
    private final List<Cost> costs = new ArrayList<>();

    private RefusedBench(final WalkPlan plan) {
        this.plan = plan;
    }

    /** @throws Failure when packets are not refused for the reason that is measured */
    public static RefusedReport run(final WalkPlan plan) {
        final MemoryPlan memory = Bed.initEal();
        try {
            final RefusedBench bench = new RefusedBench(plan);
            // The larger bed first: what a bed gives back of EAL's memory comes in pieces.
            bench.measure(memory, Bed.WORKERS_LIMIT);
            bench.measure(memory, 1);
            bench.costs.sort((a, b) -> a.refusal().compareTo(b.refusal()));
            final WalkPlan relayed = new WalkPlan(
                    plan.flows(), plan.packetSize(), plan.burst(), Mix.ESTABLISHED, plan.effort());
            final WalkBench.Measured baseline = WalkBench.measure(memory, relayed, false);
            return new RefusedReport(plan, Machine.here(), List.copyOf(bench.costs),
                    Median.of(baseline.rounds(), Round::javaNs), baseline.isSteady());
        } finally {
            Eal.cleanup();
        }
    }

    /** One bed; with two workers ports are aimed at, if the driver says how it spreads packets. */
    private void measure(final MemoryPlan memory, final int workers) {
        try (Bed bed = new Bed(memory, plan.flows(), plan.packetSize(), plan.burst(), Mix.REFUSED, workers)) {
            if (workers > 1 && !bed.relay().snatPools().steersReplies(Bed.INNER)) {
                return;
            }
            Pinned.run(() -> {
                final List<Rule> rules = bed.relay().plan().rules();
                bed.open(0, ruleOf(rules, Refusal.POOL), RefusedRules.SINGLES);
                if (workers > 1) {
                    measure(bed, Refusal.AIMED_POOL);
                    return null;
                }
                bed.open(0, ruleOf(rules, Refusal.PAIRS), RefusedRules.PAIRS);
                for (final Refusal refusal : Refusal.values()) {
                    if (refusal == Refusal.TABLE) {
                        bed.open(0, ruleOf(rules, refusal), plan.flows());
                    }
                    if (refusal != Refusal.AIMED_POOL) {
                        measure(bed, refusal);
                    }
                }
                return null;
            });
        }
    }

    private static Rule ruleOf(final List<Rule> rules, final Refusal refusal) {
        return rules.stream().filter(rule -> rule.listenLow() == refusal.listenPort()).findFirst().orElseThrow();
    }

    private void measure(final Bed bed, final Refusal refusal) {
        final JavaWalker walker = new JavaWalker(bed.relay().workers().getFirst());
        bed.arriveNew(0, refusal.listenPort());
        final Course course = new Course(bed, 0, plan.burst());
        final boolean isSteady = WarmUp.run(course, walker, plan.effort().patienceNs());
        check(refusal, course, walker);
        final List<Median> rounds = new ArrayList<>();
        for (int round = 0; round < plan.effort().rounds(); round++) {
            final double[] ns = new double[plan.effort().laps()];
            for (int lap = 0; lap < ns.length; lap++) {
                ns[lap] = course.lap(walker) - course.sourceLap();
            }
            rounds.add(Median.of(ns));
        }
        costs.add(new Cost(refusal, Median.of(rounds, Median::value), course.allocated(walker), isSteady));
    }

    private static void check(final Refusal refusal, final Course course, final JavaWalker walker) {
        final WorkerCounters counters = walker.counters();
        final int counter = counters.catalog().dropped(Bed.EDGE) + refusal.reason().ordinal();
        final long before = counters.get(counter);
        course.lap(walker);
        final long refused = counters.get(counter) - before;
        if (refused < REFUSED_SHARE_LEAST * course.packets() || counters.imbalance() != 0) {
            throw new Failure(Failure.FAILED, "no figures: of " + course.packets() + " packets " + refused
                    + " were refused as " + refusal.reason().label() + ". Fix: this is a bug of the benchmark or of the"
                    + " walk; please report it");
        }
    }
}
