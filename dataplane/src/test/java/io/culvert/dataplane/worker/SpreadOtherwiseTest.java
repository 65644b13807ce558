// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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

    /** Behind routers that choose one of two ways, and may choose the other at any time. */
    @ParameterizedTest
    @CsvSource({"false, false", "false, true", "true, false", "true, true"})
    void aStreamThatMovesToAnotherPortKeepsItsSession(final boolean ipv6, final boolean snat) {
        try (SeveralWorkers relay = new SeveralWorkers(4, 100, NatBehavior.STRICT, snat, true)) {
            final byte[] before = relay.pass(EDGE, 0, INNER, SeveralWorkers.fromAfar(ipv6, EDGE)).getFirst();
            final byte[] after = relay.pass(INNER, 2, INNER, SeveralWorkers.fromAfar(ipv6, INNER)).getFirst();
            assertEquals(SeveralWorkers.sourceOf(ipv6, before), SeveralWorkers.sourceOf(ipv6, after));
            assertEquals(1, relay.total(WorkerCounter.SESSIONS));
        }
    }

    /** Newcomers may be refused for want of room, and live sessions never pay for them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStreamThatMovesToAFullWorkersPortKeepsItsSession(final boolean snat) {
        try (SeveralWorkers relay = new SeveralWorkers(2, 1, NatBehavior.STRICT, snat, true)) {
            assertEquals(1, relay.pass(EDGE, 0, INNER, SeveralWorkers.fromAfar(false, EDGE)).size());
            assertEquals(1, relay.pass(EDGE, 1, INNER, SeveralWorkers.fromClient(false, 1, PORT, LISTEN)).size());
            assertEquals(1, relay.pass(INNER, 1, INNER, SeveralWorkers.fromAfar(false, INNER)).size());
            assertEquals(0, relay.dropped(DropReason.FLOW_TABLE_FULL));
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

    /** The port is a session's, which expects nothing from there. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anErrorAboutWhatNobodySentIsHandedToNobody(final boolean isOfTheSession) {
        try (SeveralWorkers relay = relay(true)) {
            final byte[] relayed =
                    relay.pass(EDGE, 0, INNER, SeveralWorkers.fromClient(false, 1, PORT, LISTEN)).getFirst();
            final int target = isOfTheSession ? TARGET : TARGET + (9 << 24);
            final byte[] quoted = Frames.udp(MAC[INNER], TARGET_MAC, Frames.source(relayed),
                    Frames.sourcePort(relayed), target, Frames.destinationPort(relayed), 8);
            relay.pass(INNER, 2, EDGE, Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, Frames.source(relayed),
                    Icmp.UNREACHABLE, 3, 0, Frames.packet(quoted)));
            assertEquals(isOfTheSession ? 1 : 0, relay.total(WorkerCounter.HANDED_OFF));
            assertEquals(isOfTheSession ? 1 : 0, relay.total(WorkerCounter.ICMP_TRANSLATED));
        }
    }

    /** The identifier says which worker's an echo is, and anybody can write one. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anErrorAboutAnEchoIsHandedToWhoAwaitsItsAnswer(final boolean isAwaited) {
        try (SeveralWorkers relay = relay(true)) {
            final byte[] ping = Frames.icmp(MAC[EDGE], CLIENT_MAC, SeveralWorkers.client4(1), EDGE_ADDRESS,
                    Icmp.ECHO_REQUEST, 0, 0x0007_0001, new byte[16]);
            final byte[] relayed = relay.pass(EDGE, 0, INNER, ping).getFirst();
            final byte[] quoted = Frames.packet(relayed);
            if (!isAwaited) {
                quoted[25] ^= 1; // another identifier of the same worker
            }
            relay.pass(INNER, 2, EDGE, Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, Frames.source(relayed),
                    Icmp.UNREACHABLE, 1, 0, quoted));
            assertEquals(isAwaited ? 1 : 0, relay.total(WorkerCounter.HANDED_OFF));
            assertEquals(isAwaited ? 1 : 0, relay.total(WorkerCounter.ICMP_TRANSLATED));
        }
    }

    private static SeveralWorkers relay(final boolean snat) {
        return new SeveralWorkers(4, 100, NatBehavior.STRICT, snat);
    }
}
