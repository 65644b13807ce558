// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.view.RelayFixture;
import io.culvert.control.view.StrictJson;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.CounterFile;
import io.culvert.dataplane.stats.LoopHistogram;
import io.culvert.dataplane.stats.WorkerCounters;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class StatsCommandTest {
    private static final String NAME = "stats-command-test";

    private final RelayFixture relay = new RelayFixture(NAME, 2, 64);

    @BeforeEach
    void countSomething() {
        for (int worker = 0; worker < 2; worker++) {
            final WorkerCounters counters = relay.worker(worker);
            counters.add(relay.catalog.received(0), 1_000);
            counters.add(relay.catalog.received(0) + 1, 800_000);
            counters.add(relay.catalog.sent(1), 990);
            counters.add(relay.catalog.sent(1) + 1, 792_000);
            counters.add(relay.catalog.sent(0), 3);
            counters.add(relay.catalog.answeredArp(0), 2);
            counters.increment(relay.catalog.of(WorkerCounter.ORIGINATED));
            counters.add(relay.catalog.dropped(0) + DropReason.NO_RULE.ordinal(), 8);
            counters.add(relay.catalog.of(WorkerCounter.PACKETS), 1_000);
            counters.add(relay.catalog.of(WorkerCounter.BURSTS), 80);
            counters.add(relay.catalog.of(WorkerCounter.BUSY_CYCLES), 250);
            counters.add(relay.catalog.of(WorkerCounter.IDLE_CYCLES), 750);
            counters.add(relay.catalog.of(WorkerCounter.SESSIONS), 4);
            counters.add(relay.catalog.created(0), 5);
            counters.add(relay.catalog.ended(0), 1);
            counters.add(relay.catalog.ruleTraffic(0), 600);
            counters.add(relay.catalog.ruleTraffic(0) + 1, 480_000);
            counters.add(relay.catalog.ruleTraffic(0) + 2, 390);
            counters.add(relay.catalog.ruleTraffic(0) + 3, 312_000);
            counters.add(relay.catalog.of(WorkerCounter.HANDED_OFF), 7);
            counters.add(relay.catalog.of(WorkerCounter.TAKEN_OVER), 7);
            counters.set(relay.catalog.of(WorkerCounter.HEARTBEAT_MS), System.currentTimeMillis());
        }
        new LoopHistogram(relay.worker(1)).record(200_000);
        relay.counters.setProcess(relay.series.up(0), 1);
        relay.counters.setProcess(relay.series.speedBytes(0), 25_000_000_000L / Byte.SIZE);
        relay.counters.setProcess(relay.series.receiveMissed(0), 17);
        relay.counters.setProcess(relay.series.rss(0), 1);
        relay.counters.setProcess(relay.series.buffersUsed(), 100);
        relay.counters.setProcess(relay.series.buffersFree(), 900);
        relay.counters.setProcess(relay.series.snatPortsUsed(0), 8);
        relay.counters.setProcess(relay.series.snatPortsLimit(0), 20_000);
        relay.counters.setProcess(relay.series.neighbors(1), 3);
        relay.counters.state(CounterFile.State.READY);
    }

    @AfterEach
    void close() {
        relay.close();
    }

    private static CliRun stats(final String... options) {
        return CliRun.of("stats --instance " + NAME, options);
    }

    @Test
    void printsAPageForPeople() {
        final CliRun run = stats();
        assertEquals("""
                culvert stats-command-test  ready
                pid PID  up TIME  heartbeat TIME ago

                PORT  LINK           RX PACKETS  RX BYTES  TX PACKETS  TX BYTES  ANSWERED  MISSED  RX ERRORS  NO MBUF\
                  TX ERRORS
                p0    up 25000 Mb/s        2000   1600000           6         0         4      17          0        0\
                          0
                p1    down                    0         0        1980   1584000         0       0          0        0\
                          0

                WORKER    BUSY  PACKETS  BURSTS  PER BURST  LONGEST LOOP  HEARTBEAT  SESSIONS
                0       25.0 %     1000      80       12.5             -       TIME         4
                1       25.0 %     1000      80       12.5      < 263 us       TIME         4

                RULE      SESSIONS  CREATED  ENDED  FWD PACKETS  FWD BYTES  REPLY PACKETS  REPLY BYTES
                cam-wall         8       10      2         1200     960000            780       624000
                intercom         0        0      0            0          0              0            0

                DROPS    PORT  PACKETS  MEANING
                no_rule  p0         16  no rule listens on this address and port

                SNAT POOL    PORTS USED  LIMIT
                203.0.113.1           8  20000

                buffers 100 of 1000 in use
                next hops incomplete 0, reachable 3, probing 0, failed 0, static 0
                replies reach their worker by rss on p0, handoff on p1; 14 packets handed off
                ledger balanced
                """, run.out().replaceAll("\\d+\\.\\ds", "TIME").replaceAll("pid \\d+", "pid PID"));
        assertEquals("", run.err());
        assertEquals(0, run.exitCode());
    }

    @Test
    void printsJsonThatParses() {
        final Map<?, ?> stats = (Map<?, ?>) StrictJson.parse(stats("-o", "json").out());
        assertEquals("culvert/v1", stats.get("apiVersion"));
        assertEquals("Stats", stats.get("kind"));
        assertEquals("ready", stats.get("state"));
        assertEquals("running", stats.get("life"));
        assertEquals(true, stats.get("ledgerBalanced"));
        assertEquals(Map.of("name", "p0", "up", true, "bitsPerSecond", 25_000_000_000L, "steering", "rss",
                "receive", Map.of("packets", 2_000L, "bytes", 1_600_000L, "missedPackets", 17L, "errors", 0L,
                        "noMbuf", 0L),
                "transmit", Map.of("packets", 6L, "bytes", 0L, "errors", 0L), "answeredPackets", 4L),
                first(stats, "ports"));
        assertEquals(7L, first(stats, "workers").get("handedOffPackets"));
        assertEquals(7L, first(stats, "workers").get("takenOverPackets"));
        assertEquals(0.25, first(stats, "workers").get("busyRatio"));
        assertEquals(12.5, first(stats, "workers").get("packetsPerBurst"));
        assertEquals(Map.of("name", "cam-wall", "sessions", 8L, "sessionsCreated", 10L, "sessionsEnded", 2L,
                "forward", Map.of("packets", 1_200L, "bytes", 960_000L),
                "reply", Map.of("packets", 780L, "bytes", 624_000L)), first(stats, "rules"));
        final Map<?, ?> drops = (Map<?, ?>) ((Map<?, ?>) stats.get("drops")).get("p0");
        assertEquals(16L, drops.get("no_rule"));
        assertEquals(DropReason.count(), drops.size());
    }

    private static Map<?, ?> first(final Map<?, ?> stats, final String list) {
        return (Map<?, ?>) ((List<?>) stats.get(list)).getFirst();
    }

    @Test
    void saysHowManyPacketsTheLedgerMisses() {
        relay.worker(1).add(relay.catalog.received(1), 5);
        assertEquals(5, relay.worker(1).imbalance());
        assertTrue(stats().out().contains("ledger worker 1: 5 packets unaccounted for"), stats().out());
        assertTrue(stats("-o", "json").out().contains("\"ledgerBalanced\":false"));
    }

    @Test
    void agreesWithTheWorkersOwnLedger() {
        final WorkerCounters counters = relay.worker(0);
        for (int series = 0; series < relay.catalog.series().size(); series++) {
            counters.set(series, 1L << series % 40);
        }
        assertTrue(stats("-o", "json").out().contains("\"unaccountedPackets\":" + counters.imbalance() + "}"));
    }

    @Test
    void refusesAnotherFormat() {
        assertEquals(2, stats("-o", "conntrack").exitCode());
    }
}
