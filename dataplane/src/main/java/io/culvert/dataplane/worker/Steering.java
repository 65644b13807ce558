// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import io.culvert.dataplane.nat.Admission;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.WorkerCounters;

/** The way of a packet from the worker whose queue it came in on to the one that may know its session. */
final class Steering {
    private final int worker;
    private final Handoff handoff;
    private final Admission admission;
    private final WorkerCounters counters;
    private final int handedOff;

    Steering(final int worker, final Handoff handoff, final Admission admission, final WorkerCounters counters) {
        this.worker = worker;
        this.handoff = handoff;
        this.admission = admission;
        this.counters = counters;
        this.handedOff = counters.catalog().of(WorkerCounter.HANDED_OFF);
    }

    /**
     * Hands a packet of the burst to who may own the flow of this key; counted as dropped when there is no room there.
     *
     * @return false when nobody else may: the packet is still the caller's
     */
    boolean handOff(final Burst burst, final long mbuf, final long keyLo, final int ports) {
        final int workers = handoff.workers();
        if (workers == 1) {
            return false;
        }
        final int owner = admission.ownerOf(keyLo, ports);
        // Whoever may know it is asked in turn; the owner of a port has been asked when the packet was handed once.
        final int hopsLimit = owner == Admission.ANY_WORKER ? workers - 1 : 1;
        final int next = owner == Admission.ANY_WORKER ? (worker + 1) % workers : owner;
        if (owner == Admission.NO_WORKER || next == worker || burst.hops >= hopsLimit) {
            return false;
        }
        if (handoff.give(worker, next, mbuf, burst.ingress, burst.hops + 1)) {
            counters.increment(handedOff);
        } else {
            burst.drop(mbuf, DropReason.HANDOFF_FULL);
        }
        return true;
    }
}
