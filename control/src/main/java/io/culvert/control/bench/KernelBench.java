// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import io.culvert.control.StopSignal;
import io.culvert.control.demo.OneWay;
import io.culvert.control.demo.OneWay.Measured;
import io.culvert.control.demo.OneWay.Way;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;

/**
 * What does a relayed packet cost through Culvert, and what through the iptables rules that it replaces, on the same
 * veth pairs? A packet's cost is the time of all CPUs while so many packets arrive, without what the same packets cost
 * over a straight cable.
 */
public final class KernelBench {
    private static final int MEGABYTES = 16;

    private KernelBench() { }

    /** @throws io.culvert.control.Failure when one of the ways does not work here */
    public static KernelReport run(final KernelPlan plan, final StopSignal signal, final Consumer<String> messages) {
        final Map<Way, List<Measured>> paced = new EnumMap<>(Way.class);
        final Map<Way, List<Measured>> full = new EnumMap<>(Way.class);
        for (int round = 0; round < plan.rounds(); round++) {
            for (final Way way : Way.values()) {
                messages.accept(String.format(Locale.ROOT, "round %d of %d: %s", round + 1, plan.rounds(),
                        way.name().toLowerCase(Locale.ROOT)));
                paced.computeIfAbsent(way, key -> new ArrayList<>()).add(measure(plan, plan.rate(), signal, way));
                if (way != Way.STRAIGHT) {
                    full.computeIfAbsent(way, key -> new ArrayList<>())
                            .add(measure(plan, KernelPlan.FULL_SPEED, signal, way));
                }
            }
        }
        return new KernelReport(plan, machine(), paced, full);
    }

    /** DPDK knows the clock only once it runs. */
    private static Machine machine() {
        Eal.init(List.of("-l", Integer.toString(Lcore.allowedCpus()[0]), "--no-huge", "--no-shconf", "--no-pci",
                "--no-telemetry", "--log-level", "error", "-m", Integer.toString(MEGABYTES)));
        try {
            return Machine.here();
        } finally {
            Eal.cleanup();
        }
    }

    private static Measured measure(final KernelPlan plan, final int rate, final StopSignal signal, final Way way) {
        return new OneWay(signal, new OneWay.Stream(plan.flows(), rate, plan.payload()), plan.look()).measure(way);
    }
}
