// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The pcap files of the golden cases: what is written is read, and every difference is named. */
final class PcapTest {
    private static final byte[] SHORT = {1, 2, 3};
    private static final byte[] LONG = new byte[1514];

    @TempDir
    private Path folder;

    @Test
    void readsWhatItWrote() throws IOException {
        final Path file = folder.resolve("some.pcap");
        Pcap.write(file, List.of(SHORT, new byte[0], LONG));

        final List<byte[]> frames = Pcap.read(file);

        assertEquals(3, frames.size());
        assertArrayEquals(SHORT, frames.get(0));
        assertArrayEquals(new byte[0], frames.get(1));
        assertArrayEquals(LONG, frames.get(2));
    }

    @Test
    void writesTheClassicHeader() throws IOException {
        final Path file = folder.resolve("header.pcap");
        Pcap.write(file, List.of(SHORT));

        assertEquals("d4c3b2a1020004000000000000000000ffff000001000000" + "00000000000000000300000003000000" + "010203",
                HexFormat.of().formatHex(Files.readAllBytes(file)));
    }

    @Test
    void readsWhatAnotherProgramWrote() throws IOException {
        final Path file = Path.of("src/test/resources/walks/frame-shorter-than-an-ethernet-header/in-edge.pcap");
        final List<byte[]> frames = Pcap.read(file);

        assertEquals(16, frames.size());
        assertEquals(0, frames.get(1).length);
        assertEquals("0200000000010200000000fe08", HexFormat.of().formatHex(frames.get(14)));
    }

    @Test
    void readsNanosecondFiles() throws IOException {
        final Path file = folder.resolve("nano.pcap");
        Pcap.write(file, List.of(SHORT));
        final byte[] bytes = Files.readAllBytes(file);
        bytes[0] = 0x4d;
        bytes[1] = 0x3c;
        Files.write(file, bytes);

        assertArrayEquals(SHORT, Pcap.read(file).getFirst());
    }

    @Test
    void readsNothingWhereThereIsNoFile() throws IOException {
        assertEquals(List.of(), Pcap.read(folder.resolve("absent.pcap")));
    }

    @Test
    void refusesBytesThatAreNoPcap() throws IOException {
        final Path file = folder.resolve("bad.pcap");
        Files.write(file, new byte[23]);
        assertTrue(failure(file).contains("shorter than a pcap header"));
        Files.write(file, new byte[24]);
        assertTrue(failure(file).contains("not a little-endian pcap"));
    }

    @Test
    void refusesFilesCutAnywhereBehindTheirHeader() throws IOException {
        final Path file = folder.resolve("whole.pcap");
        Pcap.write(file, List.of(SHORT));
        final byte[] whole = Files.readAllBytes(file);
        for (int length = 25; length < whole.length; length++) {
            Files.write(file, Arrays.copyOf(whole, length));
            assertTrue(failure(file).contains("cut inside"), "length " + length);
        }
    }

    @Test
    void refusesFramesThatWereCutOnCapture() throws IOException {
        final Path file = folder.resolve("snapped.pcap");
        Pcap.write(file, List.of(SHORT));
        final byte[] bytes = Files.readAllBytes(file);
        bytes[36] = 60;
        Files.write(file, bytes);

        assertTrue(failure(file).contains("frame 0 is not captured whole"));
    }

    @Test
    void findsNoDifferenceBetweenEqualFrames() {
        assertEquals(Optional.empty(), Pcap.difference(List.of(), List.of()));
        assertEquals(Optional.empty(), Pcap.difference(List.of(SHORT, LONG), List.of(SHORT.clone(), LONG.clone())));
    }

    @Test
    void namesTheFirstDifferingByte() {
        final byte[] other = {1, 2, 4};
        final String difference = Pcap.difference(List.of(LONG, SHORT), List.of(LONG, other)).orElseThrow();

        assertTrue(difference.startsWith("frame 1 differs at byte 2"), difference);
        assertTrue(difference.contains("expected 010203"), difference);
        assertTrue(difference.contains("actual   010204"), difference);
    }

    @Test
    void namesALengthThatDiffers() {
        final String difference = Pcap.difference(List.of(SHORT), List.of(new byte[] {1, 2, 3, 0})).orElseThrow();

        assertTrue(difference.startsWith("frame 0 differs at byte 3"), difference);
    }

    @Test
    void namesMissingAndSurplusFrames() {
        assertEquals("expected 2 frames, got 1; first missing: 010203",
                Pcap.difference(List.of(LONG, SHORT), List.of(LONG)).orElseThrow());
        assertEquals("expected 0 frames, got 1; first surplus: 010203",
                Pcap.difference(List.of(), List.of(SHORT)).orElseThrow());
    }

    private static String failure(final Path file) {
        return assertThrows(IOException.class, () -> Pcap.read(file)).getMessage();
    }
}
