// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Icmp;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Udp;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The first cache line of each packet that a stream hands out, in the order of arrival, checksums right. */
final class Headers {
    static final int LENGTH = 64;
    static final int PAYLOAD = Udp.END;

    private static final int TTL = 64;

    private final MemorySegment segment;
    private final long count;
    private final MemorySegment template;
    private final int payloadSum;

    /**
     * @param source and {@code destination}: MAC addresses of every packet
     * @param mayFragment false for packets with DF, as Linux sends them from UDP sockets
     */
    Headers(final long count, final Payload payload, final long destination, final long source,
            final boolean mayFragment, final Arena arena) {
        this.count = count;
        this.segment = arena.allocate(count * LENGTH, LENGTH);
        this.template = arena.allocate(Math.max(payload.frameLength(), LENGTH), LENGTH);
        payload.write(template);
        payloadSum = payload.sum();
        final int udpLength = Udp.HEADER_LENGTH + payload.length();
        Ethernet.setAddresses(template, destination, source);
        template.set(Wire.SHORT, Ethernet.ETHERTYPE, Ethernet.IPV4);
        template.set(JAVA_BYTE, Ipv4.VERSION_IHL, (byte) Ipv4.VERSION_4_NO_OPTIONS);
        template.set(Wire.SHORT, Ipv4.TOTAL_LENGTH, Wire.net16(Ipv4.HEADER_LENGTH + udpLength));
        template.set(Wire.SHORT, Ipv4.FRAGMENT, mayFragment ? 0 : (short) Ipv4.DONT_FRAGMENT);
        template.set(JAVA_BYTE, Ipv4.TTL, (byte) TTL);
        template.set(Wire.SHORT, Udp.LENGTH, Wire.net16(udpLength));
    }

    /**
     * Makes the {@code i}th packet to arrive a UDP one.
     *
     * @param addresses source and destination
     * @param ports source and destination, as they lie in the packet
     */
    void udp(final long i, final long addresses, final int ports) {
        final MemorySegment header = ipv4(i, addresses, Ipv4.UDP);
        header.set(Wire.INT, Udp.PORTS, ports);
        final int udpLength = Short.toUnsignedInt(header.get(Wire.SHORT, Udp.LENGTH));
        int sum = Checksum.delta(payloadSum, -1, (int) addresses);
        sum = Checksum.delta(sum, -1, (int) (addresses >>> Integer.SIZE));
        sum = Checksum.delta(sum, -1, ports);
        sum = Checksum.delta(sum, -1, udpLength | Wire.net16(Ipv4.UDP) << Short.SIZE);
        sum = Checksum.delta(sum, -1, udpLength);
        final int checksum = ~sum & 0xFFFF;
        header.set(Wire.SHORT, Udp.CHECKSUM, (short) (checksum == 0 ? 0xFFFF : checksum));
    }

    /** Makes the {@code i}th packet to arrive an echo request. @param addresses source and destination */
    void echo(final long i, final long addresses, final int identifier) {
        final MemorySegment header = ipv4(i, addresses, Ipv4.ICMP);
        header.set(Wire.INT, Icmp.TYPE, Icmp.ECHO_REQUEST);
        header.set(Wire.INT, Icmp.CHECKSUM + Short.BYTES, identifier);
        final int sum = Checksum.delta(Checksum.delta(payloadSum, -1, Icmp.ECHO_REQUEST), -1, identifier);
        header.set(Wire.SHORT, Icmp.CHECKSUM, (short) ~sum);
    }

    /** Addresses the {@code i}th packet to another station. */
    void misdirect(final long i) {
        final MemorySegment header = segment.asSlice(i * LENGTH, LENGTH);
        final int at = Ethernet.DESTINATION + Short.BYTES;
        header.set(Wire.INT, at, ~header.get(Wire.INT, at));
    }

    private MemorySegment ipv4(final long i, final long addresses, final int protocol) {
        final MemorySegment header = segment.asSlice(i * LENGTH, LENGTH);
        header.copyFrom(template.asSlice(0, LENGTH));
        header.set(JAVA_BYTE, Ipv4.PROTOCOL, (byte) protocol);
        header.set(Wire.LONG, Ipv4.SOURCE, addresses);
        header.set(Wire.SHORT, Ipv4.CHECKSUM, (short) ~Checksum.sum(header, Ipv4.VERSION_IHL, Ipv4.HEADER_LENGTH));
        return header;
    }

    MemorySegment segment() {
        return segment;
    }

    long count() {
        return count;
    }
}
