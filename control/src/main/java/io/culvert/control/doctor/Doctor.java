// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.doctor;

import io.culvert.control.Failure;
import io.culvert.control.boot.MemoryPlan;
import io.culvert.control.boot.PciDiagnosis;
import io.culvert.control.config.PortConfig;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.control.view.Health;
import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Looks at a host through a relay's configuration: would it start here, and what is to be known of its NICs. */
public final class Doctor {
    /** One line of the answer. */
    public record Finding(Level level, String text) { }

    /** What a finding asks for: nothing, a look, a mend. */
    public enum Level { OK, NOTE, PROBLEM }

    private final RelayConfig config;
    private final List<Finding> findings = new ArrayList<>();

    private Doctor(final RelayConfig config) {
        this.config = config;
    }

    /** @return the findings in the order of the configuration */
    public static List<Finding> examine(final RelayConfig config) {
        final Doctor doctor = new Doctor(config);
        final Optional<Long> running = runningProcess(Instance.named(config.instance()));
        running.ifPresentOrElse(
                pid -> doctor.add(Level.OK, "instance \"" + config.instance() + "\" runs (process " + pid
                        + "): its ports and its memory are in its hands"),
                doctor::memory);
        config.ports().forEach(port -> doctor.port(port, running.isPresent()));
        return doctor.findings;
    }

    private void add(final Level level, final String text) {
        findings.add(new Finding(level, text));
    }

    private void memory() {
        try {
            final MemoryPlan plan = MemoryPlan.of(config);
            if (plan.huge()) {
                add(Level.OK, "memory: " + plan.megabytes() + " MiB of huge pages are free for its buffers");
            } else {
                add(Level.NOTE, "memory: it will run without huge pages, which costs 10 to 20 % of the speed. Fix:"
                        + " reserve them with culvert-host-prepare");
            }
        } catch (final Failure e) {
            add(Level.PROBLEM, e.getMessage());
        }
    }

    private void port(final PortConfig port, final boolean isRunning) {
        final String title = "port \"" + port.name() + "\": ";
        if (port.pciAddress().isEmpty()) {
            port.kernelInterface().filter(name -> port.device().startsWith("net_af_")
                            && !Files.exists(Path.of("/sys/class/net", name)))
                    .ifPresentOrElse(name -> add(Level.PROBLEM, title + "there is no interface " + name
                                    + ". Fix: create it first, or look it up with 'ip link'"),
                            () -> add(Level.OK, title + port.device() + " is a virtual device"));
            return;
        }
        final String address = port.pciAddress().get();
        final Optional<String> obstacle = isRunning ? Optional.empty() : PciDiagnosis.ofHost().obstacle(address);
        obstacle.ifPresent(text -> add(Level.PROBLEM, title + text));
        NicFamily.ofHost(address).ifPresentOrElse(
                family -> nic(title + address, family, obstacle.isEmpty()),
                () -> add(Level.NOTE, title + address + " is a NIC that docs/nics.md does not know"));
        new NumaNodes(Path.of("/sys")).distance(address, config.workers().cores())
                .ifPresent(text -> add(Level.NOTE, title + text));
    }

    private void nic(final String title, final NicFamily family, final boolean isReady) {
        final int workers = config.workers().count();
        if (workers > family.queues()) {
            // The page has not been checked on such devices: the start asks the device, and refuses with its count.
            add(Level.NOTE, title + ": " + family.driver() + " is said to have " + family.queues() + " queues, and "
                    + workers + " workers need one each; 'culvert run' asks the device. If it refuses:"
                    + " workers: { count: " + family.queues() + " }");
        } else if (isReady) {
            add(Level.OK, title + ": " + family.driver() + ", " + replies(family, workers));
        }
    }

    private static String replies(final NicFamily family, final int workers) {
        if (workers == 1) {
            return "one worker, which gets every reply";
        }
        return switch (family.replies()) {
            case STEERED -> "replies come to their worker by the NIC's hash";
            case IF_OFFERED -> "replies come to their worker by the NIC's hash if the hypervisor offers RSS, else they"
                    + " are handed from worker to worker";
            case HANDED, ONE_QUEUE -> "replies are handed from worker to worker";
        };
    }

    private static Optional<Long> runningProcess(final Instance instance) {
        try (Arena arena = Arena.ofConfined()) {
            final Health health = Health.of(CounterFile.read(instance.countersFile(), arena),
                    System.currentTimeMillis());
            return health.life() == Health.Life.RUNNING ? Optional.of(health.pid()) : Optional.empty();
        } catch (final IOException e) {
            return Optional.empty();
        }
    }
}
