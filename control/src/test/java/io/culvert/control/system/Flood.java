// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;

import java.net.InetSocketAddress;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;

/**
 * Packets from made-up sources, each a session of its own if it were admitted. No more are on their way than the
 * receive ring holds beside other traffic, so that what is lost is lost by the relay's own judgement.
 */
final class Flood {
    /** On their way at once. */
    private static final int WINDOW = 400;
    /** Hosts 3 to 252 of the client's network: nobody answers there. */
    private static final int HOSTS = 250;
    private static final int FIRST_PORT = 1_024;
    private static final int PAYLOAD = 100;
    private static final long PAUSE_NS = 50_000;
    private static final long PATIENCE_NS = 30_000_000_000L;

    /** @param judged how many of the packets the relay has admitted or refused */
    static void send(final RelayLab lab, final InetSocketAddress listener, final int packets,
                     final LongSupplier judged) {
        final byte[] relayMac = lab.relayMac();
        try (RawLink link = RawLink.open(lab.client(), RelayLab.CLIENT_LINK)) {
            final UdpFrame frame = UdpFrame.of(
                    link.mac(), relayMac, at("198.51.100.3", FIRST_PORT), listener, new byte[PAYLOAD]);
            for (int i = 0; i < packets; i++) {
                link.send(frame.from(3 + i % HOSTS, FIRST_PORT + i / HOSTS).bytes());
                if (i % (WINDOW / 2) == 0) {
                    await(judged, i - WINDOW / 2);
                }
            }
            await(judged, packets);
        }
    }

    private static void await(final LongSupplier judged, final long count) {
        final long deadline = System.nanoTime() + PATIENCE_NS;
        while (judged.getAsLong() < count) {
            if (System.nanoTime() - deadline > 0) {
                throw new AssertionError("judged are " + judged.getAsLong() + " packets of " + count);
            }
            LockSupport.parkNanos(PAUSE_NS);
        }
    }

    private Flood() { }
}
