// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CyclicBarrier;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Who may use a session, what ports it gets, and when it ends; over TAP devices. */
class SessionsTest {
    private static final InetSocketAddress TALK = at(RelayLab.LISTENER, 7890);
    private static final InetSocketAddress BRIEF = at(RelayLab.LISTENER, 7891);
    private static final String OTHER_SERVER = "192.0.2.3";
    private static final int CLIENTS = 100;
    private static final int CLASHES = 50;

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.TAP, """
            rules:
              - name: talk
                listen: "198.51.100.1:7890/udp"
                target: "192.0.2.2:7890"
                snat: { address: 192.0.2.1, ports: 20000-65535 }
              - name: brief
                listen: "198.51.100.1:7891/udp"
                target: "192.0.2.2:7891"
                snat: { address: 192.0.2.1, ports: 10000-10001 }
                idleTimeout: 2s
            """);

    @Test
    @Tag("RFC4787-REQ-8")
    void nobodyButTheTargetReachesTheClientThroughItsSession() {
        LAB.server().ip("addr replace " + OTHER_SERVER + "/24 dev " + RelayLab.SERVER_LINK);
        final long strangers = LAB.counters().dropped("inner", DropReason.NO_SESSION);
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890);
                UdpEnd otherPort = UdpEnd.open(LAB.server(), RelayLab.SERVER, 0);
                UdpEnd otherAddress = UdpEnd.open(LAB.server(), OTHER_SERVER, 7890);
                UdpEnd otherBoth = UdpEnd.open(LAB.server(), OTHER_SERVER, 0)) {
            final List<UdpEnd> others = List.of(otherPort, otherAddress, otherBoth);
            // The pool prefers the client's own port, so that is where an attacker would knock first.
            final InetSocketAddress external = at(RelayLab.EXTERNAL, client.port());
            others.forEach(other -> other.send("before the session", external));
            Eventually.holds("three packets before the session counted as no_session",
                    () -> LAB.counters().dropped("inner", DropReason.NO_SESSION) == strangers + 3);

            assertEquals(external, client.talk(TALK, server).from());
            others.forEach(other -> other.send("into the session", external));
            Eventually.holds("three packets into the session counted as no_session",
                    () -> LAB.counters().dropped("inner", DropReason.NO_SESSION) == strangers + 6);
            assertFalse(client.hasReceived(), "a stranger reached the client");
            assertEquals(external, client.talk(TALK, server).from(), "the session is as it was");
        }
    }

    @Test
    @Tag("RFC4787-REQ-3")
    void clientsThatShareASourcePortGetExternalPortsOfTheirOwn() {
        final List<UdpEnd> clients = new ArrayList<>();
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            final Set<InetSocketAddress> seen = new HashSet<>();
            for (int i = 0; i < CLIENTS; i++) {
                final String address = "198.51.100." + (100 + i);
                LAB.client().ip("addr replace " + address + "/24 dev " + RelayLab.CLIENT_LINK);
                clients.add(UdpEnd.open(LAB.client(), address, 45_000));
                seen.add(clients.get(i).talk(TALK, server).from());
            }
            assertEquals(CLIENTS, seen.size(), "external endpoints: " + seen);
            for (final UdpEnd client : clients) {
                assertTrue(seen.contains(client.talk(TALK, server).from()), "an endpoint moved");
            }
        } finally {
            clients.forEach(UdpEnd::close);
        }
    }

    /** The server knows where the client will come from and sends there at the same moment. */
    @Test
    void bothEndsMaySendFirstAndThePortStaysTheClients() throws Exception {
        final CyclicBarrier start = new CyclicBarrier(2);
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            for (int i = 0; i < CLASHES; i++) {
                final int port = 46_000 + i;
                final Thread sender = Thread.ofPlatform().start(() -> {
                    await(start);
                    server.send("early", at(RelayLab.EXTERNAL, port));
                });
                try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, port)) {
                    await(start);
                    client.send("early", TALK);
                    sender.join();
                    final Datagram request = server.receive();
                    assertEquals(at(RelayLab.EXTERNAL, port), request.from());
                    server.send("late", request.from());
                    final Datagram first = client.receive();
                    assertEquals("late", first.text().equals("early") ? client.receive().text() : first.text());
                }
            }
        }
    }

    @Test
    @Tag("RFC4787-REQ-5b")
    void aSilentSessionEndsAndItsPortIsLentAgainWhileATalkingOneGoesOn() {
        try (UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7891);
                UdpEnd silent = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd talking = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd newcomer = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0)) {
            final InetSocketAddress itsPort = silent.talk(BRIEF, server).from();
            final InetSocketAddress talkingPort = talking.talk(BRIEF, server).from();
            assertTrue(LAB.relay().clients().containsAll(List.of(silent.local(), talking.local())));
            newcomer.send("no port is left for me", BRIEF);
            Eventually.holds("the newcomer is counted as snat_exhausted",
                    () -> LAB.counters().dropped("edge", DropReason.SNAT_EXHAUSTED) == 1);

            Eventually.holds("the silent session ends", () -> {
                assertEquals(talkingPort, talking.talk(BRIEF, server).from());
                return LAB.counters().ended("brief") == 1;
            });
            assertFalse(LAB.relay().clients().contains(silent.local()), "in the flow file");
            assertTrue(LAB.relay().clients().contains(talking.local()), "in the flow file");
            assertEquals(itsPort, newcomer.talk(BRIEF, server).from());
        }
    }

    private static void await(final CyclicBarrier barrier) {
        try {
            barrier.await();
        } catch (final Exception e) {
            throw new AssertionError(e);
        }
    }
}
