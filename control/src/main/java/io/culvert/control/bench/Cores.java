// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Lcore;
import java.io.File;
import java.util.Arrays;

/**
 * The worker's core, and the others, to which everything else in this process and all that it starts is confined: what
 * {@code isolcpus} and {@code CPUAffinity} do on an appliance. Where there is one core only, all share it.
 */
record Cores(int worker, int[] others) {
    /** Confines all threads there are; later ones inherit it from these. */
    static Cores divide() {
        final int[] cpus = Lcore.allowedCpus();
        final int worker = cpus[cpus.length - 1];
        final int[] others = cpus.length == 1 ? cpus : Arrays.copyOf(cpus, cpus.length - 1);
        for (final String thread : new File("/proc/self/task").list()) {
            Lcore.confine(Integer.parseInt(thread), others); // one that has ended meanwhile needs no core
        }
        return new Cores(worker, others);
    }

    boolean isShared() {
        return others[0] == worker;
    }
}
