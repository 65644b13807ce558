// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;

/** Sessions as one JSON object, or as one JSON line each. */
public final class SessionJson implements SessionPrinter {
    private final Output out;
    private final Json json;
    private final String instance;
    private final boolean lines;
    private final String generatedAt;

    private SessionJson(final Output out, final String instance, final boolean lines, final String generatedAt) {
        this.out = out;
        this.json = new Json(out);
        this.instance = instance;
        this.lines = lines;
        this.generatedAt = generatedAt;
    }

    /** @param generatedAt RFC 3339 */
    public static SessionJson list(final Output out, final String instance, final String generatedAt) {
        return new SessionJson(out, instance, false, generatedAt);
    }

    public static SessionJson lines(final Output out) {
        return new SessionJson(out, "", true, "");
    }

    @Override
    public void begin() {
        if (!lines) {
            json.beginObject().name("apiVersion").value("culvert/v1").name("kind").value("FlowList")
                    .name("instance").value(instance).name("generatedAt").value(generatedAt)
                    .name("items").beginArray();
            out.endLine();
        }
    }

    @Override
    public void print(final Session session) {
        json.beginObject().name("id").value(session.id()).name("worker").value(session.worker())
                .name("rule").value(session.rule());
        endpoint("client", session.clientAddress(), session.clientPort());
        endpoint("listen", session.listenAddress(), session.listenPort());
        endpoint("external", session.externalAddress(), session.externalPort());
        endpoint("target", session.targetAddress(), session.targetPort());
        direction("forward", session.forwardPackets(), session.forwardBytes());
        direction("reply", session.replyPackets(), session.replyBytes());
        json.name("idleMillis").value(session.idleMs()).name("ageMillis").value(session.ageMs())
                .name("state").value(session.state().label()).endObject();
        out.endLine();
    }

    /** The total is known only now: the walk is one pass. */
    @Override
    public String end(final SessionList.Count count) {
        if (!lines) {
            json.endArray().name("total").value(count.matched()).endObject();
            out.endLine();
        }
        return "";
    }

    private void endpoint(final String name, final IpAddress address, final int port) {
        json.name(name).beginObject().name("address").address(address).name("port").value(port).endObject();
    }

    private void direction(final String name, final long packets, final long bytes) {
        json.name(name).beginObject().name("packets").value(packets).name("bytes").value(bytes).endObject();
    }
}
