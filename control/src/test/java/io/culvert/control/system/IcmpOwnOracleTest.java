// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.Ipv4Packet.icmp;
import static io.culvert.control.system.Ipv4Packet.udp;
import static io.culvert.control.system.OracleLab.CLIENT;
import static io.culvert.control.system.OracleLab.EXTERNAL;
import static io.culvert.control.system.OracleLab.LISTENER;
import static io.culvert.control.system.OracleLab.SERVER;

import io.culvert.control.system.OracleSide.End;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** ICMP that the relay sends of itself, and echoes that a rule relays: the kernel and Culvert say the same. */
class IcmpOwnOracleTest {
    private static final byte[] PAYLOAD = "what it is about".getBytes();
    private static final int PORT = 7_890;
    private static final int MTU = 1_280;
    private static final int TOO_LONG = MTU - 27;
    /** Identifier 42, sequence 7. */
    private static final int QUERY = 42 << Short.SIZE | 7;

    @RegisterExtension
    private static final OracleLab ORACLE = OracleLab.of("""
            defaults: { snat: { address: 192.0.2.1 } }
            icmp: { ratePerSecond: 100000 }
            rules:
              - { name: media, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890", echo: relay }
            """).withInnerMtu(MTU);

    @Test
    @Tag("RFC5508-REQ-10")
    void aDatagramWhoseTimeRunsOutIsToldToTheClient() {
        ORACLE.agreeBut(IcmpOwnOracleTest::fragmentable, side ->
                side.send(End.CLIENT, udp(CLIENT, 41_000, LISTENER, PORT, PAYLOAD).ttl(1)));
    }

    @Test
    @Tag("RFC5508-REQ-10")
    void anAnswerWhoseTimeRunsOutIsToldToTheServer() {
        ORACLE.agreeBut(IcmpOwnOracleTest::fragmentable, side -> {
            side.send(End.CLIENT, udp(CLIENT, 41_001, LISTENER, PORT, PAYLOAD));
            final Ipv4Packet relayed = side.receive(End.SERVER);
            side.send(End.SERVER, udp(SERVER, PORT, relayed.from(), relayed.fromPort(), PAYLOAD).ttl(1));
        });
    }

    @Test
    void asMuchIsQuotedAsFitsIntoTheSmallestDatagramThatAllMustTake() {
        ORACLE.agreeBut(IcmpOwnOracleTest::fragmentable, side ->
                side.send(End.CLIENT, udp(CLIENT, 41_002, LISTENER, PORT, new byte[1_200]).ttl(1)));
    }

    @Test
    @Tag("RFC4787-REQ-13")
    void aDatagramThatIsTooLongAndMustNotBeFragmentedIsToldToTheClient() {
        ORACLE.agreeBut(IcmpOwnOracleTest::fragmentable, side -> {
            side.send(End.CLIENT, udp(CLIENT, 41_003, LISTENER, PORT, PAYLOAD));
            side.receive(End.SERVER);
            side.send(End.CLIENT, udp(CLIENT, 41_003, LISTENER, PORT, new byte[TOO_LONG]).dontFragment());
        });
    }

    @Test
    void aDatagramAsLongAsTheMtuPasses() {
        ORACLE.agree(side ->
                side.send(End.CLIENT, udp(CLIENT, 41_004, LISTENER, PORT, new byte[TOO_LONG - 1]).dontFragment()));
    }

    @Test
    @Tag("RFC5508-REQ-6")
    void nobodyIsToldThatAnErrorsTimeRunsOut() {
        ORACLE.agree(side -> {
            side.send(End.CLIENT, udp(CLIENT, 41_005, LISTENER, PORT, PAYLOAD));
            final Ipv4Packet relayed = side.receive(End.SERVER);
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 3, 3, 0, relayed.bytes()).ttl(1));
        });
    }

    @Test
    @Tag("RFC5508-REQ-1")
    void anEchoIsRelayedAndItsReplyComesBack() {
        ORACLE.agree(side -> {
            side.send(End.CLIENT, icmp(CLIENT, LISTENER, 8, 0, QUERY, PAYLOAD));
            final int id = side.receive(End.SERVER).echoId();
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 0, 0, id << Short.SIZE | 7, PAYLOAD));
        });
    }

    @Test
    void anErrorAboutARelayedEchoReachesTheClient() {
        ORACLE.agree(side -> {
            side.send(End.CLIENT, icmp(CLIENT, LISTENER, 8, 0, QUERY, PAYLOAD));
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 3, 1, 0, side.receive(End.SERVER).bytes()));
        });
    }

    @Test
    void anEchoReplyThatNobodyAskedForIsDropped() {
        ORACLE.agreeInSilence(side -> side.send(End.SERVER, icmp(SERVER, EXTERNAL, 0, 0, 0x7777_0001, PAYLOAD)));
    }

    /** The kernel lets its errors be fragmented, with an id of their own; ours are atomic and have none (RFC 6864). */
    private static String fragmentable(final String line) {
        return line.replaceFirst("(: icmp [0-9/]+ [0-9.]+ > [0-9.]+) df ", "$1 ");
    }
}
