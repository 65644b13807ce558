// SPDX-License-Identifier: Apache-2.0
package io.culvert.bindings.eal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.bindings.TestEal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class EalTest {
    private static final int EALREADY = 114;

    @BeforeAll
    static void init() {
        TestEal.init();
    }

    @Test
    void aSecondStartNamesTheFunctionTheArgumentsAndTheErrno() {
        final DpdkException refusal = assertThrows(DpdkException.class, () -> Eal.init(List.of("--no-huge")));
        assertEquals("rte_eal_init", refusal.function());
        assertEquals(EALREADY, refusal.errno());
        assertTrue(refusal.getMessage().contains("--no-huge"), refusal.getMessage());
        assertTrue(refusal.getMessage().contains("errno 114"), refusal.getMessage());
    }

    /** rte_eal_init pins the thread it runs on; ours must not inherit that. */
    @Test
    void theCallerIsNotPinnedByEal() throws Exception {
        final int[] before = Lcore.allowedCpus();
        assertThrows(DpdkException.class, () -> Eal.init(List.of()));
        assertArrayEquals(before, Lcore.allowedCpus());
    }

    @Test
    void theTimeStampCounterGoesForward() {
        final long first = Tsc.cycles();
        long second = Tsc.cycles();
        for (int i = 0; i < 1_000; i++) {
            final long next = Tsc.cycles();
            assertTrue(next >= second, "it never goes back");
            second = next;
        }
        assertTrue(second > first);
        assertTrue(Tsc.hz() > 100_000_000, "hz " + Tsc.hz());
    }

    @Test
    void anLcoreIsPinnedWhileItIsEntered() throws Exception {
        final int[] cpus = Lcore.allowedCpus();
        final int cpu = cpus[cpus.length - 1];
        final int[] pinned = onAThread(() -> {
            final Lcore lcore = Lcore.enter(cpu);
            try {
                return Lcore.allowedCpus();
            } finally {
                lcore.close();
            }
        });
        assertArrayEquals(new int[] {cpu}, pinned);
        assertArrayEquals(cpus, Lcore.allowedCpus(), "nobody else is");
    }

    /** There are 128 lcore ids; a worker that ends must give its own back. */
    @Test
    void lcoresComeAndGoWithoutEnd() throws Exception {
        final int cpu = Lcore.allowedCpus()[0];
        for (int i = 0; i < 200; i++) {
            onAThread(() -> {
                Lcore.enter(cpu).close();
                return null;
            });
        }
    }

    @Test
    void aCpuThatIsNotThereIsNamed() throws Exception {
        for (final int cpu : new int[] {-1, 1_023, 1_024, Integer.MAX_VALUE}) {
            final IllegalArgumentException refusal =
                    assertThrows(IllegalArgumentException.class, () -> Lcore.pin(cpu));
            assertTrue(refusal.getMessage().startsWith("cpu " + cpu + " "), refusal.getMessage());
        }
    }

    private static <T> T onAThread(final Callable<T> work) throws Exception {
        final FutureTask<T> task = new FutureTask<>(work);
        Thread.ofPlatform().start(task);
        return task.get();
    }

    @Test
    void aThreadThatGoesFirstIsScheduledRoundRobin() throws Exception {
        final FutureTask<String[]> task = new FutureTask<>(() -> {
            assertTrue(Lcore.goFirst(0), "may this process?");
            final String stat = Files.readString(Path.of("/proc/thread-self/stat"));
            return stat.substring(stat.lastIndexOf(')') + 2).split(" ");
        });
        Thread.ofPlatform().start(task);
        assertEquals("1", task.get()[37], "real-time priority");
        assertEquals("2", task.get()[38], "SCHED_RR");
    }
}
