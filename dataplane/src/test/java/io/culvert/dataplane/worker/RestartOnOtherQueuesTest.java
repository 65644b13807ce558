// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.SeveralWorkers.CLIENTS;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.INNER_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static io.culvert.dataplane.worker.TestRelay.TARGET;
import static io.culvert.dataplane.worker.TestRelay.TARGET_MAC;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.nat.Filtering;
import io.culvert.dataplane.nat.Mapping;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.stats.DropReason;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The NIC of the next process may spread packets over the workers in another way than that of the process before:
 * sessions are found where they live, whichever queue their packets come in on.
 */
class RestartOnOtherQueuesTest {
    private static final int PORT = 25_000;
    private static final int SESSIONS = 100;
    private static final NatBehavior SHARED =
            new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT, false);
    private static final NatBehavior PAIRS =
            new NatBehavior(Mapping.ENDPOINT_INDEPENDENT, Filtering.ADDRESS_AND_PORT, true);

    static Stream<Arguments> cases() {
        return Stream.of(2, 3).flatMap(workers -> Stream.of(false, true).flatMap(ipv6 -> Stream.of(
                Arguments.of(workers, ipv6, NatBehavior.STRICT, true),
                Arguments.of(workers, ipv6, NatBehavior.STRICT, false),
                Arguments.of(workers, ipv6, SHARED, true),
                Arguments.of(workers, ipv6, PAIRS, true))));
    }

    @ParameterizedTest(name = "{0} workers, IPv6 {1}, {2}, SNAT {3}")
    @MethodSource("cases")
    void everyClientKeepsItsExternalEndpoint(final int workers, final boolean ipv6, final NatBehavior behavior,
                                             final boolean snat) {
        try (SeveralWorkers relay = new SeveralWorkers(workers, SESSIONS, behavior, snat)) {
            final String[] before = new String[CLIENTS];
            for (int client = 0; client < CLIENTS; client++) {
                before[client] = exchange(relay, ipv6, client, client % workers, client / workers % workers);
            }
            assertEquals(CLIENTS, relay.restart());
            for (int further = 1; further < workers; further++) {
                for (int client = 0; client < CLIENTS; client++) {
                    assertEquals(before[client],
                            exchange(relay, ipv6, client, (client + further) % workers, client / workers % workers),
                            "client " + client + ", " + further + " queues further");
                }
            }
            assertEquals(CLIENTS, relay.total(WorkerCounter.SESSIONS), "no session beside those that were kept");
        }
    }

    /** Has a client's packet relayed and answered. @return the endpoint that the target saw */
    private static String exchange(final SeveralWorkers relay, final boolean ipv6, final int client, final int queue,
                                   final int replyQueue) {
        final byte[] there = relay.pass(EDGE, queue, INNER,
                SeveralWorkers.fromClient(ipv6, client, PORT + client, LISTEN)).getFirst();
        final byte[] back = relay.pass(INNER, replyQueue, EDGE, SeveralWorkers.answerTo(ipv6, there)).getFirst();
        final int portAt = (ipv6 ? Ipv6.PAYLOAD : Ipv4.PAYLOAD) + 2;
        assertEquals(PORT + client, Wire.host16(MemorySegment.ofArray(back).get(Wire.SHORT, portAt)));
        return SeveralWorkers.sourceOf(ipv6, there);
    }

    /** Fragments gather where addresses and id hash to, and their first opens the session there. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void aSessionThatAFragmentOpenedIsFoundToo(final int workers) {
        try (SeveralWorkers relay = new SeveralWorkers(workers, SESSIONS, NatBehavior.STRICT, true)) {
            final String[] before = new String[CLIENTS];
            for (int client = 0; client < CLIENTS; client++) {
                before[client] = SeveralWorkers.sourceOf(false,
                        relay.pass(EDGE, 0, INNER, firstFragment(client)).getFirst());
            }
            assertEquals(CLIENTS, relay.restart());
            for (int client = 0; client < CLIENTS; client++) {
                assertEquals(before[client], exchange(relay, false, client, 0, 0), "client " + client);
            }
            assertEquals(CLIENTS, relay.total(WorkerCounter.SESSIONS));
        }
    }

    private static byte[] firstFragment(final int client) {
        final byte[] whole = SeveralWorkers.fromClient(false, client, PORT + client, LISTEN);
        final byte[] frame = Arrays.copyOf(whole, Ipv4.PAYLOAD + 64);
        final MemorySegment header = MemorySegment.ofArray(frame);
        header.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(frame.length - Ethernet.HEADER_LENGTH));
        header.set(Wire.SHORT, Ipv4.ID, (short) (client + 1));
        header.set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16(Ipv4.MORE_FRAGMENTS));
        return Frames.ttl(frame, 64);
    }

    /** What belongs to another worker needs no place here. */
    @Test
    void aClientIsFoundAlsoByAWorkerWhoseTableIsFull() {
        final int sessions = 8;
        try (SeveralWorkers relay = new SeveralWorkers(2, sessions, NatBehavior.STRICT, true)) {
            final String before = exchange(relay, true, 0, 1, 1);
            for (int client = 1; client <= sessions; client++) {
                exchange(relay, true, client, 0, 0);
            }
            assertEquals(sessions + 1, relay.restart());
            assertEquals(0, relay.pass(EDGE, 0, INNER,
                    SeveralWorkers.fromClient(true, CLIENTS - 1, PORT, LISTEN)).size(), "no room for another");
            assertEquals(1, relay.dropped(DropReason.FLOW_TABLE_FULL));
            assertEquals(before, exchange(relay, true, 0, 0, 0));
        }
    }

    /** Relayed queries are forgotten, and asked again. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void pingGoesOnOnAnyQueue(final int workers) {
        try (SeveralWorkers relay = new SeveralWorkers(workers, SESSIONS, NatBehavior.STRICT, true)) {
            for (int queue = 0; queue < workers; queue++) {
                final byte[] request = Frames.icmp(MAC[EDGE], CLIENT_MAC, TestRelay.CLIENT, EDGE_ADDRESS,
                        Icmp.ECHO_REQUEST, 0, 0x0100_0700, new byte[32]);
                final byte[] there = relay.pass(EDGE, queue, INNER, request).getFirst();
                final byte[] reply = Frames.icmp(MAC[INNER], TARGET_MAC, TARGET, INNER_ADDRESS, Icmp.ECHO_REPLY, 0,
                        MemorySegment.ofArray(there).get(Wire.INT, Icmp.IDENTIFIER), new byte[32]);
                for (int replyQueue = 0; replyQueue < workers; replyQueue++) {
                    assertEquals(1, relay.pass(INNER, replyQueue, EDGE, reply).size());
                }
                relay.restart();
            }
        }
    }

    /** Looking elsewhere ends with the last session that may live elsewhere. */
    @Test
    void onceTheKeptSessionsHaveEndedNobodyLooksElsewhere() {
        try (SeveralWorkers relay = new SeveralWorkers(2, SESSIONS, NatBehavior.STRICT, true)) {
            exchange(relay, false, 0, 0, 1);
            exchange(relay, true, 1, 1, 0);
            relay.restart();
            assertFalse(relay.handoff.strays().isEmpty());
            relay.workForMs(TestRelay.IDLE_MS + 2_000);
            assertEquals(0, relay.total(WorkerCounter.SESSIONS));
            assertTrue(relay.handoff.strays().isEmpty());
        }
    }
}
