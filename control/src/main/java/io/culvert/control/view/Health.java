// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.stats.CounterFile;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Whether the process behind a counter file lives, as far as anybody outside can tell: by its heartbeat, and by its
 * pid when that has stopped.
 */
public record Health(CounterFile.State state, Life life, long pid, long startedMs, long heartbeatMs, long nowMs) {
    /** A heartbeat comes every second; this many milliseconds without one are no accident. */
    public static final long STALE_MS = 5_000;

    /** Signs of life. */
    public enum Life { RUNNING, STALLED, STOPPED, DEAD }

    public static Health of(final CounterFile counters, final long nowMs) {
        final CounterFile.State state = counters.state();
        final long heartbeatMs = counters.heartbeatMs();
        final Life life;
        if (state == CounterFile.State.STOPPED) {
            life = Life.STOPPED;
        } else if (counters.isProcessThere()) {
            life = nowMs - heartbeatMs < STALE_MS ? Life.RUNNING : Life.STALLED;
        } else {
            life = Life.DEAD;
        }
        return new Health(state, life, counters.pid(), counters.startedMs(), heartbeatMs, nowMs);
    }

    /** The first worker whose last sign of life is older than {@code sinceMs}, of the epoch; none: all of them poll. */
    public static OptionalInt silentWorker(final Counters counters, final long sinceMs) {
        return IntStream.range(0, counters.file().workers())
                .filter(worker -> counters.worker(worker, "culvert_worker_heartbeat_milliseconds") < sinceMs)
                .findFirst();
    }

    /** Up to now while it runs, else up to the last heartbeat. */
    public long uptimeMs() {
        return Math.max(0, (life == Life.RUNNING ? nowMs : heartbeatMs) - startedMs);
    }

    public long heartbeatAgeMs() {
        return Math.max(0, nowMs - heartbeatMs);
    }

    public String stateLabel() {
        return state.name().toLowerCase(Locale.ROOT);
    }

    public String lifeLabel() {
        return life.name().toLowerCase(Locale.ROOT);
    }

    /** One line for people. */
    public String describe() {
        return switch (life) {
            case RUNNING -> stateLabel();
            case STALLED -> "STALLED: process " + pid + " is there, but its heartbeat is "
                    + Durations.brief(heartbeatAgeMs()) + " old";
            case STOPPED -> "stopped: these are its last figures";
            case DEAD -> "DEAD: process " + pid + " is gone, its state was " + stateLabel()
                    + "; these are its last figures";
        };
    }
}
