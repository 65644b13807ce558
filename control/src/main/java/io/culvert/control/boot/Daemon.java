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
import io.culvert.control.view.Counters;
import io.culvert.control.view.Health;
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

/** {@code culvert run}: one relay from its configuration to its last packet. Reads like a checklist. */
public final class Daemon {
    private static final Duration HOUSEKEEPING = Duration.ofSeconds(1);
    /** How often a start looks whether every worker polls. */
    private static final Duration FIRST_POLL = Duration.ofMillis(5);

    private final RelayConfig config;
    private final boolean cold;
    private final StopSignal signal;
    private volatile Throwable failure;
    private boolean isHouseKept = true;

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
            final int[] affinity = Lcore.allowedCpus();
            final MemoryPlan memory = MemoryPlan.of(config);
            if (signal.runUntilWished(() -> initEal(memory, affinity[0]))) {
                try {
                    relay(instance, memory, Placement.of(config.workers(), affinity, Lcore.usableCpus()), onReady);
                } catch (final DpdkException e) {
                    throw new Failure(Failure.FAILED, e.getMessage() + ". Fix: see what DPDK printed above", e);
                } finally {
                    Eal.cleanup();
                }
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
            throw instance.cannotKeepState(e);
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

    private void relay(final Instance instance, final MemoryPlan memory, final Placement placement,
                       final Runnable onReady) {
        final Clock clock = Clock.tsc();
        if (!signal.runUntilWished(() -> warmUp(instance, clock))) {
            return;
        }
        // Closed from the last to the first, whatever ends the relay.
        try (Relay relay = Relay.open(config, memory, instance, clock);
                StatusServer _ = statusServer(relay);
                Crew crew = new Crew(relay, loops(relay, clock, placement))) {
            relay.heritage().ifPresent(line -> System.err.println("culvert: " + line));
            final Housekeeper housekeeper = new Housekeeper(relay);
            keepHouse(housekeeper);
            crew.start();
            serve(relay, housekeeper, placement, onReady);

            NotifySocket.tell("STOPPING=1");
            relay.counters().state(State.DRAINING);
            crew.end();
            keepHouse(housekeeper);
            relay.counters().state(State.STOPPED);
        }
    }

    private void warmUp(final Instance instance, final Clock clock) {
        WarmUp.run(clock, Predecessor.hasJustLeft(instance) ? WarmUp.BRIEF_PATIENCE : WarmUp.PATIENCE,
                config.rules().stream().anyMatch(rule -> rule.listenAddress() instanceof Inet6Address));
    }

    /** From the workers' first poll to the wish to stop. */
    private void serve(final Relay relay, final Housekeeper housekeeper, final Placement placement,
                       final Runnable onReady) {
        final Counters counters = new Counters(relay.counters());
        // Whenever that was by the host's clock, which may be set meanwhile: before its first poll a worker says 0.
        while (Health.silentWorker(counters, 1).isPresent()) {
            if (signal.await(FIRST_POLL)) {
                return;
            }
        }
        ControlThreads.goFirst(placement.control());
        relay.counters().state(State.READY);
        NotifySocket.tell("READY=1");
        onReady.run();
        while (!signal.await(HOUSEKEEPING)) {
            keepHouse(housekeeper);
            if (Health.silentWorker(counters, System.currentTimeMillis() - Health.STALE_MS).isEmpty()) {
                NotifySocket.tell("WATCHDOG=1");
            }
        }
    }

    /**
     * Packets do not wait for figures: a round that fails is told and left out, and the relay goes on. Its heartbeat
     * then grows old, by which {@code /healthz} and {@code culvert stats} show it.
     *
     * @throws Failure when a device is taken away, for no packet passes it any more
     */
    private void keepHouse(final Housekeeper housekeeper) {
        try {
            housekeeper.publish();
            isHouseKept = true;
        } catch (final Failure e) {
            throw e;
        } catch (final RuntimeException e) {
            if (isHouseKept) {
                System.err.println("culvert: housekeeping failed, the relay goes on without its figures. This is a bug;"
                        + " please report it with these lines");
                e.printStackTrace();
            }
            isHouseKept = false;
        }
    }

    /** Serves metrics and health where the configuration says, else there is none. */
    private StatusServer statusServer(final Relay relay) {
        if (config.metrics().isEmpty()) {
            return null;
        }
        final InetSocketAddress address = config.metrics().get();
        try {
            return new StatusServer(address, relay.counters(), relay.flowFiles(), info(relay));
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

    private List<WorkerLoop> loops(final Relay relay, final Clock clock, final Placement placement) {
        final List<WorkerLoop> loops = new ArrayList<>();
        for (int number = 0; number < relay.workers().size(); number++) {
            loops.add(new WorkerLoop("worker-" + number, relay.workers().get(number), clock,
                    placement.workers()[number], config.workers().poll() == Poll.ADAPTIVE, t -> {
                        t.printStackTrace();
                        failure = t;
                        signal.wish();
                    }));
        }
        return loops;
    }
}
