// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.stats.CounterFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;

class HealthTest {
    private static final int PID_AT = 16;
    private static final int STARTED_AT = 24;
    private static final int PROCESS_START_AT = 64;
    private static final long NEVER_A_PID = 1L << 40;

    private static Health after(final RelayFixture relay, final long ms) {
        return Health.of(relay.counters, relay.counters.heartbeatMs() + ms);
    }

    @Test
    void tellsARunningProcessFromOneThatHangs() {
        try (RelayFixture relay = new RelayFixture("health-test", 1, 1)) {
            relay.counters.state(CounterFile.State.READY);
            assertEquals(Health.Life.RUNNING, after(relay, 1_000).life());
            assertEquals("ready", after(relay, 1_000).describe());
            assertEquals(Health.Life.STALLED, after(relay, 7_000).life());
            assertTrue(after(relay, 7_000).describe().endsWith("its heartbeat is 7.0s old"));
        }
    }

    @Test
    void knowsThatTheProcessIsGone() throws IOException {
        try (RelayFixture relay = new RelayFixture("health-test", 1, 1)) {
            try (FileChannel file = FileChannel.open(relay.instance.countersFile(), StandardOpenOption.READ,
                    StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
                file.map(FileChannel.MapMode.READ_WRITE, 0, file.size(), arena).set(JAVA_LONG, PID_AT, NEVER_A_PID);
            }
            assertEquals(Health.Life.DEAD, after(relay, 100).life());
        }
    }

    @Test
    void doesNotTakeAnothersPidForItsOwn() throws IOException {
        try (RelayFixture relay = new RelayFixture("health-test", 1, 1)) {
            try (FileChannel file = FileChannel.open(relay.instance.countersFile(), StandardOpenOption.READ,
                    StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
                file.map(FileChannel.MapMode.READ_WRITE, 0, file.size(), arena).set(JAVA_LONG, PROCESS_START_AT, 1);
            }
            assertEquals(Health.Life.DEAD, after(relay, 100).life());
        }
    }

    /** As when the clock of the host was wrong until the network said the time. */
    @Test
    void knowsItsProcessWhateverTheClockSaidWhenItBegan() throws IOException {
        try (RelayFixture relay = new RelayFixture("health-test", 1, 1)) {
            relay.counters.state(CounterFile.State.READY);
            try (FileChannel file = FileChannel.open(relay.instance.countersFile(), StandardOpenOption.READ,
                    StandardOpenOption.WRITE); Arena arena = Arena.ofConfined()) {
                file.map(FileChannel.MapMode.READ_WRITE, 0, file.size(), arena).set(JAVA_LONG, STARTED_AT, 1_000);
            }
            assertEquals(Health.Life.RUNNING, after(relay, 100).life());
        }
    }

    @Test
    void restsAfterACleanStop() {
        try (RelayFixture relay = new RelayFixture("health-test", 1, 1)) {
            relay.counters.state(CounterFile.State.STOPPED);
            assertEquals(Health.Life.STOPPED, after(relay, 1_000_000).life());
        }
    }
}
