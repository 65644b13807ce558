// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.worker.FuzzFrames.Arrival;
import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Honest clients of a {@link FuzzNetwork} and their targets, of both families. They speak in datagrams that are whole
 * or in fragments, in order, and sign every eight bytes, so that what leaves of theirs is known wherever it ends up.
 */
final class Victims {
    static final int COUNT = 8;
    private static final int PORT = 41_000;
    private static final int SIGNATURE = 0x56_49_43_54;
    private static final int LONGEST_UNITS = 140;
    private static final int PIECE_UNITS = 100;

    private final SplittableRandom random;
    private int sequence;
    private int id;

    Victims(final SplittableRandom random) {
        this.random = random;
    }

    /** One packet of each client, or of each target, which answers when all sessions are open. */
    List<Arrival> greet(final int link) {
        return IntStream.range(0, COUNT).mapToObj(i -> new Arrival(link, whole(link, i, 4))).toList();
    }

    /** What they say in one round. */
    List<Arrival> speak() {
        final List<Arrival> said = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            for (final int link : new int[] {EDGE, INNER}) {
                final int kind = random.nextInt(8);
                if (kind < 4) {
                    said.add(new Arrival(link, whole(link, i, random.nextInt(1, LONGEST_UNITS))));
                } else if (kind == 4) {
                    said.addAll(inPieces(link, i));
                }
            }
        }
        return said;
    }

    private List<Arrival> inPieces(final int link, final int victim) {
        final int units = random.nextInt(2, 3 * PIECE_UNITS);
        final byte[] whole = whole(link, victim, units);
        final List<Arrival> pieces = new ArrayList<>();
        id++;
        for (int from = 0; from < units + 1; from += PIECE_UNITS) {
            final int to = Math.min(units + 1, from + PIECE_UNITS);
            pieces.add(new Arrival(link, UdpFrames.fragment(whole, id & 0xFFFF, from, to, to <= units, 64)));
        }
        return pieces;
    }

    private byte[] whole(final int link, final int victim, final int units) {
        final boolean isIpv4 = victim % 2 == 0;
        final Endpoint client = Adversaries.client(isIpv4, 20 + victim, PORT + 2 * victim);
        final ByteBuffer payload = ByteBuffer.allocate(8 * units);
        sequence++;
        while (payload.hasRemaining()) {
            payload.putInt(SIGNATURE).putInt(sequence);
        }
        return link == EDGE
                ? Adversaries.datagram(EDGE, client, Adversaries.listener(isIpv4, FuzzNetwork.LISTEN + victim),
                        payload.array())
                : Adversaries.datagram(INNER, Adversaries.target(isIpv4, FuzzNetwork.TARGET_PORT + victim),
                        Adversaries.external(isIpv4, PORT + 2 * victim), payload.array());
    }

    /** Whether a frame that left has a victim's words in it: its own, or those that an ICMP error quotes. */
    static boolean areSigned(final byte[] frame) {
        for (int at = frame.length - 8; at >= Math.max(0, frame.length - 24); at--) {
            if (ByteBuffer.wrap(frame).getInt(at) == SIGNATURE) {
                return true;
            }
        }
        return false;
    }

    /** Whether a datagram is addressed to a victim or claims to come from its external endpoint. */
    static boolean concerns(final int link, final byte[] frame) {
        final StrictPacket packet = StrictPacket.parse(frame);
        if (!packet.hasPorts()) {
            return false;
        }
        for (int i = 0; i < COUNT; i++) {
            final boolean isIpv4 = i % 2 == 0;
            final Endpoint ours = link == EDGE ? Adversaries.client(isIpv4, 20 + i, PORT + 2 * i)
                    : Adversaries.external(isIpv4, PORT + 2 * i);
            if (ours.equals(link == EDGE ? packet.destination() : packet.source())) {
                return true;
            }
        }
        return false;
    }

    /**
     * Frames of which nothing may depend on anybody else, sorted: the ids of fragments and of IPv4 packets that may be
     * cut, which the relay chooses, are taken out, after a look whether each datagram has one of its own.
     */
    static List<byte[]> comparable(final List<byte[]> frames) {
        final Map<Integer, Integer> idOfDatagram = new HashMap<>();
        final Map<Integer, Integer> datagramOfId = new HashMap<>();
        final List<byte[]> blanked = new ArrayList<>();
        for (final byte[] original : frames) {
            final byte[] frame = original.clone();
            final StrictPacket packet = StrictPacket.parse(frame);
            if (packet.isFragment()) {
                final ByteBuffer bytes = ByteBuffer.wrap(frame);
                final boolean isIpv4 = packet.etherType == StrictPacket.IPV4;
                final int ours = isIpv4 ? bytes.getShort(18) : bytes.getInt(packet.payload - 4);
                final int datagram = bytes.getInt(frame.length - 4);
                assertEquals(ours, idOfDatagram.computeIfAbsent(datagram, unknown -> ours), "one id for a datagram");
                assertEquals(datagram, datagramOfId.computeIfAbsent(ours, unknown -> datagram), "an id of its own");
                if (isIpv4) {
                    bytes.putShort(18, (short) 0).putShort(24, (short) 0);
                } else {
                    bytes.putInt(packet.payload - 4, 0);
                }
            } else if (packet.etherType == StrictPacket.IPV4 && (frame[20] & 0x40) == 0) {
                ByteBuffer.wrap(frame).putShort(18, (short) 0).putShort(24, (short) 0);
            }
            blanked.add(frame);
        }
        blanked.sort(Arrays::compare);
        return blanked;
    }
}
