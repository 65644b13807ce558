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
 * program, every worker waits with it, for milliseconds. So they go first. What has no part in a safepoint does not.
 */
public final class ControlThreads {
    private static final Path THREADS = Path.of("/proc/self/task");
    /** Compilers and collectors work long. The main thread starts workers, and those would inherit it. */
    private static final Pattern FAIR = Pattern.compile("(C1|C2|ZWorker|worker-|bench-|eal-|java|rte_).*");

    /** Where the process may not, they stay as they are. Those that start later inherit it from these. */
    public static void goFirst() {
        for (final String thread : new File(THREADS.toString()).list()) {
            if (!FAIR.matcher(name(thread)).matches()) {
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
