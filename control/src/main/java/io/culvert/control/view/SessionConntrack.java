// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.IpAddress;

/**
 * Sessions as {@code conntrack -L -o id} prints them, for scripts that read that: the tuple the client sends, then the
 * tuple of the replies. The third field is the seconds that the session has been idle, where conntrack has those left.
 */
public final class SessionConntrack implements SessionPrinter {
    private static final long SECOND_MS = 1000;
    private static final int ADDRESS_COLUMN = 9;

    private final Output out;

    public SessionConntrack(final Output out) {
        this.out = out;
    }

    @Override
    public void begin() {
        // conntrack has no headers.
    }

    @Override
    public void print(final Session session) {
        out.put("udp").tab(ADDRESS_COLUMN).put("17 ").put(session.idleMs() / SECOND_MS);
        tuple(session.clientAddress(), session.listenAddress(), session.clientPort(), session.listenPort(),
                session.forwardPackets(), session.forwardBytes());
        final boolean replied = session.replyPackets() > 0;
        if (!replied) {
            out.put(" [UNREPLIED]");
        }
        tuple(session.targetAddress(), session.externalAddress(), session.targetPort(), session.externalPort(),
                session.replyPackets(), session.replyBytes());
        if (replied) {
            out.put(" [ASSURED]");
        }
        out.put(" mark=0 use=1 id=").put(session.id()).endLine();
    }

    @Override
    public String end(final SessionList.Count count) {
        return "culvert: " + count.shown() + " flow entries have been shown.";
    }

    private void tuple(final IpAddress source, final IpAddress destination, final int sourcePort,
                       final int destinationPort,
                       final long packets, final long bytes) {
        out.put(" src=").putAddress(source).put(" dst=").putAddress(destination)
                .put(" sport=").put((long) sourcePort).put(" dport=").put((long) destinationPort)
                .put(" packets=").put(packets).put(" bytes=").put(bytes);
    }
}
