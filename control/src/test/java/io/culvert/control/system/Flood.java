// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.lab.ClientReport;
import java.net.InetSocketAddress;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Packets from made-up sources, each a session of its own if it were admitted. No more are on their way than the
 * receive ring holds beside other traffic, so that what is lost is lost by the relay's own judgement.
 */
final class Flood {
    /** On their way at once. */
    private static final int WINDOW = 128;
    /** Hosts 3 to 252 of the client's network: nobody answers there. */
    private static final int HOSTS = 250;
    private static final int FIRST_PORT = 1_024;
    private static final int PAYLOAD = 100;
    private static final long PAUSE_NS = 50_000;
    /** So long nothing is judged when nothing is on its way. */
    private static final long PATIENCE_NS = 10_000_000_000L;
    /** At most one packet in so many is lost by a busy machine's veth pair. */
    private static final int LOST_SHARE = 100;
    /** The same for clients, whose packets pass it twice on each way and who do not wait for each other. */
    private static final int CLIENTS_LOST_SHARE = 10;

    /**
     * @param judged how many of the packets the relay has admitted or refused
     * @return how many it has in the end; the few that are missing were lost on their way to it
     */
    static long send(final RelayLab lab, final InetSocketAddress listener, final int packets,
                     final LongSupplier judged) {
        final byte[] relayMac = lab.relayMac();
        long lost = 0;
        try (RawLink link = RawLink.open(lab.client(), RelayLab.CLIENT_LINK)) {
            final UdpFrame frame = UdpFrame.of(
                    link.mac(), relayMac, at("198.51.100.3", FIRST_PORT), listener, new byte[PAYLOAD]);
            for (int i = 0; i < packets; i++) {
                link.send(frame.from(3 + i % HOSTS, FIRST_PORT + i / HOSTS).bytes());
                if (i % (WINDOW / 2) == 0) {
                    lost += missing(judged, i - WINDOW / 2 - lost);
                }
            }
            lost += missing(judged, packets - lost);
        }
        assertTrue(lost * LOST_SHARE <= packets, lost + " packets of " + packets + " did not reach the relay");
        return packets - lost;
    }

    /** What the relay dropped is told by its counters; a busy machine's veth may lose some on both ways. */
    static void assertLostByTheWireAlone(final ClientReport clients) {
        assertTrue(clients.lost() * CLIENTS_LOST_SHARE <= clients.sent(), "not so many: " + clients.text());
    }

    /** Waits until so many are judged, or none is any more. @return how many are missing then */
    private static long missing(final LongSupplier judged, final long count) {
        long last = judged.getAsLong();
        long deadline = System.nanoTime() + PATIENCE_NS;
        while (last < count && System.nanoTime() - deadline < 0) {
            LockSupport.parkNanos(PAUSE_NS);
            if (judged.getAsLong() != last) {
                last = judged.getAsLong();
                deadline = System.nanoTime() + PATIENCE_NS;
            }
        }
        return Math.max(0, count - last);
    }

    private Flood() { }
}
