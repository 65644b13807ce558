// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.FuzzNetwork.VLAN;
import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.worker.FuzzFrames.Arrival;
import io.culvert.dataplane.worker.FuzzOracle.Cause;
import io.culvert.dataplane.worker.FuzzOracle.Fault;
import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Throws mutated frames at a relay with live sessions, in bursts of all sizes, and holds every frame that leaves
 * against {@link FuzzOracle}: nothing is thrown, the ledger balances, nothing leaves that no frame explains, and the
 * live sessions go on. Every round has a relay and a seed of its own, so that what a long run finds is soon repeated:
 * {@code -Dculvert.fuzz.packets=N} sets how many packets, {@code -Dculvert.seed=N} the first round's seed.
 */
@Timeout(value = 1, unit = TimeUnit.HOURS) // ten million packets
class WalkFuzzTest {
    private static final int PACKETS = Integer.getInteger("culvert.fuzz.packets", 300_000);
    private static final int ROUND = 150_000;
    private static final String REPLAY = "culvert.fuzz.replay";
    private static final int BYSTANDERS_TURN = 16;
    /** Bytes of a frame on the screen; the file has them all. */
    private static final int SHOWN = 160;
    private static final int SESSIONS = 1_024;
    /** Between two looks at the live sessions: with the longest wait behind it less than a session's patience. */
    private static final int CANARY_MS = 1_000;
    private static final int PENDING_LIMIT = 48;
    private static final int CANARY_PORT = 40_600;

    @TempDir
    private Path scratch;

    private TestRelay relay;
    private FuzzNetwork network;
    private FuzzOracle oracle;
    private long nowMs;
    private long sungMs;
    /** What came in and may still wait for a next hop or a first fragment. */
    private final List<Cause> pending = new ArrayList<>();
    private final List<Arrival> lastBurst = new ArrayList<>();
    private long seed;
    private long sent;
    private long questions;
    /** Frames that left, questions apart. */
    private int lastOut;
    /** Those of them that are no fragments: each has a cause of its own. */
    private int whole;

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingLeavesThatNoFrameExplains(final boolean isOpen) {
        final int rounds = Math.max(1, PACKETS / 2 / ROUND);
        for (int round = 0; round < rounds; round++) {
            seed = Seeded.seed() + round;
            inRelay(isOpen, () -> fuzz(new SplittableRandom(seed)));
        }
    }

    private void fuzz(final SplittableRandom random) {
        final FuzzFrames frames = new FuzzFrames(random);
        singCanaries(); // while every port of the pool is free
        for (final Arrival arrival : frames.unchanged()) {
            singCanariesInTime();
            if (pass(List.of(arrival)) > 0) {
                frames.isRelayed(arrival);
            }
        }
        while (sent < Math.min(PACKETS / 2, ROUND)) {
            singCanariesInTime();
            final int size = 1 + (random.nextInt(16) == 0 ? random.nextInt(Burst.CAPACITY) : random.nextInt(4));
            final List<Arrival> arrivals = new ArrayList<>(size);
            for (int i = 0; i < size; i++) {
                arrivals.add(frames.next());
            }
            pass(arrivals);
        }
        singCanaries();
    }

    @Test
    @EnabledIfSystemProperty(named = REPLAY, matches = ".+")
    void theFramesOfAFailureAreHarmlessNow() throws IOException {
        final List<Arrival> arrivals = Files.readAllLines(Path.of(System.getProperty(REPLAY))).stream()
                .filter(line -> line.startsWith("in ")).map(line -> new Arrival(line.charAt(3) - '0',
                        HexFormat.of().parseHex(line.substring(5)))).toList();
        for (final boolean isOpen : new boolean[] {false, true}) {
            inRelay(isOpen, () -> {
                singCanaries();
                pass(arrivals);
                singCanaries();
            });
        }
    }

    private void inRelay(final boolean isOpen, final Runnable story) {
        network = new FuzzNetwork(isOpen);
        oracle = new FuzzOracle(network);
        nowMs = 0;
        sungMs = 0;
        sent = 0;
        questions = 0;
        pending.clear();
        try (TestRelay opened = new TestRelay(scratch, SESSIONS, network::plan)) {
            relay = opened;
            relay.bystandersTurn(BYSTANDERS_TURN);
            network.addNeighbors(opened);
            story.run();
            settle();
            assertFalse(oracle.amplifies(), "no more bytes in fragments than came in");
            assertTrue(questions <= sent, "no more questions than packets");
        }
    }

    /** Sends a burst, and judges what comes of it. @return how many frames left, questions apart */
    private int pass(final List<Arrival> arrivals) {
        lastBurst.clear();
        lastBurst.addAll(arrivals);
        oracle.isAlone(arrivals.size() == 1 && pending.isEmpty());
        for (final Arrival arrival : arrivals) {
            relay.send(arrival.link(), onWire(arrival));
            pending.add(oracle.cause(arrival.link(), seenBehindTheTag(arrival)));
        }
        sent += arrivals.size();
        relay.advanceMs(1);
        oracle.nowMs(++nowMs);
        work();
        pending.removeIf(cause -> !oracle.mayStillAct(cause));
        final long waiting = relay.count(WorkerCounter.WAITING) + relay.count(WorkerCounter.WAITING_FRAGMENTS);
        if (waiting == 0) {
            pending.clear();
        } else if (pending.size() > PENDING_LIMIT) {
            settle();
        }
        return lastOut;
    }

    private void work() {
        try {
            relay.worker.doWork();
        } catch (final RuntimeException | Error e) {
            throw new AssertionError(describe(Fault.of("the worker threw " + e), null), e);
        }
        lastOut = 0;
        whole = 0;
        for (final int link : new int[] {INNER, EDGE}) {
            for (final byte[] frame : relay.received(link)) {
                judge(link, frame);
            }
        }
        assertTrue(whole <= pending.size(), () -> describe("more frames left than came in"));
        assertEquals(0, relay.counters().imbalance(), () -> describe("the ledger does not balance"));
    }

    private void judge(final int link, final byte[] tagged) {
        byte[] frame = tagged;
        if (network.isTagged(link)) {
            assertTrue(tagged.length >= 18 && StrictPacket.word(tagged, 12) == 0x8100
                    && StrictPacket.word(tagged, 14) == VLAN, () -> describe("the tag is missing"));
            frame = withoutTag(tagged);
        }
        final Fault fault = oracle.explain(pending, link, frame);
        if (fault != null) {
            throw new AssertionError(describe(fault, link + ":" + HexFormat.of().formatHex(tagged)));
        }
        final StrictPacket out = StrictPacket.parse(frame);
        final boolean isQuestion = FuzzOracle.isQuestion(out);
        whole += isQuestion || out.isFragment() ? 0 : 1;
        questions += isQuestion ? 1 : 0;
        lastOut += isQuestion ? 0 : 1;
    }

    private String describe(final String what) {
        return describe(Fault.of(what), null);
    }

    /** One screen: what is wrong with which frame, and the likeliest cause. The rest goes into a file. */
    private String describe(final Fault fault, final String out) {
        final List<String> screen = new ArrayList<>(List.of(fault.what(),
                network + ", seed " + seed + ", after " + sent + " packets"));
        final List<String> file = new ArrayList<>(screen);
        if (out != null) {
            screen.add("left  " + shortened(out));
            file.add("out " + out);
        }
        if (fault.nearest() != null) {
            screen.add("cause " + shortened(fault.nearest().link + ":"
                    + HexFormat.of().formatHex(fault.nearest().frame)));
        }
        fault.all().forEach(line -> file.add("judged " + line));
        lastBurst.forEach(arrival ->
                file.add("in " + arrival.link() + ":" + HexFormat.of().formatHex(arrival.frame())));
        final Path path = Path.of("target", "fuzz", "seed-" + seed + (network.isOpen() ? "-open" : "-strict"));
        try {
            Files.createDirectories(path.getParent());
            Files.write(path, file);
            screen.add("all judgements and the burst: " + path.toAbsolutePath());
        } catch (final IOException e) {
            screen.add("no file: " + e);
        }
        screen.add("again: -Dculvert.seed=" + seed + "; the burst alone: -D" + REPLAY + "=" + path);
        return String.join("\n", screen);
    }

    private static String shortened(final String hex) {
        final int shown = 2 + 2 * SHOWN;
        return hex.length() <= shown ? hex : hex.substring(0, shown) + "... of " + (hex.length() / 2 - 1) + " bytes";
    }

    /** Lets all that waits go or give up. */
    private void settle() {
        for (int i = 0; relay.count(WorkerCounter.WAITING) + relay.count(WorkerCounter.WAITING_FRAGMENTS) > 0; i++) {
            assertTrue(i < 200, "waiting ends");
            relay.advanceMs(100);
            nowMs += 100;
            oracle.nowMs(nowMs);
            work();
        }
        pending.clear();
    }

    /** Frames for the tagged port have its tag, or, one in many, whatever they had. */
    private byte[] onWire(final Arrival arrival) {
        return isTaggedHere(arrival) ? withTag(arrival.frame()) : arrival.frame();
    }

    private boolean isTaggedHere(final Arrival arrival) {
        return network.isTagged(arrival.link()) && arrival.frame().length >= 14
                && Arrays.hashCode(arrival.frame()) % 16 != 0;
    }

    private byte[] seenBehindTheTag(final Arrival arrival) {
        if (!network.isTagged(arrival.link()) || isTaggedHere(arrival)) {
            return arrival.frame();
        }
        final byte[] frame = arrival.frame();
        final boolean isOurs = frame.length >= 18 && StrictPacket.word(frame, 12) == 0x8100
                && (StrictPacket.word(frame, 14) & 0xFFF) == VLAN;
        return isOurs ? withoutTag(frame) : null;
    }

    private static byte[] withTag(final byte[] frame) {
        final byte[] tagged = new byte[frame.length + 4];
        System.arraycopy(frame, 0, tagged, 0, 12);
        tagged[12] = (byte) 0x81;
        tagged[15] = VLAN;
        System.arraycopy(frame, 12, tagged, 16, frame.length - 12);
        return tagged;
    }

    private static byte[] withoutTag(final byte[] tagged) {
        final byte[] frame = new byte[tagged.length - 4];
        System.arraycopy(tagged, 0, frame, 0, 12);
        System.arraycopy(tagged, 16, frame, 12, frame.length - 12);
        return frame;
    }

    private void singCanariesInTime() {
        if (nowMs - sungMs > CANARY_MS) {
            singCanaries();
        }
    }

    /** Whatever came before: sessions of both families that live since the start go on in both directions. */
    private void singCanaries() {
        settle();
        sungMs = nowMs;
        oracle.forget();
        for (int i = 0; i < 4; i++) {
            final int port = CANARY_PORT + i;
            sing(EDGE, FuzzNetwork.CLIENT, port, FuzzNetwork.LISTENER, FuzzNetwork.LISTEN + i);
            sing(INNER, FuzzNetwork.TARGET, FuzzNetwork.TARGET_PORT + i, FuzzNetwork.EXTERNAL, port);
            sing(EDGE, FuzzNetwork.CLIENT6, port, FuzzNetwork.LISTENER6, FuzzNetwork.LISTEN + i);
            sing(INNER, FuzzNetwork.TARGET6, FuzzNetwork.TARGET_PORT + i, FuzzNetwork.EXTERNAL6, port);
        }
    }

    private void sing(final int link, final IpAddress source, final int sourcePort, final IpAddress destination,
                      final int destinationPort) {
        final byte[] frame = udp(link, FuzzNetwork.endpoint(source, sourcePort),
                FuzzNetwork.endpoint(destination, destinationPort));
        assertEquals(1, pass(List.of(new Arrival(link, frame))), () -> describe("a live session does not go on"));
    }

    private static byte[] udp(final int link, final Endpoint source, final Endpoint destination) {
        final int header = source.isIpv4() ? 34 : 54;
        final byte[] frame = new byte[header + 8 + 32];
        final ByteBuffer bytes = ByteBuffer.wrap(frame);
        bytes.putLong(0, FuzzNetwork.MAC[link] << 16).putLong(6, 0x02_00_00_00_00_FE_0000L);
        if (source.isIpv4()) {
            bytes.putShort(12, (short) StrictPacket.IPV4).put(14, (byte) 0x45);
            bytes.putShort(16, (short) (frame.length - 14)).put(22, (byte) 64).put(23, (byte) StrictPacket.UDP);
            bytes.putInt(26, (int) source.low()).putInt(30, (int) destination.low());
            FuzzFrames.seal(frame);
        } else {
            bytes.putShort(12, (short) StrictPacket.IPV6).put(14, (byte) 0x60).putShort(18, (short) 40);
            bytes.put(20, (byte) StrictPacket.UDP).put(21, (byte) 64);
            bytes.putLong(22, source.high()).putLong(30, source.low());
            bytes.putLong(38, destination.high()).putLong(46, destination.low());
        }
        bytes.putShort(header, (short) source.port()).putShort(header + 2, (short) destination.port());
        bytes.putShort(header + 4, (short) 40).putShort(header + 6, (short) 0x1234);
        return frame;
    }
}
