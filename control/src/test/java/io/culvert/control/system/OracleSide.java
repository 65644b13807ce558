// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;

/**
 * One of the two networks of {@link OracleLab}, as a scenario sees it: two ends, what the test sends from them, and
 * what the relay between sends to them.
 */
final class OracleSide {
    /** Where a scenario's packets come from and go to. */
    enum End { CLIENT, SERVER }

    private static final int MARKER_PORT = 65_000;
    private static final int ETHERNET_LENGTH = 14;
    private static final int SOURCE_MAC_AT = 6;
    private static final int ETHERTYPE_AT = 12;
    private static final short IPV4 = 0x0800;

    private final String name;
    private final RawLink[] links;
    /** Of the relay, at each end. */
    private final byte[][] relayMacs;
    private final List<String> transcript = new ArrayList<>();
    private int round;

    OracleSide(final String name, final RawLink client, final byte[] edgeMac, final RawLink server,
               final byte[] innerMac) {
        this.name = name;
        this.links = new RawLink[] {client, server};
        this.relayMacs = new byte[][] {edgeMac, innerMac};
    }

    /** @return what arrived, a line for each packet in its order: all at the client, then all at the server */
    List<String> play(final Consumer<OracleSide> scenario) {
        settle(); // next hops are known, and nothing of an earlier scenario is on its way
        transcript.clear();
        try {
            scenario.accept(this);
            settle();
        } catch (final AssertionError e) {
            throw new AssertionError("on the side of " + name + ", after " + transcript, e);
        }
        return transcript.stream().sorted((one, other) -> Boolean.compare(isAtServer(one), isAtServer(other)))
                .toList();
    }

    private static boolean isAtServer(final String line) {
        return line.startsWith(End.SERVER.name());
    }

    void send(final End from, final Ipv4Packet packet) {
        final RawLink link = links[from.ordinal()];
        final ByteBuffer frame = ByteBuffer.allocate(ETHERNET_LENGTH + packet.bytes().length);
        frame.put(relayMacs[from.ordinal()]).put(link.mac()).putShort(IPV4).put(packet.bytes());
        link.send(frame.array());
    }

    /** The next packet that the relay sends there; fails when there is none for a long time. */
    Ipv4Packet receive(final End at) {
        final byte[] frame = links[at.ordinal()].receive(received -> isOfRelay(received, at));
        final Ipv4Packet packet = Ipv4Packet.read(Arrays.copyOfRange(frame, ETHERNET_LENGTH, frame.length));
        if (!isMarker(packet)) {
            transcript.add(at + ": " + packet.tell(OracleLab.EXTERNAL));
        }
        return packet;
    }

    private boolean isOfRelay(final byte[] frame, final End at) {
        final byte[] source = Arrays.copyOfRange(frame, SOURCE_MAC_AT, ETHERTYPE_AT);
        return Arrays.equals(source, relayMacs[at.ordinal()]) && ByteBuffer.wrap(frame).getShort(ETHERTYPE_AT) == IPV4;
    }

    private static boolean isMarker(final Ipv4Packet packet) {
        return packet.protocol() == Ipv4Packet.UDP
                && (packet.toPort() == MARKER_PORT || packet.fromPort() == MARKER_PORT);
    }

    /**
     * Takes in all that the relay has sent by now. A marker passes to the server and back, then there once more: what
     * the relay did before it is before it on both links.
     */
    private void settle() {
        final byte[] text = ("round " + ++round).getBytes();
        final Ipv4Packet marker =
                Ipv4Packet.udp(OracleLab.CLIENT, MARKER_PORT, OracleLab.LISTENER, MARKER_PORT, text);
        send(End.CLIENT, marker);
        final Ipv4Packet there = awaitMarker(End.SERVER, text);
        send(End.SERVER, Ipv4Packet.udp(OracleLab.SERVER, MARKER_PORT, there.from(), there.fromPort(), text));
        awaitMarker(End.CLIENT, text);
        send(End.CLIENT, marker);
        awaitMarker(End.SERVER, text);
    }

    private Ipv4Packet awaitMarker(final End at, final byte[] text) {
        Ipv4Packet packet = receive(at);
        while (!isMarker(packet) || !Arrays.equals(packet.payload(), text)) {
            packet = receive(at);
        }
        return packet;
    }
}
