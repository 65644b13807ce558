// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Packets that a NIC lays on another queue than the rest of their session, and such as are of none. */
class SpreadOtherwiseTest {
    private static final int PORT = 10_000;

    /** NICs spread UDP by its ports, but not behind a fragment header, even that of a whole datagram (RFC 6946). */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatLiesBehindAnExtensionHeaderIsOfItsClientsSession(final boolean isFirst) {
        try (SeveralWorkers relay = relay(true)) {
            final byte[] plain = SeveralWorkers.fromClient(true, 0, PORT, LISTEN);
            final byte[] atomic = UdpFrames.fragment(plain, 1, 0, 14, false, 64);
            assertEquals(1, relay.pass(EDGE, 0, INNER, isFirst ? atomic : plain).size());
            assertEquals(1, relay.pass(EDGE, 2, INNER, isFirst ? plain : atomic).size());
            assertEquals(1, relay.total(WorkerCounter.SESSIONS));
        }
    }

    /** No newcomer would be believed there, but a session's packets are not asked for their way. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatComesInOnAnotherPortIsOfItsClientsSession(final boolean ipv6) {
        try (SeveralWorkers relay = relay(true)) {
            final byte[] frame = SeveralWorkers.fromClient(ipv6, 0, PORT, LISTEN);
            assertEquals(1, relay.pass(EDGE, 0, INNER, frame).size());
            Ethernet.setAddresses(MemorySegment.ofArray(frame), MAC[INNER], CLIENT_MAC);
            assertEquals(1, relay.pass(INNER, 2, INNER, frame).size());
            assertEquals(0, relay.dropped(DropReason.REVERSE_PATH));
            assertEquals(1, relay.total(WorkerCounter.SESSIONS));
        }
    }

    /** As when a bond moves a client to another of its links: nobody else can have what its session has. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatComesInAtAnotherWorkerIsOfItsTransparentSession(final boolean ipv6) {
        try (SeveralWorkers relay = relay(false)) {
            final byte[] frame = SeveralWorkers.fromClient(ipv6, 0, PORT, LISTEN);
            assertEquals(1, relay.pass(EDGE, 0, INNER, frame).size());
            assertEquals(1, relay.pass(EDGE, 2, INNER, frame).size());
            assertEquals(0, relay.dropped(DropReason.TUPLE_IN_USE));
            assertEquals(1, relay.total(WorkerCounter.SESSIONS));
        }
    }

    /** Whoever makes errors up costs one worker's time, and no room in the rings that legitimate replies need. */
    @Test
    void anErrorAboutNobodysFlowIsHandedToNobody() {
        try (SeveralWorkers relay = relay(true)) {
            final byte[] quoted = Frames.udp(
                    CLIENT_MAC, MAC[EDGE], EDGE_ADDRESS, LISTEN, SeveralWorkers.client4(1), PORT, 8);
            relay.pass(EDGE, 0, INNER, Frames.icmp(MAC[EDGE], CLIENT_MAC, SeveralWorkers.client4(2), EDGE_ADDRESS,
                    Icmp.UNREACHABLE, 3, 0, Frames.packet(quoted)));
            assertEquals(1, relay.dropped(DropReason.ICMP_UNRELATED));
            assertEquals(0, relay.total(WorkerCounter.HANDED_OFF));
        }
    }

    private static SeveralWorkers relay(final boolean snat) {
        return new SeveralWorkers(4, 100, NatBehavior.STRICT, snat);
    }
}
