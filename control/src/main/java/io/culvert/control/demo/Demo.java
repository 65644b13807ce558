// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.instance.Instance;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** The experiment with Culvert in B, on the first driver that works, and then perhaps with the kernel in B. */
public final class Demo {
    private final DemoPlan plan;
    private final StopSignal signal;
    private final Consumer<String> messages;
    private final Map<Driver, String> refused = new LinkedHashMap<>();

    /** @param messages gets a line for people now and then */
    public Demo(final DemoPlan plan, final StopSignal signal, final Consumer<String> messages) {
        this.plan = plan;
        this.signal = signal;
        this.messages = messages;
    }

    /** @return empty when the user stopped it before there was anything to report */
    public Optional<DemoReport> run() {
        try {
            final Driver[] used = new Driver[1];
            final Outcome culvert = throughCulvert(used);
            return Optional.of(new DemoReport(plan, used[0], refused, culvert,
                    plan.comparesIptables() ? throughKernel() : Optional.empty()));
        } catch (final Scene.Stopped e) {
            return Optional.empty();
        }
    }

    private Outcome throughCulvert(final Driver[] used) {
        for (final Driver driver : plan.drivers()) {
            try (Scene scene = Scene.open(signal); Arena arena = Arena.ofConfined()) {
                messages.accept("starting the relay in B on " + driver.label() + "; to look at it meanwhile: "
                        + Instance.STATE_VARIABLE + "=" + scene.directory() + " culvert flows");
                final Network network = new Network(scene, plan.topology(), driver == Driver.TAP);
                used[0] = driver;
                return new Experiment(plan, scene, network,
                        new CulvertBox(scene, network, plan.topology(), driver, arena), messages).run();
            } catch (final Box.Unusable e) {
                messages.accept(driver.label() + " does not work here: " + e.getMessage());
                refused.put(driver, e.getMessage());
            }
        }
        throw new Failure(Failure.FAILED, "the relay cannot run here: " + refused.entrySet().stream()
                .map(entry -> entry.getKey().label() + ": " + entry.getValue()).collect(Collectors.joining("; "))
                + ". Fix: run as root; load the kernel's tun module (modprobe tun)");
    }

    /** @return empty when the user stopped it */
    private Optional<Outcome> throughKernel() {
        messages.accept("the same through the kernel: iptables in B");
        try (Scene scene = Scene.open(signal)) {
            final Network network = new Network(scene, plan.topology(), false);
            return Optional.of(new Experiment(plan, scene, network, new IptablesBox(network, plan.topology()), messages)
                    .run());
        } catch (final Scene.Stopped e) {
            messages.accept("stopped before there was anything to compare");
            return Optional.empty();
        } catch (final Box.Unusable e) {
            throw new Failure(Failure.FAILED, "--compare iptables: " + e.getMessage()
                    + ". Fix: install iptables and load what it needs, or leave --compare out", e);
        }
    }
}
