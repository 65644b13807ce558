// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.Locale;
import java.util.stream.Collectors;

/** {@link Stats} as a page for people. */
public final class StatsTable {
    private final Output out;
    private final Stats stats;

    public StatsTable(final Output out, final Stats stats) {
        this.out = out;
        this.stats = stats;
    }

    public void print(final String instance) {
        final Health health = stats.health();
        out.put("culvert ").put(instance).put("  ").put(health.describe()).endLine();
        out.put("pid ").put(health.pid()).put("  up ").put(Durations.brief(health.uptimeMs()))
                .put("  heartbeat ").put(Durations.brief(health.heartbeatAgeMs())).put(" ago").endLine();
        section(ports());
        section(workers());
        section(rules());
        section(drops());
        section(pools());
        out.endLine();
        resources();
        steering();
        ledger();
    }

    private void section(final TextTable table) {
        if (!table.isEmpty()) {
            out.endLine();
            table.print(out);
        }
    }

    private TextTable ports() {
        final TextTable table = new TextTable("PORT ", "LINK ", "RX PACKETS", "RX BYTES", "TX PACKETS", "TX BYTES",
                "ANSWERED", "MISSED", "RX ERRORS", "NO MBUF", "TX ERRORS");
        for (final Stats.Port port : stats.ports()) {
            table.row(port.name(), link(port), port.received().packets(), port.received().bytes(),
                    port.sent().packets(), port.sent().bytes(), port.answered(), port.missed(), port.receiveErrors(),
                    port.noMbuf(), port.transmitErrors());
        }
        return table;
    }

    private static String link(final Stats.Port port) {
        if (!port.up()) {
            return "down";
        }
        return port.speedBytes() == 0 ? "up" : "up " + port.speedBytes() * Byte.SIZE / 1_000_000 + " Mb/s";
    }

    private TextTable workers() {
        final TextTable table = new TextTable("WORKER ", "BUSY", "PACKETS", "BURSTS", "PER BURST", "LONGEST LOOP",
                "HEARTBEAT", "SESSIONS");
        for (final Stats.Worker worker : stats.workers()) {
            table.row(worker.number(), String.format(Locale.ROOT, "%.1f %%", 100 * worker.busyRatio()),
                    worker.packets(), worker.bursts(), String.format(Locale.ROOT, "%.1f", worker.packetsPerBurst()),
                    longestLoop(worker.longestLoopMicros()),
                    Durations.brief(worker.heartbeatAgeMs()), worker.sessions());
        }
        return table;
    }

    private static String longestLoop(final double micros) {
        if (micros == 0) {
            return "-";
        }
        return Double.isInfinite(micros) ? "unbounded" : String.format(Locale.ROOT, "< %.0f us", Math.ceil(micros));
    }

    private TextTable rules() {
        final TextTable table = new TextTable("RULE ", "SESSIONS", "CREATED", "ENDED", "FWD PACKETS", "FWD BYTES",
                "REPLY PACKETS", "REPLY BYTES");
        for (final Stats.Rule rule : stats.rules()) {
            table.row(rule.name(), rule.sessions(), rule.created(), rule.ended(), rule.forward().packets(),
                    rule.forward().bytes(), rule.reply().packets(), rule.reply().bytes());
        }
        return table;
    }

    private TextTable drops() {
        final TextTable table = new TextTable("DROPS ", "PORT ", "PACKETS", "MEANING ");
        for (final Stats.Port port : stats.ports()) {
            port.drops().forEach((reason, packets) -> {
                if (packets != 0) {
                    table.row(reason.label(), port.name(), packets, reason.meaning());
                }
            });
        }
        return table;
    }

    private TextTable pools() {
        final TextTable table = new TextTable("SNAT POOL ", "PORTS USED", "LIMIT");
        stats.pools().forEach((pool, ports) -> table.row(pool, ports.used(), ports.limit()));
        return table;
    }

    private void resources() {
        out.put("buffers ").put(stats.buffers().used()).put(" of ").put(stats.buffers().limit()).put(" in use")
                .endLine();
        out.put("next hops ").put(stats.neighbors().entrySet().stream()
                .map(state -> state.getKey() + " " + state.getValue()).collect(Collectors.joining(", "))).endLine();
    }

    private void steering() {
        if (stats.workers().size() > 1) {
            out.put("replies reach their worker by ").put(stats.ports().stream()
                    .map(port -> port.steering().label() + " on " + port.name()).collect(Collectors.joining(", ")))
                    .put("; ").put(stats.workers().stream().mapToLong(Stats.Worker::handedOff).sum())
                    .put(" packets handed off").endLine();
        }
    }

    private void ledger() {
        if (stats.isBalanced()) {
            out.put("ledger balanced").endLine();
        }
        for (final Stats.Worker worker : stats.workers()) {
            if (worker.unaccounted() != 0) {
                out.put("ledger worker ").put((long) worker.number()).put(": ").put(worker.unaccounted())
                        .put(" packets unaccounted for (while it runs, those on their way count)").endLine();
            }
        }
    }
}
