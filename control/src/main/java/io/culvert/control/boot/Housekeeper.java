// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.eal.DpdkException;
import io.culvert.bindings.ethdev.Port;
import io.culvert.bindings.ethdev.PortInfo;
import io.culvert.bindings.ethdev.PortStats;
import io.culvert.control.Failure;
import io.culvert.control.metrics.ProcessSeries;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.stats.CounterFile;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Writes once a second what no worker knows: what devices count themselves, the mempool, the pools, the next hops, and
 * that the process lives.
 */
public final class Housekeeper {
    private static final int BITS_PER_MEGABIT = 1_000_000;

    private final Relay relay;
    private final ProcessSeries series;
    private final CounterFile counters;
    /** What a predecessor's ports had counted: devices start at zero again. */
    private final List<PortStats> before;
    /** By port: whether it failed to answer when it was asked last. */
    private final boolean[] failing;

    public Housekeeper(final Relay relay) {
        this.relay = relay;
        this.failing = new boolean[relay.ports().size()];
        this.series = relay.processSeries();
        this.counters = relay.counters();
        this.before = IntStream.range(0, relay.ports().size()).mapToObj(port -> new PortStats(0, 0, 0, 0,
                counters.process(series.receiveMissed(port)), counters.process(series.receiveErrors(port)),
                counters.process(series.transmitErrors(port)), counters.process(series.receiveNoMbuf(port)))).toList();
    }

    /** A device that does not answer, as some do not while they are reset, keeps the figures that it had. */
    public void publish() {
        for (int port = 0; port < relay.ports().size(); port++) {
            try {
                publishPort(port, relay.ports().get(port));
                answers(port);
            } catch (final DpdkException e) {
                fails(port, e);
            }
        }
        final int free = relay.pool().available();
        counters.setProcess(series.buffersFree(), free);
        counters.setProcess(series.buffersUsed(), relay.pool().buffers() - free);
        for (int pool = 0; pool < relay.plan().pools().size(); pool++) {
            counters.setProcess(series.snatPortsLimit(pool), relay.snatPools().get(pool).size());
            counters.setProcess(series.snatPortsUsed(pool), relay.snatPools().get(pool).lent());
        }
        for (final Neighbors.State state : Neighbors.State.values()) {
            counters.setProcess(series.neighbors(state.ordinal()), relay.neighbors().count(state));
        }
        counters.beat();
    }

    /** One line when it begins, not one a second. @throws Failure when the host takes the device away */
    private void fails(final int port, final DpdkException e) {
        if (e.function().equals(Port.REMOVAL)) {
            throw new Failure(Failure.FAILED, "port \"" + name(port) + "\": the device is going or gone, so the relay"
                    + " ends; its sessions wait for the next start. Fix: put the device back (the service starts again"
                    + " by itself), or take the port out of the configuration", e);
        }
        final int at = series.statisticsFailures(port);
        counters.setProcess(at, counters.process(at) + 1);
        if (!failing[port]) {
            failing[port] = true;
            System.err.println("culvert: port \"" + name(port) + "\": " + e.getMessage()
                    + "; the relay goes on, the device's own counters stand still");
        }
    }

    private void answers(final int port) {
        if (failing[port]) {
            failing[port] = false;
            System.err.println("culvert: port \"" + name(port) + "\": the device's own counters go on");
        }
    }

    private String name(final int port) {
        return relay.plan().links().get(port).name();
    }

    private void publishPort(final int index, final Port port) {
        final PortInfo info = port.info();
        final PortStats stats = port.stats();
        final PortStats past = before.get(index);
        counters.setProcess(series.up(index), info.linkUp() ? 1 : 0);
        counters.setProcess(series.speedBytes(index),
                info.linkMbps() < 0 ? 0 : (long) info.linkMbps() * BITS_PER_MEGABIT / Byte.SIZE);
        counters.setProcess(series.rss(index), relay.snatPools().steersReplies(index) ? 1 : 0);
        counters.setProcess(series.receiveMissed(index), past.receivedMissed() + stats.receivedMissed());
        counters.setProcess(series.receiveErrors(index), past.receiveErrors() + stats.receiveErrors());
        counters.setProcess(series.receiveNoMbuf(index), past.receivedNoMbuf() + stats.receivedNoMbuf());
        counters.setProcess(series.transmitErrors(index), past.sendErrors() + stats.sendErrors());
    }
}
