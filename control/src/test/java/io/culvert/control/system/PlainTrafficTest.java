// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.UdpEnd.at;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.culvert.control.deploy.Script;
import io.culvert.control.system.UdpEnd.Datagram;
import io.culvert.dataplane.stats.DropReason;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a user of the relay does with sockets, between two networks over AF_XDP. */
class PlainTrafficTest {
    private static final String STRANGER = "198.51.100.66";

    @RegisterExtension
    private static final RelayLab LAB = RelayLab.twoArm(RelayLab.Driver.AF_XDP, """
            defaults: { snat: { address: 192.0.2.1, ports: 20000-65535 } }
            rules:
              - { name: echo, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
              - { name: range, listen: "198.51.100.1:7000-7099/udp", target: "192.0.2.2:8000-8099" }
              - { name: kept, listen: "198.51.100.1:7600/udp", target: "192.0.2.2:7600", snat: none }
              - { name: iperf, listen: "198.51.100.1:5201/udp", target: "192.0.2.2:5201" }
              - { name: guarded, listen: "198.51.100.1:7500/udp", target: "192.0.2.2:7500", sources: [198.51.100.2/32] }
            """);

    @Test
    void aClientAndAServerTalkAndTheServerSeesTheSnatAddress() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.connect(at(RelayLab.LISTENER, 7890));
            final Datagram request = client.talk(at(RelayLab.LISTENER, 7890), server);
            assertEquals(RelayLab.EXTERNAL, request.from().getHostString());
        }
    }

    @Test
    @Tag("RFC6888-REQ-12")
    @Tag("RFC6888-REQ-14")
    void whoTalksToWhomIsNotLogged() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7890)) {
            client.talk(at(RelayLab.LISTENER, 7890), server);
            assertFalse(LAB.relay().output().contains(RelayLab.CLIENT), LAB.relay().output());
            assertFalse(LAB.relay().output().contains(RelayLab.SERVER), LAB.relay().output());
        }
    }

    @Test
    void withoutSnatTheServerSeesTheClientItselfAndTheClientOnlyTheListener() {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7600)) {
            client.connect(at(RelayLab.LISTENER, 7600)); // the kernel lets in nothing but the listener's answers
            assertEquals(client.local(), client.talk(at(RelayLab.LISTENER, 7600), server).from());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 42, 99})
    void thePortsOfARangeReachTheirOwnTargets(final int offset) {
        try (UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 8000 + offset)) {
            client.connect(at(RelayLab.LISTENER, 7000 + offset));
            client.talk(at(RelayLab.LISTENER, 7000 + offset), server);
        }
    }

    @Test
    void aClientThatIsNotAllowedGetsNothingNotEvenAnIcmpError() {
        LAB.client().ip("addr replace " + STRANGER + "/24 dev " + RelayLab.CLIENT_LINK);
        final long refused = LAB.counters().dropped("edge", DropReason.ACL);
        final long unreachable = LAB.client().snmp("Icmp", "InDestUnreachs");
        try (UdpEnd stranger = UdpEnd.open(LAB.client(), STRANGER, 0);
                UdpEnd client = UdpEnd.open(LAB.client(), RelayLab.CLIENT, 0);
                UdpEnd server = UdpEnd.open(LAB.server(), RelayLab.SERVER, 7500)) {
            stranger.connect(at(RelayLab.LISTENER, 7500));
            for (int i = 0; i < 3; i++) {
                stranger.send("let me in", at(RelayLab.LISTENER, 7500));
            }
            Eventually.holds("three packets counted as acl",
                    () -> LAB.counters().dropped("edge", DropReason.ACL) == refused + 3);
            assertEquals("hello", client.talk(at(RelayLab.LISTENER, 7500), server).text());
            assertFalse(server.hasReceived(), "a packet of the stranger reached the server");
            assertFalse(stranger.hasReceived(), "the stranger was answered");
            assertEquals(unreachable, LAB.client().snmp("Icmp", "InDestUnreachs"));
        }
    }

    @Test
    void socatTalksToSocat() throws Exception {
        assumeInstalled("socat");
        final Script.Running server = LAB.server().start("socat", "UDP4-RECVFROM:7890",
                "SYSTEM:read line; echo $SOCAT_PEERADDR sent $line");
        try {
            LAB.server().awaitListener("udp", 7890);
            final String answer = RelayLab.EXTERNAL + " sent a line\n";
            assertEquals(answer, LAB.client().exec("sh", "-c", "echo a line | socat -t 10 - UDP4:"
                    + RelayLab.LISTENER + ":7890,readbytes=" + answer.length()));
        } finally {
            server.process().destroy();
            Script.finish(server);
        }
    }

    /** iperf3 controls its stream over TCP to the same address; that connection goes over a cable beside the relay. */
    @Test
    void aUdpStreamOfIperf3ArrivesWhole() throws Exception {
        assumeInstalled("iperf3");
        besideTheRelay();
        final Script.Running server = LAB.server().start("iperf3", "--server", "--one-off", "--json");
        try {
            LAB.server().awaitListener("tcp", 5201);
            final long overruns = LAB.server().snmp("Udp", "RcvbufErrors");
            final String report = LAB.client().exec("iperf3", "--client", RelayLab.LISTENER, "--udp", "--json",
                    "--bitrate", "10M", "--length", "800", "--bytes", "2M");
            final long sent = number(report, "sum_sent", "packets");
            assertTrue(sent * 800 >= 2 << 20, report);
            assertEquals(LAB.server().snmp("Udp", "RcvbufErrors") - overruns,
                    number(report, "sum_received", "lost_packets"), "lost other than by a slow iperf3: " + report);
            // One more each way: they greet each other before the stream. The end of it goes beside the relay and may
            // overtake the last packets, so what iperf3 says it received may be less.
            Eventually.holds(() -> "all of " + sent + " are relayed: " + report,
                    () -> LAB.counters().packets("iperf", "forward") == sent + 1);
            assertEquals(1, LAB.counters().packets("iperf", "reply"));
        } finally {
            server.process().destroy();
            Script.finish(server);
        }
    }

    private static void besideTheRelay() {
        Namespace.join(LAB.client(), "beside0", LAB.server(), "beside1");
        LAB.client().ip("addr add 203.0.113.2/24 dev beside0");
        LAB.server().ip("addr add 203.0.113.3/24 dev beside1");
        LAB.server().ip("addr add " + RelayLab.LISTENER + "/32 dev lo");
        LAB.client().ip("route add default via 203.0.113.3 src 203.0.113.2 table 100");
        LAB.client().ip("rule add ipproto tcp table 100");
    }

    private static long number(final String json, final String object, final String key) {
        final Matcher found = Pattern.compile(
                "\"" + object + "\":\\s*\\{[^}]*\"" + key + "\":\\s*(\\d+)").matcher(json);
        assertTrue(found.find(), json);
        return Long.parseLong(found.group(1));
    }

    private static void assumeInstalled(final String program) {
        assumeTrue(Stream.of(System.getenv("PATH").split(":")).anyMatch(directory ->
                Files.isExecutable(Path.of(directory, program))), program + " is not installed");
    }
}
