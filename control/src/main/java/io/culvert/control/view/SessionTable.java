// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import java.util.List;
import java.util.Locale;

/** Sessions as lines for people. The columns' places are known before the first session, so lines need not wait. */
public final class SessionTable implements SessionPrinter {
    private static final int ID_WIDTH = 8;
    private static final int ENDPOINT_WIDTH = 21;
    private static final int PACKETS_WIDTH = 11;
    private static final int BYTES_WIDTH = 13;
    private static final int IDLE_WIDTH = 7;
    private static final int GAP = 2;

    private final Output out;
    private final boolean headers;
    private final int rule;
    private final int client;
    private final int listen;
    private final int target;
    private final int external;
    private final int counters;

    public SessionTable(final Output out, final List<String> rules, final boolean headers) {
        final int ruleWidth = rules.stream().mapToInt(String::length).reduce("RULE".length(), Math::max);
        this.out = out;
        this.headers = headers;
        this.rule = ID_WIDTH + GAP;
        this.client = rule + ruleWidth + GAP;
        this.listen = client + ENDPOINT_WIDTH + GAP;
        this.target = listen + ENDPOINT_WIDTH + GAP;
        this.external = target + "-> ".length() + ENDPOINT_WIDTH + GAP;
        this.counters = external + ENDPOINT_WIDTH + GAP;
    }

    @Override
    public void begin() {
        if (headers) {
            out.put("ID").tab(rule).put("RULE").tab(client).put("CLIENT").tab(listen).put("LISTEN").tab(target)
                    .put("-> TARGET").tab(external).put("SNAT SRC").tab(counters)
                    .putRight("FWD PKTS", PACKETS_WIDTH).putRight("FWD BYTES", BYTES_WIDTH)
                    .putRight("REPLY PKTS", PACKETS_WIDTH).putRight("REPLY BYTES", BYTES_WIDTH)
                    .putRight("IDLE", IDLE_WIDTH).put("  STATE").endLine();
        }
    }

    @Override
    public void print(final Session session) {
        out.putId(session.id()).tab(rule).put(session.rule())
                .tab(client).putEndpoint(session.clientAddress(), session.clientPort())
                .tab(listen).putEndpoint(session.listenAddress(), session.listenPort())
                .tab(target).put("-> ").putEndpoint(session.targetAddress(), session.targetPort())
                .tab(external);
        if (session.keepsSource()) {
            out.put("none");
        } else {
            out.putEndpoint(session.externalAddress(), session.externalPort());
        }
        out.tab(counters).putRight(session.forwardPackets(), PACKETS_WIDTH)
                .putRight(session.forwardBytes(), BYTES_WIDTH)
                .putRight(session.replyPackets(), PACKETS_WIDTH)
                .putRight(session.replyBytes(), BYTES_WIDTH)
                .putRight(Durations.brief(session.idleMs()), IDLE_WIDTH)
                .put("  ").put(session.state().label()).endLine();
    }

    @Override
    public String end(final SessionList.Count count) {
        return String.format(Locale.ROOT, "%,d of %,d shown", count.shown(), count.matched());
    }
}
