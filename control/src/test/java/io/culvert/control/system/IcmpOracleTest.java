// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static io.culvert.control.system.Ipv4Packet.icmp;
import static io.culvert.control.system.Ipv4Packet.udp;
import static io.culvert.control.system.OracleLab.CLIENT;
import static io.culvert.control.system.OracleLab.EXTERNAL;
import static io.culvert.control.system.OracleLab.LISTENER;
import static io.culvert.control.system.OracleLab.SERVER;

import io.culvert.control.system.OracleSide.End;
import java.util.Arrays;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** ICMP errors about relayed packets: the kernel's NAT and Culvert do the same to them. */
class IcmpOracleTest {
    private static final byte[] PAYLOAD = "what it is about".getBytes();
    private static final int PORT = 7_890;
    private static final String ROUTER = "10.77.0.1";

    @RegisterExtension
    private static final OracleLab ORACLE = OracleLab.of("""
            defaults: { snat: { address: 192.0.2.1 } }
            rules:
              - { name: media, listen: "198.51.100.1:7890/udp", target: "192.0.2.2:7890" }
            """);

    @Test
    void bothRelayADatagramAndItsAnswer() {
        ORACLE.agree(side -> answer(side, open(side)));
    }

    @ParameterizedTest
    @CsvSource({"3,0", "3,1", "3,2", "3,3", "3,4", "3,9", "3,10", "3,13", "11,0", "11,1", "12,0", "12,2"})
    @Tag("RFC5508-REQ-4")
    void anErrorOfTheServerReachesTheClient(final int type, final int code) {
        ORACLE.agree(side -> {
            final Ipv4Packet relayed = open(side);
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, type, code, 0, relayed.quoted(8)));
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, type, code, 0, relayed.bytes()));
        });
    }

    @Test
    @Tag("RFC5508-REQ-4")
    void anErrorOfARouterBeyondReachesTheClient() {
        ORACLE.agreeBut(IcmpOracleTest::hidingTheRouter, side -> side.send(End.SERVER,
                icmp(ROUTER, EXTERNAL, 11, 0, 0, open(side).quoted(8))));
    }

    @ParameterizedTest
    @CsvSource({"3,1", "3,3", "3,13", "11,0", "12,0"})
    @Tag("RFC5508-REQ-5")
    void anErrorOfTheClientReachesTheServer(final int type, final int code) {
        ORACLE.agree(side -> {
            final Ipv4Packet relayed = answer(side, open(side));
            side.send(End.CLIENT, icmp(CLIENT, LISTENER, type, code, 0, relayed.bytes()));
        });
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 576, 1_280, 1_499})
    @Tag("RFC4787-REQ-13")
    void fragmentationNeededOfARouterBeyondTellsTheClientItsMtu(final int mtu) {
        ORACLE.agreeBut(IcmpOracleTest::hidingTheRouter, side -> {
            side.send(End.CLIENT, udp(CLIENT, 41_000, LISTENER, PORT, new byte[1_400]).dontFragment());
            side.send(End.SERVER, icmp(ROUTER, EXTERNAL, 3, 4, mtu, side.receive(End.SERVER).quoted(520)));
        });
    }

    @Test
    @Tag("RFC5508-REQ-3c")
    void theQuotedUdpChecksumIsNotVerified() {
        ORACLE.agree(side -> {
            final Ipv4Packet relayed = open(side);
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 3, 3, 0, relayed.spoil(26, 0x0101).bytes()));
        });
    }

    @Test
    @Tag("RFC5508-REQ-3")
    void anErrorWithAWrongChecksumIsDropped() {
        ORACLE.agree(side -> side.send(End.SERVER,
                icmp(SERVER, EXTERNAL, 3, 3, 0, open(side).quoted(8)).spoil(22, 0x0100)));
    }

    @Test
    @Tag("RFC5508-REQ-4")
    void anErrorAboutNoSessionIsDroppedInSilence() {
        ORACLE.agreeInSilence(side -> {
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 3, 3, 0,
                    udp(EXTERNAL, 50_505, SERVER, PORT, PAYLOAD).quoted(8)));
            side.send(End.CLIENT, icmp(CLIENT, LISTENER, 3, 3, 0, udp(LISTENER, PORT, CLIENT, 9, PAYLOAD).quoted(8)));
        });
    }

    @Test
    @Tag("RFC5508-REQ-4")
    void anErrorAddressedToAnotherThanTheSenderOfWhatItQuotesIsDropped() {
        ORACLE.agree(side -> side.send(End.SERVER, icmp(SERVER, LISTENER, 3, 3, 0, open(side).quoted(8))));
    }

    @ParameterizedTest
    @ValueSource(ints = {4, 8, 12, 20, 21, 24, 27})
    void anErrorThatQuotesTooLittleIsDropped(final int bytes) {
        ORACLE.agree(side -> side.send(End.SERVER,
                icmp(SERVER, EXTERNAL, 3, 3, 0, Arrays.copyOf(open(side).bytes(), bytes))));
    }

    @Test
    @Tag("RFC5508-REQ-6")
    @Tag("RFC7857-7.1")
    void theSessionGoesOnAfterErrorsFromBothEnds() {
        ORACLE.agree(side -> {
            final Ipv4Packet there = open(side);
            side.send(End.SERVER, icmp(SERVER, EXTERNAL, 3, 3, 0, there.quoted(8)));
            side.receive(End.CLIENT);
            final Ipv4Packet back = answer(side, there);
            side.send(End.CLIENT, icmp(CLIENT, LISTENER, 3, 3, 0, back.quoted(8)));
            side.receive(End.SERVER);
            answer(side, open(side));
        });
    }

    /** The kernel passes a router off as the listener; Culvert keeps its address, as the RFC says, for traceroute. */
    private static String hidingTheRouter(final String line) {
        return line.replace(" " + ROUTER + " > ", " " + LISTENER + " > ");
    }

    /** The client speaks. @return what arrives at the server */
    private static Ipv4Packet open(final OracleSide side) {
        side.send(End.CLIENT, udp(CLIENT, 41_000, LISTENER, PORT, PAYLOAD));
        return side.receive(End.SERVER);
    }

    /** The server answers. @return what arrives at the client */
    private static Ipv4Packet answer(final OracleSide side, final Ipv4Packet received) {
        side.send(End.SERVER, udp(SERVER, PORT, received.from(), received.fromPort(), PAYLOAD));
        return side.receive(End.CLIENT);
    }
}
