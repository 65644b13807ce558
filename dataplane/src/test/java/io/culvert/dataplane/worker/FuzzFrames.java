// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/** Frames for fuzzing: those of the golden walks, mutated at random, most of them with checksums made right again. */
final class FuzzFrames {
    /** What a buffer of the test's relay holds. */
    static final int LONGEST = 2_000;
    private static final Path WALKS = Path.of("../control/src/test/resources/walks");
    private static final int OF_A_FILE = 48;
    private static final int PCAP_HEADER = 24;
    private static final int RECORD_HEADER = 16;
    private static final int MUTATIONS = 4;
    private static final int[] INTERESTING = {0, 1, 7, 8, 20, 27, 28, 40, 46, 127, 128, 255, 256, 576, 1_279, 1_280,
        1_480, 1_500, 0x1FFF, 0x2000, 0x4000, 0x7FFF, 0x8000, 0xFFF8, 0xFFFE, 0xFFFF, 0x4500, 0x4600, 0x0800, 0x86DD,
        0x8100, 0x88A8, 0x0806, 9_000, 9_100, 5_004, 40_000, 49_999};
    private static final int[] PROTOCOLS = {0, 1, 6, 17, 43, 44, 47, 50, 51, 58, 59, 60, 135, 136};

    /** Which link a frame arrives on. */
    record Arrival(int link, byte[] frame) { }

    private final SplittableRandom random;
    private final List<Arrival> corpus;
    /** Those that the relay sent on when they came unchanged: what is like them gets furthest. */
    private final List<Arrival> live = new ArrayList<>();

    FuzzFrames(final SplittableRandom random) {
        this.random = random;
        this.corpus = corpus();
    }

    List<Arrival> unchanged() {
        return corpus;
    }

    void isRelayed(final Arrival arrival) {
        live.add(arrival);
    }

    private static List<Arrival> corpus() {
        final Map<String, Arrival> frames = new LinkedHashMap<>();
        try (Stream<Path> files = Files.walk(WALKS)) {
            for (final Path file : files.filter(FuzzFrames::isIncoming).sorted().toList()) {
                final int link = file.getFileName().toString().startsWith("in-inner") ? TestRelay.INNER
                        : TestRelay.EDGE;
                for (final byte[] frame : read(file)) {
                    frames.putIfAbsent(link + Arrays.toString(frame), new Arrival(link, frame));
                }
            }
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
        return List.copyOf(frames.values());
    }

    private static boolean isIncoming(final Path file) {
        final String name = file.getFileName().toString();
        return name.startsWith("in-") && name.endsWith(".pcap");
    }

    private static List<byte[]> read(final Path file) throws IOException {
        final ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        final List<byte[]> frames = new ArrayList<>();
        int at = PCAP_HEADER;
        while (at < bytes.capacity() && frames.size() < OF_A_FILE) {
            final int length = bytes.getInt(at + 8);
            at += RECORD_HEADER;
            if (length <= LONGEST) {
                frames.add(Arrays.copyOfRange(bytes.array(), at, at + length));
            }
            at += length;
        }
        return frames;
    }

    Arrival next() {
        final Arrival origin = random.nextInt(3) == 0 || live.isEmpty() ? any(corpus) : any(live);
        byte[] frame = origin.frame.clone();
        final int mutations = random.nextInt(MUTATIONS + 1);
        for (int i = 0; i < mutations; i++) {
            frame = mutate(frame);
        }
        if (frame.length >= 14 && random.nextInt(8) == 0) {
            toUs(frame, origin.link);
        }
        if (mutations > 0 && random.nextInt(4) > 0) {
            seal(frame);
        }
        final boolean isLost = random.nextInt(32) == 0;
        return new Arrival(isLost ? 1 - origin.link : origin.link, frame);
    }

    private Arrival any(final List<Arrival> from) {
        return from.get(random.nextInt(from.size()));
    }

    private byte[] mutate(final byte[] frame) {
        if (frame.length < 2) {
            return any(corpus).frame.clone();
        }
        // Headers are where it matters.
        final int at = random.nextInt(random.nextInt(4) > 0 ? Math.min(frame.length, 100) : frame.length);
        switch (random.nextInt(12)) {
            case 0, 1 -> frame[at] ^= (byte) (1 << random.nextInt(8));
            case 2 -> frame[at] = (byte) random.nextInt();
            case 3, 4 -> set(frame, at & ~1, INTERESTING[random.nextInt(INTERESTING.length)]);
            case 5 -> {
                return Arrays.copyOf(frame, at);
            }
            case 6 -> {
                return lengthen(frame);
            }
            case 7 -> {
                return splice(frame, any(corpus).frame, at);
            }
            case 8 -> set(frame, 20, random.nextInt(4) << 13 | (random.nextBoolean() ? random.nextInt(200) : 0));
            case 9 -> borrow(frame, at);
            case 10 -> set(frame, 34 + 2 * random.nextInt(3), random.nextInt(0x1_0000));
            default -> setField(frame);
        }
        return frame;
    }

    private void setField(final byte[] frame) {
        switch (random.nextInt(5)) {
            case 0 -> put(frame, isIpv6(frame) ? 20 : 23, PROTOCOLS[random.nextInt(PROTOCOLS.length)]);
            case 1 -> put(frame, isIpv6(frame) ? 21 : 22, random.nextInt(3));
            case 2 -> set(frame, isIpv6(frame) ? 18 : 16, frame.length - (isIpv6(frame) ? 54 : 14)
                    + random.nextInt(-2, 3));
            case 3 -> put(frame, 14, 0x45 + random.nextInt(-2, 3));
            default -> set(frame, (isIpv6(frame) ? 54 : 34) + 4, frame.length - (isIpv6(frame) ? 54 : 34)
                    + random.nextInt(-2, 3));
        }
    }

    /** Appends bytes: as padding, or as payload that every length knows of. */
    private byte[] lengthen(final byte[] frame) {
        final int more = Math.min(random.nextInt(random.nextInt(4) == 0 ? LONGEST : 64), LONGEST - frame.length);
        final byte[] longer = Arrays.copyOf(frame, frame.length + Math.max(more, 0));
        for (int i = frame.length; i < longer.length; i++) {
            longer[i] = (byte) random.nextInt();
        }
        if (random.nextBoolean() && longer.length > 62) {
            final boolean isIpv6 = isIpv6(longer);
            set(longer, isIpv6 ? 18 : 16, longer.length - (isIpv6 ? 54 : 14));
            set(longer, isIpv6 ? 58 : 38, longer.length - (isIpv6 ? 54 : 34));
        }
        return longer;
    }

    private byte[] splice(final byte[] head, final byte[] tail, final int at) {
        final int from = random.nextBoolean() ? Math.min(at, tail.length) : random.nextInt(tail.length + 1);
        final int length = Math.min(tail.length - from, LONGEST - at);
        final byte[] spliced = Arrays.copyOf(head, at + length);
        System.arraycopy(tail, from, spliced, at, length);
        return spliced;
    }

    /** Takes a few bytes from the same place of another frame: its addresses, its ports, its lengths. */
    private void borrow(final byte[] frame, final int at) {
        final byte[] lender = any(live.isEmpty() ? corpus : live).frame;
        final int length = Math.min(1 + random.nextInt(16), Math.min(frame.length, lender.length) - at);
        if (length > 0) {
            System.arraycopy(lender, at, frame, at, length);
        }
    }

    private static void toUs(final byte[] frame, final int link) {
        for (int i = 0; i < 6; i++) {
            frame[i] = (byte) (FuzzNetwork.MAC[link] >>> 8 * (5 - i));
        }
    }

    private static boolean isIpv6(final byte[] frame) {
        return frame.length > 14 && StrictPacket.word(frame, 12) == StrictPacket.IPV6;
    }

    /** Makes the IPv4 header's and the ICMP checksum right, so that the mutation gets behind them. */
    static void seal(final byte[] frame) {
        if (frame.length < 42) {
            return;
        }
        if (isIpv6(frame)) {
            final int end = 54 + StrictPacket.word(frame, 18);
            if (frame[20] == StrictPacket.ICMPV6 && end <= frame.length && end >= 62) {
                set(frame, 56, 0);
                final int sum = StrictPacket.sum(frame, 22, 54) + end - 54 + StrictPacket.ICMPV6
                        + StrictPacket.sum(frame, 54, end);
                set(frame, 56, ~StrictPacket.fold(sum));
            }
        } else if (StrictPacket.word(frame, 12) == StrictPacket.IPV4) {
            final int header = 14 + Math.max(5, frame[14] & 0xF) * 4;
            final int end = 14 + StrictPacket.word(frame, 16);
            if (frame[23] == StrictPacket.ICMP && end <= frame.length && end >= header + 8) {
                sealQuote(frame, header + 8, end);
                set(frame, header + 2, 0);
                set(frame, header + 2, ~StrictPacket.sum(frame, header, end));
            }
            if (header <= frame.length) {
                set(frame, 24, 0);
                set(frame, 24, ~StrictPacket.sum(frame, 14, header));
            }
        }
    }

    private static void sealQuote(final byte[] frame, final int at, final int end) {
        if (at + 20 <= end && (frame[at] & 0xF0) == 0x40) {
            final int header = Math.min(end, at + (frame[at] & 0xF) * 4);
            set(frame, at + 10, 0);
            set(frame, at + 10, ~StrictPacket.sum(frame, at, header));
        }
    }

    private static void set(final byte[] frame, final int at, final int value) {
        put(frame, at, value >>> 8);
        put(frame, at + 1, value);
    }

    private static void put(final byte[] frame, final int at, final int value) {
        if (at < frame.length) {
            frame[at] = (byte) value;
        }
    }
}
