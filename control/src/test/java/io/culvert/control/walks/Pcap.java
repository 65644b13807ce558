// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * Classic little-endian pcap files of whole Ethernet frames: what a golden case is made of. Times carry no meaning
 * here: written as zero, and skipped on reading, because net_pcap writes nanoseconds where others write microseconds.
 */
final class Pcap {
    private static final int MAGIC_MICROSECONDS = 0xA1B2C3D4;
    private static final int MAGIC_NANOSECONDS = 0xA1B23C4D;
    private static final int ETHERNET = 1;
    private static final int SNAP_LENGTH = 65_535;
    private static final int FILE_HEADER_LENGTH = 24;
    private static final int RECORD_HEADER_LENGTH = 16;

    private Pcap() { }

    /** The frames of a file, in order; none if there is no such file. */
    static List<byte[]> read(final Path file) throws IOException {
        final ByteBuffer bytes;
        try {
            bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        } catch (final NoSuchFileException absent) {
            return List.of();
        }
        require(bytes.remaining() >= FILE_HEADER_LENGTH, file, "shorter than a pcap header");
        final int magic = bytes.getInt(0);
        require(magic == MAGIC_MICROSECONDS || magic == MAGIC_NANOSECONDS, file, "not a little-endian pcap");
        require(bytes.getInt(20) == ETHERNET, file, "not of Ethernet frames");
        bytes.position(FILE_HEADER_LENGTH);

        final List<byte[]> frames = new ArrayList<>();
        while (bytes.hasRemaining()) {
            require(bytes.remaining() >= RECORD_HEADER_LENGTH, file, "cut inside a record header");
            final int captured = bytes.position(bytes.position() + 8).getInt();
            final int original = bytes.getInt();
            require(captured == original, file, "frame " + frames.size() + " is not captured whole");
            require(captured >= 0 && captured <= bytes.remaining(), file, "cut inside frame " + frames.size());
            final byte[] frame = new byte[captured];
            bytes.get(frame);
            frames.add(frame);
        }
        return frames;
    }

    static void write(final Path file, final List<byte[]> frames) throws IOException {
        final int length = frames.stream().mapToInt(frame -> RECORD_HEADER_LENGTH + frame.length).sum();
        final ByteBuffer bytes = ByteBuffer.allocate(FILE_HEADER_LENGTH + length).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(MAGIC_MICROSECONDS).putShort((short) 2).putShort((short) 4);
        bytes.putInt(0).putInt(0).putInt(SNAP_LENGTH).putInt(ETHERNET);
        for (final byte[] frame : frames) {
            bytes.putInt(0).putInt(0).putInt(frame.length).putInt(frame.length).put(frame);
        }
        Files.write(file, bytes.array());
    }

    /** The first difference in words a reader can act on; empty if all frames are the same, in the same order. */
    static Optional<String> difference(final List<byte[]> expected, final List<byte[]> actual) {
        final int common = Math.min(expected.size(), actual.size());
        for (int i = 0; i < common; i++) {
            final int at = Arrays.mismatch(expected.get(i), actual.get(i));
            if (at >= 0) {
                return Optional.of("frame %d differs at byte %d%n  expected %s%n  actual   %s".formatted(
                        i, at, HexFormat.of().formatHex(expected.get(i)), HexFormat.of().formatHex(actual.get(i))));
            }
        }
        if (expected.size() == actual.size()) {
            return Optional.empty();
        }
        final boolean missing = expected.size() > common;
        return Optional.of("expected %d frames, got %d; first %s: %s".formatted(
                expected.size(), actual.size(), missing ? "missing" : "surplus",
                HexFormat.of().formatHex((missing ? expected : actual).get(common))));
    }

    private static void require(final boolean holds, final Path file, final String fault) throws IOException {
        if (!holds) {
            throw new IOException(file + ": " + fault);
        }
    }
}
