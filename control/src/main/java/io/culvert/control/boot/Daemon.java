// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.eal.Eal;
import io.culvert.bindings.eal.Lcore;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.libc.NotifySocket;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.Version;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.config.WorkersConfig.Poll;
import io.culvert.control.instance.Instance;
import io.culvert.control.metrics.RelayInfo;
import io.culvert.control.metrics.StatusServer;
import io.culvert.dataplane.stats.CounterFile.State;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.WorkerLoop;
import java.io.IOException;
import java.net.Inet6Address;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** {@code culvert run}: one relay from its configuration to its last packet. Reads like a checklist. */
public final class Daemon {
    private static final Duration HOUSEKEEPING = Duration.ofSeconds(1);

    private final RelayConfig config;
    private final boolean cold;
    private final StopSignal signal;
    private volatile Throwable failure;

    /**
     * @param cold whether it starts with nothing, whatever a predecessor left
     * @param signal ends {@link #run}
     */
    public Daemon(final RelayConfig config, final boolean cold, final StopSignal signal) {
        this.config = config;
        this.cold = cold;
        this.signal = signal;
    }

    /**
     * Relays until the signal.
     *
     * @param onReady called once the ports are up and the workers poll
     * @throws Failure when it cannot start, or a worker failed
     */
    public void run(final Runnable onReady) {
        final Instance instance = Instance.named(config.instance());
        final InstanceLock lock = InstanceLock.take(instance);
        try {
            if (cold) {
                forget(instance);
            }
            final int[] cpus = Lcore.allowedCpus();
            final MemoryPlan memory = MemoryPlan.of(config);
            initEal(memory, cpus[0]);
            try {
                relay(instance, memory, cpus, onReady);
            } finally {
                Eal.cleanup();
            }
        } finally {
            lock.close();
        }
        if (failure != null) {
            throw new Failure(Failure.FAILED, "a worker failed: " + failure + ". Fix: this is a bug; please report it"
                    + " with the lines above", failure);
        }
    }

    private static void forget(final Instance instance) {
        try {
            instance.clear();
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot remove what the last process left in " + instance.directory()
                    + ": " + e.getMessage() + ". Fix: run as the user who owns it", e);
        }
    }

    private void initEal(final MemoryPlan memory, final int mainCpu) {
        final List<String> arguments = memory.ealArguments(config, mainCpu);
        try {
            Eal.init(arguments);
        } catch (final DpdkException e) {
            throw new Failure(Failure.FAILED, e.getMessage() + ". Fix: see what EAL printed above; "
                    + (memory.huge() ? "without huge pages set memory: { huge: false }"
                            : "run as root, or give the process CAP_NET_ADMIN, CAP_NET_RAW and CAP_IPC_LOCK"), e);
        }
    }

    private void relay(final Instance instance, final MemoryPlan memory, final int[] cpus, final Runnable onReady) {
        final Clock clock = Clock.tsc();
        WarmUp.run(clock, Predecessor.hasJustLeft(instance) ? WarmUp.BRIEF_PATIENCE : WarmUp.PATIENCE,
                config.rules().stream().anyMatch(rule -> rule.listenAddress() instanceof Inet6Address));
        try (Relay relay = Relay.open(config, memory, instance, clock)) {
            relay.heritage().ifPresent(line -> System.err.println("culvert: " + line));
            final Optional<StatusServer> status = statusServer(relay);
            final Housekeeper housekeeper = new Housekeeper(relay);
            final List<WorkerLoop> loops = loops(relay, clock, cpus);
            housekeeper.publish();
            loops.forEach(WorkerLoop::start);
            ControlThreads.goFirst();
            relay.counters().state(State.READY);
            NotifySocket.tell("READY=1");
            onReady.run();
            while (!signal.await(HOUSEKEEPING)) {
                housekeeper.publish();
            }

            NotifySocket.tell("STOPPING=1");
            relay.counters().state(State.DRAINING);
            loops.forEach(WorkerLoop::stop);
            loops.forEach(WorkerLoop::join);
            relay.stopWorkers();
            status.ifPresent(StatusServer::close);
            housekeeper.publish();
            relay.counters().state(State.STOPPED);
        }
    }

    /** Serves metrics and health where the configuration says. */
    private Optional<StatusServer> statusServer(final Relay relay) {
        if (config.metrics().isEmpty()) {
            return Optional.empty();
        }
        final InetSocketAddress address = config.metrics().get();
        try {
            return Optional.of(new StatusServer(address, relay.counters(), relay.flowFiles(), info(relay)));
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "metrics: cannot listen on " + address + ": " + e.getMessage()
                    + ". Fix: set metrics: { listen: ADDRESS:PORT } to a free one, or metrics: none", e);
        }
    }

    private RelayInfo info(final Relay relay) {
        final List<Map<String, String>> ports = new ArrayList<>();
        for (int index = 0; index < relay.ports().size(); index++) {
            final Port port = relay.ports().get(index);
            ports.add(Map.of("port", config.ports().get(index).name(), "device", port.device(),
                    "driver", port.driver(), "numa_node", Integer.toString(port.info().numaSocket())));
        }
        return new RelayInfo(config.instance(), Map.of("version", Version.CULVERT,
                "jdk", Runtime.version().toString(), "dpdk", Eal.version()), ports);
    }

    private List<WorkerLoop> loops(final Relay relay, final Clock clock, final int[] cpus) {
        final List<WorkerLoop> loops = new ArrayList<>();
        for (int number = 0; number < relay.workers().size(); number++) {
            // Without named cores: from the last CPU down, the first is left to everything else.
            final int cpu = config.workers().cores().isEmpty()
                    ? cpus[Math.max(cpus.length - 1 - number, 0)] : config.workers().cores().get(number);
            loops.add(new WorkerLoop("worker-" + number, relay.workers().get(number), clock, cpu,
                    config.workers().poll() == Poll.ADAPTIVE, t -> {
                        t.printStackTrace();
                        failure = t;
                        signal.wish();
                    }));
        }
        return loops;
    }
}
