// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import io.culvert.bindings.eal.Lcore;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Threads of a benchmark: each on a CPU of its own and known to DPDK, as a worker's is. From the last CPU down. */
final class Pinned {
    /** Runs the tasks side by side. @return their results, in their order */
    static <T> List<T> run(final List<Callable<T>> tasks) {
        final int[] cpus = Lcore.allowedCpus();
        final List<FutureTask<T>> running = new ArrayList<>();
        for (int i = 0; i < tasks.size(); i++) {
            running.add(start("bench-" + i, cpus[Math.max(cpus.length - 1 - i, 0)], tasks.get(i)));
        }
        final List<T> results = new ArrayList<>();
        for (final FutureTask<T> task : running) {
            results.add(result(task));
        }
        return results;
    }

    static <T> T run(final Callable<T> task) {
        return run(List.of(task)).getFirst();
    }

    static <T> T run(final int cpu, final Callable<T> task) {
        return result(start("bench-" + cpu, cpu, task));
    }

    private static <T> FutureTask<T> start(final String name, final int cpu, final Callable<T> work) {
        final FutureTask<T> task = new FutureTask<>(() -> {
            final Lcore lcore = Lcore.enter(cpu);
            try {
                return work.call();
            } finally {
                lcore.close();
            }
        });
        Thread.ofPlatform().name(name).start(task);
        return task;
    }

    private static <T> T result(final FutureTask<T> task) {
        try {
            return task.get();
        } catch (final ExecutionException e) {
            if (e.getCause() instanceof final RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (final InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    private Pinned() { }
}
