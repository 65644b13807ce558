// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.nat.ExternalPorts;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The arithmetic of {@code culvert sizing}: equal streams of UDP packets, relayed on two ports, with as much coming
 * back as goes out. A packet's size is its UDP payload; the bits per second of a stream are those of the payload.
 */
record Sizing(long streams, long bitsPerSecond, int payloadBytes, double nanosPerPacket) {
    private static final int UDP_AND_IP_HEADER_BYTES = 8 + 20;
    private static final int ETHERNET_HEADER_BYTES = 14;
    private static final int SHORTEST_FRAME_BYTES = 60;
    private static final int CHECK_SEQUENCE_BYTES = 4;
    /** Preamble, start of frame and the gap between two frames. */
    private static final int PREAMBLE_AND_GAP_BYTES = 20;
    /** A core that is busier than this has no reserve for bursts. */
    private static final double BUSY_RATIO_HIGHEST = 0.70;
    private static final int FLOWS_PER_SESSION = 2;
    /** 1024 to 65535. */
    private static final int SNAT_PORTS_PER_ADDRESS = 64_512;
    private static final int RX_RING_DESCRIPTORS = 4096;
    private static final double GIGA = 1e9;

    double packetsPerSecondPerDirection() {
        return streams * (double) bitsPerSecond / Byte.SIZE / payloadBytes;
    }

    double packetsPerSecond() {
        return 2 * packetsPerSecondPerDirection();
    }

    double payloadGigabitsPerSecondPerDirection() {
        return streams * (double) bitsPerSecond / GIGA;
    }

    double wireGigabitsPerSecondPerDirection() {
        return packetsPerSecondPerDirection() * wireBytesPerPacket() * Byte.SIZE / GIGA;
    }

    /** What a packet takes of the wire's time, padding of the shortest frames included. */
    int wireBytesPerPacket() {
        return Math.max(payloadBytes + UDP_AND_IP_HEADER_BYTES + ETHERNET_HEADER_BYTES, SHORTEST_FRAME_BYTES)
                + CHECK_SEQUENCE_BYTES + PREAMBLE_AND_GAP_BYTES;
    }

    /** Of one core's time, at the given cost. */
    double coresBusy() {
        return packetsPerSecond() * nanosPerPacket / GIGA;
    }

    long cores() {
        return Math.max(1, (long) Math.ceil(coresBusy() / BUSY_RATIO_HIGHEST));
    }

    long flows() {
        return streams * FLOWS_PER_SESSION;
    }

    /** Of one worker that has all sessions: index and both flows of each. */
    long flowTableBytes() {
        return FlowFile.bytesFor(Math.toIntExact(streams));
    }

    long snatAddresses() {
        return (streams + SNAT_PORTS_PER_ADDRESS - 1) / SNAT_PORTS_PER_ADDRESS;
    }

    /** Of all ports of those addresses, whether they are lent or not. */
    long snatBytes() {
        return snatAddresses() * SNAT_PORTS_PER_ADDRESS * ExternalPorts.BYTES_PER_PORT;
    }

    /** How long a core may pause until its receive queue, fed with an even share of one direction, runs over. */
    double rxRingMicros() {
        return RX_RING_DESCRIPTORS * 1e6 * cores() / packetsPerSecondPerDirection();
    }

    /** By JSON key, in reading order; a number is a Long or a Double. */
    Map<String, Number> figures() {
        final Map<String, Number> figures = new LinkedHashMap<>();
        figures.put("streams", streams);
        figures.put("bitsPerSecondPerStream", bitsPerSecond);
        figures.put("payloadBytesPerPacket", (long) payloadBytes);
        figures.put("wireBytesPerPacket", (long) wireBytesPerPacket());
        figures.put("packetsPerSecondPerDirection", Math.round(packetsPerSecondPerDirection()));
        figures.put("packetsPerSecond", Math.round(packetsPerSecond()));
        figures.put("payloadBitsPerSecondPerDirection", Math.round(payloadGigabitsPerSecondPerDirection() * GIGA));
        figures.put("wireBitsPerSecondPerDirection", Math.round(wireGigabitsPerSecondPerDirection() * GIGA));
        figures.put("nanosPerPacket", nanosPerPacket);
        figures.put("busyRatioHighest", BUSY_RATIO_HIGHEST);
        figures.put("coresBusy", coresBusy());
        figures.put("cores", cores());
        figures.put("flows", flows());
        figures.put("flowTableBytes", flowTableBytes());
        figures.put("snatPorts", streams);
        figures.put("snatPortsPerAddress", (long) SNAT_PORTS_PER_ADDRESS);
        figures.put("snatAddresses", snatAddresses());
        figures.put("snatBytes", snatBytes());
        figures.put("rxRingDescriptors", (long) RX_RING_DESCRIPTORS);
        figures.put("rxRingMicros", Math.round(rxRingMicros()));
        return figures;
    }
}
