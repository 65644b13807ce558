// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;

import io.culvert.dataplane.worker.FuzzFrames.Arrival;
import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Several hostile clients, a hostile target and hostile stations on both links of a {@link FuzzNetwork}, who remember
 * what they sent: trains of fragments that contradict each other, ICMP errors about them, scans of external ports,
 * sessions of spoofed senders, echo and neighbor floods. They know everything but the ports of {@link Victims}, and
 * stay within the bounds that senders share by hash: what exceeds those may cost others their reordered fragments.
 */
final class Adversaries {
    private static final int ATTACKERS = 8;
    private static final int UNITS = 64;
    private static final int[] TTLS = {0, 1, 2, 64, 255};

    private final SplittableRandom random;
    private final List<Endpoint> attackers = new ArrayList<>();
    /** Of the trains before: what errors quote. */
    private final List<byte[]> remembered = new ArrayList<>();
    /** The end of a train, for a burst without its beginning. */
    private final List<Arrival> postponed = new ArrayList<>();

    Adversaries(final SplittableRandom random) {
        this.random = random;
        for (int i = 0; i < ATTACKERS; i++) {
            attackers.add(client(i % 2 == 0, 100 + i, 30_000 + i));
        }
    }

    /** A client behind the gateway. */
    static Endpoint client(final boolean isIpv4, final int host, final int port) {
        final Endpoint known = FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.CLIENT : FuzzNetwork.CLIENT6, port);
        return new Endpoint(known.high(), known.low() & ~0xFFL | host, port);
    }

    static Endpoint listener(final boolean isIpv4, final int port) {
        return FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.LISTENER : FuzzNetwork.LISTENER6, port);
    }

    static Endpoint external(final boolean isIpv4, final int port) {
        return FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.EXTERNAL : FuzzNetwork.EXTERNAL6, port);
    }

    static Endpoint target(final boolean isIpv4, final int port) {
        return FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.TARGET : FuzzNetwork.TARGET6, port);
    }

    static byte[] datagram(final int link, final Endpoint source, final Endpoint destination, final byte[] payload) {
        final long from = link == EDGE ? FuzzNetwork.GATEWAY_MAC : FuzzNetwork.TARGET_MAC;
        return UdpFrames.udp(FuzzNetwork.MAC[link], from, source, destination, 64, payload);
    }

    /** What they send in one round: not more than a few dozen frames. */
    List<Arrival> next() {
        final List<Arrival> frames = new ArrayList<>(postponed);
        postponed.clear();
        frames.addAll(attack());
        return frames;
    }

    private List<Arrival> attack() {
        return switch (random.nextInt(8)) {
            case 0 -> scatteredTrain();
            case 1, 2, 3 -> train();
            case 4 -> errors();
            case 5 -> scan();
            case 6 -> spoofedSessions();
            default -> floods();
        };
    }

    /**
     * Every second unit, so that the datagram has as many runs as the relay remembers; then firsts that contradict
     * each other and run out of time, or are too long and forbid to be cut; then, of half of the trains, all that is
     * missing.
     */
    private List<Arrival> scatteredTrain() {
        final Endpoint attacker = any();
        final byte[] whole = whole(attacker, 8 * (2 * UNITS + 200));
        final int id = random.nextInt(0x1_0000);
        final List<Arrival> train = new ArrayList<>();
        final int runs = 32 + random.nextInt(3) - 1;
        for (int i = 1; i <= runs; i++) {
            train.add(piece(whole, id, 2 * i, 2 * i + 1, i < runs, 64));
        }
        train.add(piece(whole, id, 0, 1, true, 64));
        final byte[] unwilling = attacker.isIpv4() ? UdpFrames.unfragmentable(whole) : whole;
        final List<Arrival> end = random.nextBoolean() ? train : postponed;
        end.add(random.nextBoolean() ? piece(whole, id, 0, 2, true, 1) : piece(unwilling, id, 0, 200, true, 64));
        if (random.nextBoolean()) {
            end.add(piece(whole, id, 0, 2, true, 64));
            for (int i = 1; i < runs; i++) {
                end.add(piece(whole, id, 2 * i + 1, 2 * i + 2, true, 64));
            }
        }
        remember(train);
        return train;
    }

    /** Fragments of few ids, anywhere, of any length, twice, with any TTL; several of them are firsts. */
    private List<Arrival> train() {
        final Endpoint attacker = any();
        final List<Arrival> train = new ArrayList<>();
        final int id = random.nextInt(0x1_0000);
        for (int i = random.nextInt(24); i >= 0; i--) {
            final byte[] datagram = whole(attacker, 8 * (1 + random.nextInt(170)));
            final byte[] whole = attacker.isIpv4() && random.nextInt(3) == 0 ? UdpFrames.unfragmentable(datagram)
                    : datagram;
            final int from = random.nextInt(3) == 0 ? 0 : random.nextInt(random.nextInt(8) == 0 ? 8_192 : UNITS);
            final int to = from + 1 + random.nextInt(random.nextInt(4) == 0 ? 180 : 4);
            final int ttl = random.nextInt(3) == 0 ? TTLS[random.nextInt(TTLS.length)] : 64;
            if (to < 8_190) {
                train.add(piece(whole, id + random.nextInt(2), from, to, random.nextInt(4) > 0, ttl));
            }
            if (!train.isEmpty() && random.nextInt(6) == 0) {
                train.add(train.get(random.nextInt(train.size())));
            }
        }
        remember(train);
        return train;
    }

    private Endpoint any() {
        return attackers.get(random.nextInt(attackers.size()));
    }

    private byte[] whole(final Endpoint attacker, final int length) {
        final byte[] payload = new byte[length];
        random.nextBytes(payload);
        return datagram(EDGE, attacker, listener(attacker.isIpv4(), FuzzNetwork.LISTEN + random.nextInt(4)), payload);
    }

    private static Arrival piece(final byte[] whole, final int id, final int from, final int to, final boolean more,
                                 final int ttl) {
        return new Arrival(EDGE, UdpFrames.fragment(whole, id, from, to, more, ttl));
    }

    private void remember(final List<Arrival> train) {
        train.stream().filter(arrival -> random.nextInt(8) == 0).map(Arrival::frame).forEach(remembered::add);
        while (remembered.size() > 64) {
            remembered.removeFirst();
        }
    }

    /** About their own fragments, as they came and as they may have left, from either side. */
    private List<Arrival> errors() {
        final List<Arrival> errors = new ArrayList<>();
        for (int i = random.nextInt(8); i >= 0 && !remembered.isEmpty(); i--) {
            final byte[] about = remembered.get(random.nextInt(remembered.size()));
            final boolean isIpv4 = StrictPacket.word(about, 12) == StrictPacket.IPV4;
            final int link = random.nextInt(2);
            final byte[] quote = new byte[Math.min(about.length - 14, 28 + random.nextInt(500))];
            System.arraycopy(about, 14, quote, 0, quote.length);
            if (link == INNER) {
                translate(quote, isIpv4);
            }
            errors.add(new Arrival(link, error(link, isIpv4, quote)));
        }
        return errors;
    }

    /** As if the relay had sent it: from an external endpoint to the target. */
    private void translate(final byte[] quote, final boolean isIpv4) {
        final ByteBuffer bytes = ByteBuffer.wrap(quote);
        final Endpoint from = external(isIpv4, attackerPort());
        final Endpoint to = target(isIpv4, FuzzNetwork.TARGET_PORT);
        if (isIpv4) {
            bytes.putInt(12, (int) from.low()).putInt(16, (int) to.low());
            bytes.putShort(20, (short) from.port()).putShort(22, (short) to.port());
        } else if (quote.length >= 52) {
            bytes.putLong(8, from.high()).putLong(16, from.low()).putLong(24, to.high()).putLong(32, to.low());
            bytes.putShort(48, (short) from.port()).putShort(50, (short) to.port());
        }
    }

    private int attackerPort() {
        return FuzzNetwork.POOL_LOW + 4_000 + random.nextInt(6_000);
    }

    private byte[] error(final int link, final boolean isIpv4, final byte[] quote) {
        final Endpoint from = link == INNER ? target(isIpv4, 0) : any(isIpv4);
        final Endpoint to = link == INNER ? external(isIpv4, 0) : listener(isIpv4, 0);
        final byte[] udp = datagram(link, from, to, quote);
        final int at = isIpv4 ? 34 : 54;
        udp[isIpv4 ? 23 : 20] = (byte) (isIpv4 ? StrictPacket.ICMP : StrictPacket.ICMPV6);
        final int kind = random.nextInt(3);
        udp[at] = (byte) (isIpv4 ? new int[] {3, 11, 3}[kind] : new int[] {1, 3, 2}[kind]);
        udp[at + 1] = (byte) (isIpv4 && kind == 2 ? 4 : 0);
        ByteBuffer.wrap(udp).putInt(at + 4, kind == 2 ? 1_280 : 0);
        FuzzFrames.seal(udp);
        return udp;
    }

    private Endpoint any(final boolean isIpv4) {
        return attackers.get(2 * random.nextInt(ATTACKERS / 2) + (isIpv4 ? 0 : 1));
    }

    /** Of external ports that are not the victims', by the target and by its neighbours. */
    private List<Arrival> scan() {
        final List<Arrival> scan = new ArrayList<>();
        for (int i = random.nextInt(16); i >= 0; i--) {
            final boolean isIpv4 = random.nextBoolean();
            final Endpoint other = FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.OTHER_TARGET : FuzzNetwork.OTHER_TARGET6,
                    random.nextInt(1, 0x1_0000));
            final Endpoint from = random.nextBoolean() ? other
                    : target(isIpv4, FuzzNetwork.TARGET_PORT + random.nextInt(4));
            scan.add(new Arrival(INNER, datagram(INNER, from, external(isIpv4, attackerPort()), new byte[16])));
        }
        return scan;
    }

    /** From networks behind the gateway and from hosts on the link, most of whom nobody ever resolves. */
    private List<Arrival> spoofedSessions() {
        final List<Arrival> sessions = new ArrayList<>();
        for (int i = random.nextInt(8); i >= 0; i--) {
            final boolean isIpv4 = random.nextBoolean();
            final int port = random.nextInt(1_024, 30_000);
            final Endpoint onLink = listener(isIpv4, port);
            final Endpoint from = random.nextBoolean()
                    ? new Endpoint(onLink.high(), onLink.low() & ~0xFFL | random.nextInt(20, 240), port)
                    : client(isIpv4, random.nextInt(120, 250), port);
            sessions.add(new Arrival(EDGE, datagram(EDGE, from,
                    listener(isIpv4, FuzzNetwork.LISTEN + random.nextInt(99)), new byte[24])));
        }
        return sessions;
    }

    /** Echo requests to us and through us, and ARP of stations that nobody asked for. */
    private List<Arrival> floods() {
        final List<Arrival> flood = new ArrayList<>();
        for (int i = random.nextInt(24); i >= 0; i--) {
            final boolean isIpv4 = random.nextBoolean();
            final byte[] frame = datagram(EDGE, any(isIpv4), listener(isIpv4, 0), new byte[24]);
            frame[isIpv4 ? 23 : 20] = (byte) (isIpv4 ? StrictPacket.ICMP : StrictPacket.ICMPV6);
            final int at = isIpv4 ? 34 : 54;
            frame[at] = (byte) (isIpv4 ? 8 : 128);
            frame[at + 1] = 0;
            ByteBuffer.wrap(frame).putInt(at + 4, random.nextInt());
            FuzzFrames.seal(frame);
            flood.add(new Arrival(EDGE, frame));
            final int link = random.nextInt(2);
            final int network = (int) (link == EDGE ? listener(true, 0) : external(true, 0)).low() & ~0xFF;
            flood.add(new Arrival(link, arp(link, network | random.nextInt(30, 240),
                    network | (random.nextBoolean() ? 1 : random.nextInt(256)))));
        }
        return flood;
    }

    private byte[] arp(final int link, final int sender, final int asked) {
        final ByteBuffer bytes = ByteBuffer.allocate(60);
        final long station = 0x02_00_00_00_0A_00L + random.nextInt(256);
        bytes.putLong(0, -1L).putLong(6, station << 16).putShort(12, (short) StrictPacket.ARP);
        bytes.putLong(14, 0x0001_0800_0604_0001L | random.nextInt(2)).putLong(22, station << 16).putInt(28, sender);
        return bytes.putLong(32, FuzzNetwork.MAC[link] << 16).putInt(38, asked).array();
    }
}
