// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

/** {@link Stats} as one JSON object. */
public final class StatsJson {
    private static final double DECIMALS = 1e4;

    private final Output out;
    private final Json json;
    private final Stats stats;

    public StatsJson(final Output out, final Stats stats) {
        this.out = out;
        this.json = new Json(out);
        this.stats = stats;
    }

    /** @param generatedAt RFC 3339 */
    public void print(final String instance, final String generatedAt) {
        final Health health = stats.health();
        json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("Stats")
                .name("instance").value(instance).name("generatedAt").value(generatedAt)
                .name("state").value(health.stateLabel()).name("life").value(health.lifeLabel())
                .name("pid").value(health.pid()).name("uptimeMillis").value(health.uptimeMs())
                .name("heartbeatAgeMillis").value(health.heartbeatAgeMs())
                .name("sessions").value(stats.sessions());
        ports();
        workers();
        rules();
        drops();
        resources();
        json.name("ledgerBalanced").value(stats.isBalanced()).endObject();
        out.endLine();
    }

    private void ports() {
        json.name("ports").beginArray();
        for (final Stats.Port port : stats.ports()) {
            json.beginObject().name("name").value(port.name()).name("up").value(port.up())
                    .name("bitsPerSecond").value(port.speedBytes() * Byte.SIZE)
                    .name("steering").value(port.steering().label())
                    .name("receive").beginObject();
            traffic(port.received());
            json.name("missedPackets").value(port.missed()).name("errors").value(port.receiveErrors())
                    .name("noMbuf").value(port.noMbuf()).endObject()
                    .name("transmit").beginObject();
            traffic(port.sent());
            json.name("errors").value(port.transmitErrors()).endObject()
                    .name("answeredPackets").value(port.answered()).endObject();
        }
        json.endArray();
    }

    private void workers() {
        json.name("workers").beginArray();
        for (final Stats.Worker worker : stats.workers()) {
            json.beginObject().name("worker").value(worker.number())
                    .name("busyRatio").value(rounded(worker.busyRatio()))
                    .name("busyCycles").value(worker.busyCycles()).name("idleCycles").value(worker.idleCycles())
                    .name("packets").value(worker.packets()).name("bursts").value(worker.bursts())
                    .name("packetsPerBurst").value(rounded(worker.packetsPerBurst()))
                    .name("longestLoopMicros").value(rounded(worker.longestLoopMicros()))
                    .name("heartbeatAgeMillis").value(worker.heartbeatAgeMs())
                    .name("sessions").value(worker.sessions())
                    .name("handedOffPackets").value(worker.handedOff())
                    .name("takenOverPackets").value(worker.takenOver())
                    .name("unaccountedPackets").value(worker.unaccounted()).endObject();
        }
        json.endArray();
    }

    private void rules() {
        json.name("rules").beginArray();
        for (final Stats.Rule rule : stats.rules()) {
            json.beginObject().name("name").value(rule.name()).name("sessions").value(rule.sessions())
                    .name("sessionsCreated").value(rule.created()).name("sessionsEnded").value(rule.ended())
                    .name("forward").beginObject();
            traffic(rule.forward());
            json.endObject().name("reply").beginObject();
            traffic(rule.reply());
            json.endObject().endObject();
        }
        json.endArray();
    }

    private void drops() {
        json.name("drops").beginObject();
        for (final Stats.Port port : stats.ports()) {
            json.name(port.name()).beginObject();
            port.drops().forEach((reason, packets) -> json.name(reason.label()).value(packets));
            json.endObject();
        }
        json.endObject();
    }

    private void resources() {
        json.name("snatPools").beginArray();
        stats.pools().forEach((pool, ports) -> json.beginObject().name("name").value(pool)
                .name("portsUsed").value(ports.used()).name("portsLimit").value(ports.limit()).endObject());
        json.endArray().name("neighbors").beginObject();
        stats.neighbors().forEach((state, count) -> json.name(state).value(count));
        json.endObject().name("buffers").beginObject().name("used").value(stats.buffers().used())
                .name("limit").value(stats.buffers().limit()).endObject();
    }

    private void traffic(final Stats.Traffic traffic) {
        json.name("packets").value(traffic.packets()).name("bytes").value(traffic.bytes());
    }

    private static double rounded(final double value) {
        return Double.isFinite(value) ? Math.round(value * DECIMALS) / DECIMALS : value;
    }
}
