// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.culvert.control.Failure;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.stats.WorkerCounters;
import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.IntStream;

/**
 * Before two walkers are timed: do they do the same? The same packets go through both; what they send must be equal
 * byte for byte with checksums right, what they count must be equal, and nothing may be lost.
 */
final class Comparison {
    private static final int PACKETS = 8_192;

    private final Bed bed;
    private final Course course;
    private final int burst;

    /** What one walker made of the packets: sent by link, and counted in its counters and in the flows. */
    private record Outcome(List<MemorySegment> sent, long[] counted, long flowPackets, long flowBytes) { }

    Comparison(final Bed bed, final Course course, final int burst) {
        this.bed = bed;
        this.course = course;
        this.burst = burst;
    }

    /** @throws Failure that names the first difference */
    void run(final Walker java, final Walker c) {
        try (Arena arena = Arena.ofConfined()) {
            final Outcome ofJava = walk(java, arena);
            final Outcome ofC = walk(c, arena);
            for (int link = 0; link < Bed.LINKS; link++) {
                compare(link, ofJava.sent().get(link), ofC.sent().get(link));
            }
            final List<String> series = java.counters().catalog().series();
            for (int counter = 0; counter < series.size(); counter++) {
                if (ofJava.counted()[counter] != ofC.counted()[counter]) {
                    throw refuse("Java counts " + ofJava.counted()[counter] + " and C " + ofC.counted()[counter]
                            + " in " + series.get(counter));
                }
            }
            if (ofJava.flowPackets() != ofC.flowPackets() || ofJava.flowBytes() != ofC.flowBytes()) {
                throw refuse("Java counts " + ofJava.flowPackets() + " packets and " + ofJava.flowBytes()
                        + " bytes in the flows, C " + ofC.flowPackets() + " and " + ofC.flowBytes());
            }
        }
        bed.rewind(0, Long.MAX_VALUE);
    }

    private Outcome walk(final Walker walker, final Arena arena) {
        final long packets = Math.min(PACKETS, bed.sessions()) / burst * (long) burst;
        final List<Stream> streams = bed.streams(0);
        final List<MemorySegment> captures = new ArrayList<>();
        for (final Stream stream : streams) {
            captures.add(arena.allocate(packets * Stream.CAPTURE_LENGTH, Long.BYTES));
            stream.capture(captures.getLast(), packets);
        }
        bed.rewind(0, packets);
        final long[] before = counts(walker.counters());
        final long packetsBefore = inFlows(FlowEntry::packets);
        final long bytesBefore = inFlows(FlowEntry::bytes);
        walker.run(packets / burst);
        final long[] counted = counts(walker.counters());
        for (int counter = 0; counter < counted.length; counter++) {
            counted[counter] -= before[counter];
        }
        final long flowPackets = inFlows(FlowEntry::packets) - packetsBefore;
        final long flowBytes = inFlows(FlowEntry::bytes) - bytesBefore;
        check(walker, packets);
        final List<MemorySegment> sent = new ArrayList<>();
        for (int link = 0; link < Bed.LINKS; link++) {
            final long length = streams.get(link).captured() * Stream.CAPTURE_LENGTH;
            sent.add(captures.get(link).asSlice(0, length));
            streams.get(link).capture(MemorySegment.NULL, 0);
        }
        course.end(walker);
        return new Outcome(sent, counted, flowPackets, flowBytes);
    }

    /** Nothing is lost: as many leave as the mix lets through, and the ledger balances. */
    private void check(final Walker walker, final long packets) {
        final Stream edge = bed.streams(0).get(Bed.EDGE);
        final Stream inner = bed.streams(0).get(Bed.INNER);
        final long back = bed.mix() == Mix.NEW ? 0 : packets;
        final long outInner = bed.mix() == Mix.DROP ? 0 : packets;
        final long outEdge = bed.mix() == Mix.DROP ? 0 : back;
        if (edge.received() != packets || inner.received() != back || inner.sent() != outInner
                || edge.sent() != outEdge) {
            throw refuse("of " + packets + " and " + back + " packets " + edge.received() + " and " + inner.received()
                    + " were received, " + inner.sent() + " and " + edge.sent() + " sent");
        }
        if (walker.counters().imbalance() != 0) {
            throw refuse(walker.counters().imbalance() + " packets are unaccounted for in the ledger");
        }
    }

    /** Over all flows of the table that both walk; in the mix of new sessions each has a table of its own. */
    private long inFlows(final ToLongFunction<MemorySegment> counter) {
        if (bed.mix() == Mix.NEW) {
            return 0;
        }
        final FlowFile flows = bed.relay().flowFiles().getFirst();
        return IntStream.range(0, 2 * bed.sessions()).mapToLong(slot -> counter.applyAsLong(flows.entry(slot))).sum();
    }

    private static long[] counts(final WorkerCounters counters) {
        final long[] counts = new long[counters.catalog().series().size()];
        for (int counter = 0; counter < counts.length; counter++) {
            counts[counter] = counters.get(counter);
        }
        return counts;
    }

    private void compare(final int link, final MemorySegment java, final MemorySegment c) {
        for (final MemorySegment sent : List.of(java, c)) {
            for (long at = 0; at < sent.byteSize(); at += Stream.CAPTURE_LENGTH) {
                checkChecksums(link, sent.asSlice(at, Stream.CAPTURE_LENGTH));
            }
        }
        if (bed.mix() == Mix.NEW) {
            // Which external port a session gets is left to chance.
            eraseExternalPorts(java);
            eraseExternalPorts(c);
        }
        eraseOwnIds(java);
        eraseOwnIds(c);
        final long at = java.mismatch(c);
        if (at >= 0) {
            throw refuse("packet " + at / Stream.CAPTURE_LENGTH + " out of link " + link + " differs at byte "
                    + at % Stream.CAPTURE_LENGTH);
        }
    }

    private static void eraseExternalPorts(final MemorySegment sent) {
        for (long at = 0; at < sent.byteSize(); at += Stream.CAPTURE_LENGTH) {
            sent.set(Wire.SHORT, at + Udp.PORTS, (short) 0);
            sent.set(Wire.SHORT, at + Udp.CHECKSUM, (short) 0);
        }
    }

    /** Each walker's ids of datagrams without DF are a secret of its own; their checksums were checked with them. */
    private static void eraseOwnIds(final MemorySegment sent) {
        for (long at = 0; at < sent.byteSize(); at += Stream.CAPTURE_LENGTH) {
            if ((sent.get(Wire.SHORT, at + Ipv4.FRAGMENT) & Ipv4.DONT_FRAGMENT) == 0) {
                sent.set(Wire.SHORT, at + Ipv4.ID, (short) 0);
                sent.set(Wire.SHORT, at + Ipv4.CHECKSUM, (short) 0);
            }
        }
    }

    /** Computed anew over the headers and the payload that every packet has. */
    private void checkChecksums(final int link, final MemorySegment packet) {
        final int length = packet.get(JAVA_INT, Headers.LENGTH);
        final int ipLength = Wire.host16(packet.get(Wire.SHORT, Ipv4.TOTAL_LENGTH));
        int sum = bed.payload().sum();
        if (packet.get(JAVA_BYTE, Ipv4.PROTOCOL) == Ipv4.UDP) {
            final int udpLength = packet.get(Wire.SHORT, Udp.LENGTH) & 0xFFFF;
            sum = Checksum.delta(sum, -1, udpLength | Wire.net16(Ipv4.UDP) << Short.SIZE);
            sum = Checksum.delta(sum, -1, Checksum.sum(packet, Ipv4.SOURCE, 2 * Integer.BYTES));
            sum = Checksum.delta(sum, -1, Checksum.sum(packet, Udp.PORTS, Udp.HEADER_LENGTH));
        } else {
            sum = Checksum.delta(sum, -1, Checksum.sum(packet, Icmp.TYPE, Icmp.HEADER_LENGTH));
        }
        if (length != bed.payload().frameLength() || ipLength + Ethernet.HEADER_LENGTH != length
                || !Checksum.isIpv4HeaderRight(packet) || sum != 0xFFFF) {
            throw refuse("a packet out of link " + link + " has a wrong length or checksum");
        }
    }

    private static Failure refuse(final String why) {
        return new Failure(Failure.FAILED, "no figures, because the walks do not do the same: " + why
                + ". Fix: bring native/bench and dataplane/worker together again");
    }
}
