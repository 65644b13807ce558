// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.CLIENT;
import static io.culvert.dataplane.worker.TestRelay.CLIENT_MAC;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.EDGE_ADDRESS;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static io.culvert.dataplane.worker.TestRelay.LISTEN;
import static io.culvert.dataplane.worker.TestRelay.MAC;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Random datagrams, cut anywhere, mixed, some pieces twice: put together behind the relay they are what was sent. */
@ExtendWith(Seeded.class)
class FragmentsProperties {
    private static final int ROUNDS = 50;
    private static final int DATAGRAMS = 12;
    private static final int LONGEST = 6_000;
    private static final int PIECE_UNITS = 185;
    private static final int PORT = 25_000;

    @TempDir
    private Path scratch;

    /** @param mtu of the way out: with the smaller one pieces are cut again */
    @ParameterizedTest
    @ValueSource(ints = {1_500, 576})
    @Tag("RFC4787-REQ-14")
    void whatComesInPiecesOfAnyKindLeavesWhole(final int mtu, final SplittableRandom random) {
        try (TestRelay relay = TestRelay.withNeighbors(scratch, 1_000, plan -> withMtu(plan, mtu))) {
            for (int round = 0; round < ROUNDS; round++) {
                final List<byte[]> datagrams = new ArrayList<>();
                final List<byte[]> pieces = new ArrayList<>();
                for (int i = 0; i < DATAGRAMS; i++) {
                    final byte[] whole = Frames.udp(MAC[EDGE], CLIENT_MAC, CLIENT, PORT + i, EDGE_ADDRESS, LISTEN,
                            1 + random.nextInt(LONGEST));
                    datagrams.add(Arrays.copyOfRange(whole, Ipv4.PAYLOAD + 8, whole.length));
                    cut(whole, i, random, pieces);
                }
                for (int twice = random.nextInt(5); twice > 0; twice--) {
                    pieces.add(pieces.get(random.nextInt(pieces.size())));
                }
                Collections.shuffle(pieces, new Random(random.nextLong()));
                assertWhole(datagrams, relayed(relay, pieces));
                relay.workForMs(2_200); // what came twice is forgotten
                relay.assertBalanced();
            }
        }
    }

    private static RelayPlan withMtu(final RelayPlan plan, final int mtu) {
        final Link inner = plan.links().get(INNER);
        final Link narrow = new Link(INNER, inner.name(), inner.mac(), mtu, inner.subnets(), inner.gateway(),
                Link.UNTAGGED);
        return new RelayPlan(List.of(plan.links().get(EDGE), narrow), plan.rules(), plan.pools(), plan.limits(),
                plan.workers());
    }

    private static void cut(final byte[] whole, final int id, final SplittableRandom random,
                            final List<byte[]> pieces) {
        final int end = whole.length - Ipv4.PAYLOAD;
        for (int from = 0; from < end;) {
            final int to = Math.min(end, from + 8 * (1 + random.nextInt(PIECE_UNITS)));
            final byte[] piece = Arrays.copyOf(whole, Ipv4.PAYLOAD + to - from);
            System.arraycopy(whole, Ipv4.PAYLOAD + from, piece, Ipv4.PAYLOAD, to - from);
            final MemorySegment header = MemorySegment.ofArray(piece);
            header.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(piece.length - Ethernet.HEADER_LENGTH));
            header.set(Wire.SHORT, Ipv4.ID, (short) id);
            header.set(Wire.SHORT, Ipv4.FRAGMENT, Wire.net16((to < end ? Ipv4.MORE_FRAGMENTS : 0) | from / 8));
            pieces.add(Frames.ttl(piece, 64));
            from = to;
        }
    }

    private static List<byte[]> relayed(final TestRelay relay, final List<byte[]> pieces) {
        final List<byte[]> relayed = new ArrayList<>();
        for (int from = 0; from < pieces.size(); from += Burst.CAPACITY / 2) {
            final int to = Math.min(pieces.size(), from + Burst.CAPACITY / 2);
            relayed.addAll(relay.pass(EDGE, INNER, pieces.subList(from, to).toArray(byte[][]::new)));
        }
        return relayed;
    }

    /** Every datagram is there once, and nothing else is complete. */
    private static void assertWhole(final List<byte[]> datagrams, final List<byte[]> relayed) {
        final Map<Integer, Integer> found = new HashMap<>();
        final Map<Short, List<byte[]>> byId = new HashMap<>();
        for (final byte[] frame : relayed) {
            final MemorySegment header = MemorySegment.ofArray(frame);
            assertTrue(Checksum.isIpv4HeaderRight(header), "IP header checksum");
            final int field = Wire.host16(header.get(Wire.SHORT, Ipv4.FRAGMENT));
            final List<byte[]> same = field == 0 ? new ArrayList<>()
                    : byId.computeIfAbsent(header.get(Wire.SHORT, Ipv4.ID), id -> new ArrayList<>());
            same.add(frame);
            final byte[] whole = together(same);
            if (whole.length > 0) {
                Frames.assertRight(whole);
                final int number = Frames.sourcePort(whole) - PORT;
                assertArrayEquals(datagrams.get(number),
                        Arrays.copyOfRange(whole, Ipv4.PAYLOAD + 8, whole.length), "datagram " + number);
                found.merge(number, 1, Integer::sum);
            }
        }
        assertEquals(datagrams.size(), found.size(), "datagrams that arrived whole");
    }

    /** The frame that these are fragments of; empty while some are missing. */
    private static byte[] together(final List<byte[]> fragments) {
        final BitSet come = new BitSet();
        byte[] whole = new byte[Ipv4.PAYLOAD + LONGEST + 16];
        int end = -1;
        for (final byte[] fragment : fragments) {
            final int field = Wire.host16(MemorySegment.ofArray(fragment).get(Wire.SHORT, Ipv4.FRAGMENT));
            final int from = (field & Ipv4.OFFSET_MASK) * 8;
            final int length = fragment.length - Ipv4.PAYLOAD;
            System.arraycopy(fragment, Ipv4.PAYLOAD, whole, Ipv4.PAYLOAD + from, length);
            come.set(from, from + length);
            end = (field & Ipv4.MORE_FRAGMENTS) == 0 ? from + length : end;
        }
        if (end < 0 || come.nextClearBit(0) < end) {
            return new byte[0];
        }
        System.arraycopy(fragments.getFirst(), 0, whole, 0, Ipv4.PAYLOAD);
        whole = Arrays.copyOf(whole, Ipv4.PAYLOAD + end);
        final MemorySegment header = MemorySegment.ofArray(whole);
        header.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(whole.length - Ethernet.HEADER_LENGTH));
        header.set(Wire.SHORT, Ipv4.FRAGMENT, (short) 0);
        return Frames.ttl(whole, 64);
    }
}
