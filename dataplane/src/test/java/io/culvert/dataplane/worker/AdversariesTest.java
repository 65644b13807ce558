// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.culvert.dataplane.Seeded;
import io.culvert.dataplane.stats.CounterCatalog.WorkerCounter;
import io.culvert.dataplane.worker.FuzzFrames.Arrival;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * The same honest clients twice, alone and in the same bursts as {@link Adversaries}: every packet of theirs leaves
 * byte for byte as it did, none is lost, and nothing that they did not send reaches them or leaves in their name. What
 * the attack took is given back when it ends: memory, sessions, ports.
 */
@ExtendWith(Seeded.class)
@Timeout(value = 1, unit = TimeUnit.HOURS) // its long profile
class AdversariesTest {
    private static final int ROUNDS = Integer.getInteger("culvert.adversary.rounds", 300);
    private static final int SESSIONS = 4_096;
    private static final int BURST = 60;
    /** Hexadecimal digits of a frame. */
    private static final int SHOWN = 240;

    @TempDir
    private Path scratch;

    private TestRelay relay;
    private FuzzNetwork network;
    private int workers;

    @ParameterizedTest
    @CsvSource({"false, 1", "true, 1", "false, 2", "true, 3"})
    void noClientsPacketDependsOnWhatAnotherSends(final boolean isOpen, final int count,
                                                  final SplittableRandom random) {
        network = new FuzzNetwork(isOpen);
        workers = count;
        final long seed = random.nextLong();
        final List<List<byte[]>> undisturbed = new ArrayList<>();
        run(seed, null, (round, left) -> undisturbed.add(left));
        run(seed, new Adversaries(random), (round, left) -> assertSame(round, undisturbed.get(round - 1), left));
    }

    /** @param left takes the round, and what left of the victims' packets */
    private void run(final long seed, final Adversaries adversaries, final BiConsumer<Integer, List<byte[]>> left) {
        final Victims victims = new Victims(new SplittableRandom(seed));
        final SplittableRandom pauses = new SplittableRandom(seed);
        try (TestRelay opened = new TestRelay(scratch, SESSIONS, usual -> withWorkers(network.plan(usual)))) {
            relay = opened;
            network.addNeighbors(relay);
            assertEquals(Victims.COUNT, pass(0, victims.greet(EDGE), List.of()).size());
            assertEquals(Victims.COUNT, pass(0, victims.greet(INNER), List.of()).size());
            for (int round = 1; round <= ROUNDS; round++) {
                left.accept(round, pass(round, victims.speak(), adversaries == null ? List.of() : adversaries.next()));
                relay.advanceMs(1 + pauses.nextInt(50));
            }
            assertAllIsGivenBack();
        }
    }

    private RelayPlan withWorkers(final RelayPlan plan) {
        return new RelayPlan(plan.links(), plan.rules(), plan.pools(), plan.limits(), workers, plan.addresses(),
                plan.icmp());
    }

    /** Sends what victims and adversaries say, the latter anywhere between. @return what left that victims signed */
    private List<byte[]> pass(final int round, final List<Arrival> victims, final List<Arrival> adversaries) {
        final List<Arrival> mixed = new ArrayList<>(victims);
        final SplittableRandom places = new SplittableRandom(round);
        int at = 0;
        for (final Arrival hostile : adversaries) {
            at += places.nextInt(1 + (mixed.size() - at) / 4);
            mixed.add(at++, hostile);
        }
        final List<byte[]> left = new ArrayList<>();
        for (int from = 0; from < mixed.size(); from += BURST) {
            for (final Arrival arrival : mixed.subList(from, Math.min(mixed.size(), from + BURST))) {
                relay.sendTo(queueOf(arrival), arrival.link(), onWire(arrival));
            }
            for (int idle = 0; idle < 2;) {
                idle = relay.worker.doWork() == 0 ? idle + 1 : 0;
            }
            left.addAll(collect(round, EDGE));
            left.addAll(collect(round, INNER));
        }
        relay.assertBalanced();
        return Victims.comparable(left);
    }

    /** One queue for each pair of addresses, as a NIC does it that knows nothing of ports in fragments. */
    private int queueOf(final Arrival arrival) {
        final boolean isIpv4 = StrictPacket.word(arrival.frame(), 12) == StrictPacket.IPV4;
        final int from = isIpv4 ? 26 : 22;
        return Math.floorMod(Arrays.hashCode(Arrays.copyOfRange(arrival.frame(), from, from + (isIpv4 ? 8 : 32))),
                workers);
    }

    private byte[] onWire(final Arrival arrival) {
        return network.isTagged(arrival.link()) ? UdpFrames.tagged(arrival.frame(), FuzzNetwork.VLAN)
                : arrival.frame();
    }

    private List<byte[]> collect(final int round, final int link) {
        final List<byte[]> ofVictims = new ArrayList<>();
        for (final byte[] tagged : relay.received(link)) {
            final byte[] frame = network.isTagged(link) ? UdpFrames.untagged(tagged) : tagged;
            if (Victims.areSigned(frame)) {
                ofVictims.add(frame);
            } else {
                assertFalse(Victims.concerns(link, frame), () -> "round " + round
                        + ": somebody else's packet reaches a victim or goes out in its name: "
                        + HexFormat.of().formatHex(frame));
            }
        }
        return ofVictims;
    }

    private void assertSame(final int round, final List<byte[]> expected, final List<byte[]> actual) {
        final List<String> missing = new ArrayList<>(expected.stream().map(HexFormat.of()::formatHex).toList());
        final List<String> surplus = new ArrayList<>();
        for (final byte[] frame : actual) {
            final String hex = HexFormat.of().formatHex(frame);
            if (!missing.remove(hex)) {
                surplus.add(hex);
            }
        }
        assertTrue(missing.isEmpty() && surplus.isEmpty(), () -> "round " + round + ", of the victims' packets "
                + missing.size() + " did not leave as they do alone" + shortened(missing) + "\nbut " + surplus.size()
                + " otherwise" + shortened(surplus));
    }

    private static String shortened(final List<String> frames) {
        return frames.stream().limit(2).map(hex -> "\n  " + hex.substring(0, Math.min(hex.length(), SHOWN)))
                .collect(Collectors.joining());
    }

    /** Longer than anything waits, and than any session lives. */
    private void assertAllIsGivenBack() {
        for (int ms = 0; ms < FuzzNetwork.IDLE_MS + 3_000; ms += 20) {
            relay.advanceMs(20);
            relay.worker.doWork();
            relay.received(EDGE);
            relay.received(INNER);
        }
        assertEquals(0, relay.count(WorkerCounter.WAITING_FRAGMENTS), "fragments that wait");
        assertEquals(0, relay.count(WorkerCounter.WAITING), "packets that wait for a next hop");
        assertEquals(0, relay.count(WorkerCounter.SESSIONS), "sessions");
        assertEquals(0, relay.lentPorts(), "external ports");
    }
}
