// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.config.WorkersConfig;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Which CPU each worker polls on, and which are left to everything else in the process.
 *
 * @param workers by the worker's number
 * @param control those of the affinity that no worker polls on; empty when there are too few
 */
record Placement(int[] workers, int[] control) {
    /**
     * Cores that the configuration names are taken as they are. Otherwise the process's affinity is where control runs
     * (CPUAffinity of the service, or all CPUs but the kernel's isolated ones), so workers go outside of it as far as
     * they can; where it is all there is, from its last CPU down, and the first is left to control.
     *
     * @param affinity of the process as it was started, ascending
     * @param usable all CPUs that threads of the process may be pinned to, ascending
     */
    static Placement of(final WorkersConfig config, final int[] affinity, final int[] usable) {
        final int[] workers;
        if (config.cores().isEmpty()) {
            final int[] ascending = IntStream.concat(Arrays.stream(affinity),
                    Arrays.stream(usable).filter(cpu -> !contains(affinity, cpu))).toArray();
            workers = IntStream.range(0, config.count())
                    .map(number -> ascending[Math.max(ascending.length - 1 - number, 0)]).toArray();
        } else {
            workers = config.cores().stream().mapToInt(Integer::intValue).toArray();
        }
        return new Placement(workers, Arrays.stream(affinity).filter(cpu -> !contains(workers, cpu)).toArray());
    }

    private static boolean contains(final int[] cpus, final int cpu) {
        return Arrays.stream(cpus).anyMatch(each -> each == cpu);
    }
}
