// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.bindings.eal.Lcore;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/**
 * All threads of the process that poll no queue. At a safepoint the workers stop until each Java thread has stopped and
 * the VM's thread has done its work: if one of these has to wait for its core, behind the compiler or somebody else's
 * program, every worker waits with it, for milliseconds. So they go first, and away from the workers' CPUs, where they
 * would go before a worker. What works long has no part in that: compilers, collectors, and HTTP, whose work is what
 * others ask for.
 */
public final class ControlThreads {
    private static final Path THREADS = Path.of("/proc/self/task");
    /** Compilers and collectors work long. The main thread and DPDK's own need not hurry. */
    private static final Pattern FAIR =
            Pattern.compile("(C1|C2|ZWorker|worker-|bench-|eal-|dpdk-|java|rte_|HTTP-|culvert-http).*");
    private static final Pattern ANYWHERE = Pattern.compile("(C1|C2|ZWorker|worker-|bench-).*");

    /**
     * Where the process may not, they stay as they are. Those that start later inherit it from these: the server's
     * threads from its dispatcher. DPDK puts its own threads on the CPUs that EAL was not given, where workers are.
     *
     * @param elsewhere the CPUs that no worker polls on; with none they stay where they are
     */
    public static void goFirst(final int... elsewhere) {
        final String[] threads = new File(THREADS.toString()).list();
        if (threads == null) {
            return; // no file descriptor was left to look with
        }
        for (final String thread : threads) {
            final String name = name(thread);
            if (elsewhere.length > 0 && !ANYWHERE.matcher(name).matches()) {
                Lcore.confine(Integer.parseInt(thread), elsewhere);
            }
            if (!FAIR.matcher(name).matches()) {
                Lcore.goFirst(Integer.parseInt(thread));
            }
        }
    }

    private static String name(final String thread) {
        try {
            return Files.readString(THREADS.resolve(thread).resolve("comm")).strip();
        } catch (final IOException e) {
            return "java"; // it has ended meanwhile
        }
    }

    private ControlThreads() { }
}
