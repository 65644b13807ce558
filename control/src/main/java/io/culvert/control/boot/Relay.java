// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.PortInfo;
import io.culvert.bindings.ethdev.Rss;
import io.culvert.bindings.ethdev.RxQueue;
import io.culvert.bindings.ethdev.TxQueue;
import io.culvert.bindings.mempool.Mempool;
import io.culvert.control.Failure;
import io.culvert.control.config.PortConfig;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.instance.Instance;
import io.culvert.control.metrics.ProcessSeries;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.flow.FlowTable;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.NeighborFile;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Adoption;
import io.culvert.dataplane.nat.ReplyQueues;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPools;
import io.culvert.dataplane.nat.Toeplitz;
import io.culvert.dataplane.stats.CounterCatalog;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.worker.Clock;
import io.culvert.dataplane.worker.Handoff;
import io.culvert.dataplane.worker.RelayPlan;
import io.culvert.dataplane.worker.Worker;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.security.SecureRandom;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/**
 * Ports, memory and workers of one relay, built in order and closed in reverse; EAL must be there. Holds no thread:
 * whoever opened it runs the workers, the daemon on pinned cores, a test on its own.
 */
public final class Relay implements AutoCloseable {
    /** What to close, last opened first. */
    private final Deque<AutoCloseable> opened = new ArrayDeque<>();
    private final List<Port> ports = new ArrayList<>();
    private final List<Worker> workers = new ArrayList<>();
    /** Nobody outside knows it, so nobody can aim at one worker. */
    private byte[] spreadKey;
    private Mempool pool;
    private RelayPlan plan;
    private Tables tables;
    private SnatPools snatPools;
    private Neighbors neighbors;
    private Handoff handoff;
    private ProcessSeries processSeries;
    private CounterFile counters;
    private Optional<String> heritage;

    private Relay() { }

    /** @throws Failure that names the device, DPDK's text and the mend; what was opened is closed again */
    public static Relay open(final RelayConfig config, final MemoryPlan memory, final Instance instance,
                             final Clock clock) {
        final Relay relay = new Relay();
        try {
            relay.build(config, memory, instance, clock);
            return relay;
        } catch (final DpdkException e) {
            throw relay.closed(new Failure(Failure.FAILED, e.getMessage() + ". Fix: " + mendFor(e), e));
        } catch (final IOException e) {
            throw relay.closed(instance.cannotKeepState(e));
        } catch (final RuntimeException e) {
            throw relay.closed(e);
        } catch (final Error e) {
            throw relay.closed(e);
        }
    }

    /** Closes what was opened before it failed, whatever fails on the way. @return why it failed */
    private <T extends Throwable> T closed(final T failure) {
        try {
            close();
        } catch (final IllegalStateException e) {
            failure.addSuppressed(e);
        }
        return failure;
    }

    private void build(final RelayConfig config, final MemoryPlan memory, final Instance instance,
                       final Clock ownClock) throws IOException {
        final Arena arena = Arena.ofShared();
        opened.push(arena::close);
        opened.push(this::closePool); // behind the ports, whose queues hold its buffers
        final Predecessor predecessor = new Predecessor(instance, config.workers().count(), ownClock);
        opened.push(predecessor);
        heritage = predecessor.farewell();
        spreadKey = predecessor.spreadKey().orElseGet(Relay::newSpreadKey);
        for (final PortConfig port : config.ports()) {
            if (port.kernelInterface().isPresent()) {
                opened.push(InterfaceLock.take(
                        instance.directory().getParent(), port.device(), port.kernelInterface().get()));
            }
            openPort(port, config.workers().count());
        }
        pool = createPool(memory);
        for (int link = 0; link < ports.size(); link++) {
            ports.get(link).start(config.workers().count(), memory.descriptors(),
                    config.ports().get(link).mtu().orElse(0), spreadKey, pool);
        }
        plan = new PlanBuilder(config).build(port -> ports.get(config.ports().indexOf(port)).info().mac(),
                port -> mtu(port, ports.get(config.ports().indexOf(port))));
        final int sessions = Math.max(1, config.limits().flows() / 2 / plan.workers());
        tables = Tables.of(instance, predecessor, plan.workers(), sessions, plan.addressesFor(sessions), memory, arena);
        opened.push(tables);
        snatPools = new SnatPools(
                plan.pools(), plan.ruleTable(), new SplittableRandom(new SecureRandom().nextLong()),
                ports.stream().map(port -> replyQueues(port, plan.workers())).toArray(ReplyQueues[]::new));
        neighbors = neighborsOf(config, NeighborFile.create(instance.neighborsFile(), arena));

        final List<String> portNames = plan.links().stream().map(Link::name).toList();
        final CounterCatalog catalog = new CounterCatalog(portNames, plan.rules().stream().map(Rule::name).toList());
        processSeries = new ProcessSeries(portNames, plan.pools().stream().map(plan::nameOf).toList());
        handoff = new Handoff(plan.workers(), plan.workers() * sessions, arena);
        final Clock clock = predecessor.clock(ownClock);
        counters = CounterFile.create(instance.countersFile(), catalog, processSeries.series(), plan.workers(),
                clock.hz(), predecessor.counters(), arena);
        tables.take();
        for (int number = 0; number < plan.workers(); number++) {
            workers.add(worker(number, new FlowTable(tables.files().get(number)), catalog, clock, arena));
        }
        settle(predecessor, catalog, clock.hz());
    }

    /** From here on the state is this process's, and says what became of every session. */
    private void settle(final Predecessor predecessor, final CounterCatalog catalog, final long hz) {
        final FlowFile.Owner owner = Fingerprints.owner(plan, hz, spreadKey);
        final int[] kept = new int[plan.rules().size()];
        if (!predecessor.tables().isEmpty()) {
            // First, for sessions name their clients' next hops only if these are known.
            predecessor.remindOf(neighbors, owner);
            final List<Adoption.Outcome> outcomes = new ArrayList<>();
            for (final Worker worker : workers) {
                final int number = outcomes.size();
                final Adoption.Outcome outcome = worker.adopt(predecessor.numbers(number, owner));
                outcome.fates()[Adoption.Fate.NO_ROOM.ordinal()] += tables.noRoom(number);
                Arrays.setAll(kept, rule -> kept[rule] + outcome.keptOfRule()[rule]);
                outcomes.add(outcome);
            }
            heritage = Optional.of(predecessor.welcome(outcomes));
        }
        tables.files().forEach(file -> file.owner(owner));
        if (!tables.areOfPredecessor()) {
            predecessor.close(); // its tables have moved, and their memory is free for others
        }
        final WorkerCounters first = counters.worker(0, catalog);
        for (int rule = 0; rule < kept.length; rule++) {
            final long live = counters.total(catalog.created(rule)) - counters.total(catalog.ended(rule))
                    - counters.total(catalog.endedByRestart(rule));
            // A rule that was given another name goes on with sessions that this name did not open.
            first.add(live > kept[rule] ? catalog.endedByRestart(rule) : catalog.created(rule),
                    Math.abs(live - kept[rule]));
        }
    }

    private static byte[] newSpreadKey() {
        final byte[] key = new byte[FlowFile.SPREAD_KEY_LENGTH];
        new SecureRandom().nextBytes(key);
        return key;
    }

    /** Buffers at the NUMA node that all ports are at. Where they have no room there, far ones are better than none. */
    private Mempool createPool(final MemoryPlan memory) {
        final int[] sockets = ports.stream().mapToInt(port -> port.info().numaSocket()).distinct().toArray();
        if (sockets.length == 1 && sockets[0] >= 0) {
            try {
                return Mempool.create("culvert", memory.buffers(), memory.dataRoom(), sockets[0]);
            } catch (final DpdkException e) {
                System.err.println("culvert: there is no room for the packet buffers at NUMA node " + sockets[0]
                        + ", where the ports are: they lie elsewhere, and every packet crosses. Fix: reserve huge pages"
                        + " of that node");
            }
        }
        return Mempool.create("culvert", memory.buffers(), memory.dataRoom(), -1);
    }

    private void closePool() {
        if (pool != null) {
            pool.close();
        }
    }

    private void openPort(final PortConfig config, final int queues) {
        final Port port = open(config);
        opened.push(port);
        ports.add(port);
        final PortInfo info = port.info();
        if (queues > Math.min(info.maxRxQueues(), info.maxTxQueues())) {
            throw new Failure(Failure.FAILED, "port \"" + config.name() + "\": " + info.driver() + " has "
                    + info.maxRxQueues() + " receive and " + info.maxTxQueues() + " transmit queues, and " + queues
                    + " workers need one each. Fix: set workers: { count: "
                    + Math.min(info.maxRxQueues(), info.maxTxQueues()) + " }, or give the device more queues");
        }
    }

    /** The port's MTU, and no more than a configuration could say. @throws Failure when it is less than IP needs */
    private static int mtu(final PortConfig config, final Port port) {
        final int least = config.speaksIpv6() ? Ipv6.LEAST_MTU : Ipv4.LEAST_MTU;
        final int mtu = deviceMtu(config, port);
        if (mtu < least) {
            throw new Failure(Failure.FAILED, "port \"" + config.name() + "\": the device's MTU is " + mtu + ", and "
                    + (config.speaksIpv6() ? "IPv6" : "IPv4") + " needs " + least
                    + ". Fix: raise it, or write mtu: for the port");
        }
        return Math.min(mtu, PortConfig.LARGEST_MTU);
    }

    /** A driver of a kernel interface does not know what that interface was told, and says 1,500. */
    private static int deviceMtu(final PortConfig config, final Port port) {
        try {
            final NetworkInterface kernels = config.kernelInterface().isEmpty() ? null
                    : NetworkInterface.getByName(config.kernelInterface().get());
            return kernels == null ? port.mtu() : kernels.getMTU();
        } catch (final SocketException e) {
            return port.mtu();
        }
    }

    private static Port open(final PortConfig config) {
        try {
            return Port.open(config.device());
        } catch (final DpdkException e) {
            if (config.pciAddress().isEmpty()) {
                throw e;
            }
            throw new Failure(Failure.FAILED, "port \"" + config.name() + "\": " + e.getMessage() + ": "
                    + PciDiagnosis.ofHost().explain(config.pciAddress().get()), e);
        }
    }

    /** How the port's NIC will spread replies over the workers, or null where the driver does not say so. */
    private static ReplyQueues replyQueues(final Port port, final int workers) {
        final Optional<Rss> found = workers == 1 ? Optional.empty() : port.rss();
        return found.filter(rss -> rss.hashesIpv4Udp() && rss.key().length >= Toeplitz.IPV4_KEY_LENGTH
                        && Integer.bitCount(rss.reta().length) == 1
                        && Arrays.stream(rss.reta()).allMatch(queue -> queue < workers))
                .map(rss -> new ReplyQueues(new Toeplitz(rss.key()), rss.reta(),
                        rss.hashesIpv6Udp() && rss.key().length >= Toeplitz.IPV6_KEY_LENGTH))
                .orElse(null);
    }

    /** The fixed neighbours, and the next hops that every session will need: asked for before the first packet. */
    private Neighbors neighborsOf(final RelayConfig config, final MemorySegment memory) {
        final Neighbors table = new Neighbors(plan.links(), memory);
        try {
            plan.configure(table);
            for (int link = 0; link < config.ports().size(); link++) {
                for (final var neighbor : config.ports().get(link).neighbors().entrySet()) {
                    final IpAddress address = IpAddress.of(neighbor.getKey());
                    table.addStatic(link, address.high(), address.low(), PlanBuilder.mac(neighbor.getValue()));
                }
            }
        } catch (final IllegalStateException e) {
            throw new Failure(Failure.FAILED, e.getMessage()
                    + ". Fix: name fewer neighbors:, and reach targets through a gateway", e);
        }
        table.needConfigured();
        return table;
    }

    private Worker worker(final int number, final FlowTable flows, final CounterCatalog catalog, final Clock clock,
                          final Arena arena) {
        final RxQueue[] rx = ports.stream().map(port -> port.rxQueue(number)).toArray(RxQueue[]::new);
        final TxQueue[] tx = ports.stream().map(port -> port.txQueue(number)).toArray(TxQueue[]::new);
        return new Worker(plan, number, rx, tx, flows, snatPools, neighbors, handoff, pool,
                counters.worker(number, catalog), clock, arena);
    }

    private static String mendFor(final DpdkException e) {
        return switch (e.function()) {
            case "rte_eal_hotplug_add" -> "check the vdev string: the driver's name and its arguments, and that the"
                    + " interface it names exists (ip link)";
            case "rte_pktmbuf_pool_create" -> "give more memory: { megabytes: ... }, or free huge pages";
            default -> "see what DPDK printed above";
        };
    }

    public List<Worker> workers() {
        return workers;
    }

    public List<Port> ports() {
        return ports;
    }

    public RelayPlan plan() {
        return plan;
    }

    public Mempool pool() {
        return pool;
    }

    public SnatPools snatPools() {
        return snatPools;
    }

    public Neighbors neighbors() {
        return neighbors;
    }

    /** What is published beside the workers' counters, and where. */
    public ProcessSeries processSeries() {
        return processSeries;
    }

    public CounterFile counters() {
        return counters;
    }

    /** What became of the sessions of the process before, in a line; empty when there was none. */
    public Optional<String> heritage() {
        return heritage;
    }

    public List<FlowFile> flowFiles() {
        return tables.files();
    }

    /** Has the workers give back what they hold. None may be running. */
    public void stopWorkers() {
        // A packet may be handed on once less than there are workers, so after as many rounds none is on its way.
        for (int round = 0; round < workers.size(); round++) {
            workers.forEach(Worker::stop);
        }
    }

    /** Ports first, then their memory, all of it whatever fails on the way. No worker may be running. */
    @Override
    public void close() {
        final IllegalStateException failure = new IllegalStateException("not everything could be closed");
        while (!opened.isEmpty()) {
            try {
                opened.pop().close();
            } catch (final Exception e) {
                failure.addSuppressed(e);
            }
        }
        if (failure.getSuppressed().length > 0) {
            throw failure;
        }
    }
}
