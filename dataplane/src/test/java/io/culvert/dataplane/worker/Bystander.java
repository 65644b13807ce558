// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.TestRelay.EDGE;
import static io.culvert.dataplane.worker.TestRelay.INNER;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.culvert.dataplane.flow.AddressBook;
import io.culvert.dataplane.host.Link;
import io.culvert.dataplane.host.Neighbors;
import io.culvert.dataplane.nat.Limits;
import io.culvert.dataplane.nat.NatBehavior;
import io.culvert.dataplane.nat.Rule;
import io.culvert.dataplane.nat.SnatPool;
import io.culvert.dataplane.wire.IpAddress;
import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;

/**
 * A client and its target that mind their own business in a test about others: their packets are the first and the last
 * of the test's bursts, and leave byte for byte as if nobody else were there. Nothing of the others' reaches them, and
 * nothing that the test counts changes by them. They have a rule, a pool and stations of their own, of each family that
 * both links have an address of.
 */
final class Bystander {
    private static final int LISTEN = 4_320;
    private static final int PORT = 4_322;
    private static final int TARGET_PORT = 4_324;
    private static final int HOST = 250;
    private static final int TTL = 64;
    private static final int PAYLOAD = 64;
    private static final long[] STATION = {0x02_00_00_00_FA_01L, 0x02_00_00_00_FA_02L};

    /** One family's session. */
    private record Session(IpAddress client, IpAddress listener, IpAddress external, IpAddress target) {
        Endpoint source(final int link) {
            return link == EDGE ? FuzzNetwork.endpoint(client, PORT) : FuzzNetwork.endpoint(target, TARGET_PORT);
        }

        Endpoint destination(final int link) {
            return link == EDGE ? FuzzNetwork.endpoint(listener, LISTEN) : FuzzNetwork.endpoint(external, PORT);
        }
    }

    private final List<Link> links;
    private final List<Session> sessions = new ArrayList<>();
    /** By link: what must leave there next. */
    private final List<List<byte[]>> due = List.of(new ArrayList<>(), new ArrayList<>());
    private boolean hasOpened;
    private int sequence;
    private int sent;

    private Bystander(final List<Link> links) {
        this.links = links;
    }

    static Bystander of(final RelayPlan plan) {
        final Bystander bystander = new Bystander(plan.links());
        for (final boolean isIpv4 : new boolean[] {true, false}) {
            final IpAddress listener = addressOf(plan.links().get(EDGE), isIpv4);
            final IpAddress external = addressOf(plan.links().get(INNER), isIpv4);
            if (listener != null && external != null) {
                bystander.sessions.add(
                        new Session(neighbor(listener), listener, external, neighbor(external)));
            }
        }
        return bystander;
    }

    private static IpAddress addressOf(final Link link, final boolean isIpv4) {
        return link.subnets().stream().filter(subnet -> subnet.isIpv4() == isIpv4).map(Link.Subnet::ip).findFirst()
                .orElse(null);
    }

    /** Another host of a network: the address's last byte is the most significant one, as it lies in memory. */
    private static IpAddress neighbor(final IpAddress address) {
        return new IpAddress(address.high(), address.low() & -1L >>> Byte.SIZE | (long) HOST << Long.SIZE - Byte.SIZE);
    }

    /** The plan with the bystander's rule and pool behind its own. */
    RelayPlan join(final RelayPlan plan) {
        final List<Rule> rules = new ArrayList<>(plan.rules());
        final List<SnatPool.Spec> pools = new ArrayList<>(plan.pools());
        final List<IpAddress> addresses = new ArrayList<>(plan.addresses());
        for (final Session session : sessions) {
            pools.add(new SnatPool.Spec(pools.size(), List.of(number(session.external, addresses)), PORT, PORT));
            rules.add(new Rule(rules.size(), "bystander" + rules.size(), number(session.listener, addresses), LISTEN,
                    LISTEN, List.of(Link.Subnet.of(session.client, session.client.isIpv4() ? 32 : 128)),
                    number(session.target, addresses), TARGET_PORT, true, pools.size() - 1, NatBehavior.STRICT,
                    Integer.MAX_VALUE, Integer.MAX_VALUE, true, true, Limits.NONE, Limits.NONE));
        }
        return new RelayPlan(plan.links(), rules, pools, plan.limits(), plan.workers(), addresses, plan.icmp());
    }

    private static int number(final IpAddress address, final List<IpAddress> addresses) {
        if (address.isIpv4()) {
            return address.ipv4();
        }
        if (!addresses.contains(address)) {
            addresses.add(address);
        }
        return AddressBook.number(addresses.indexOf(address));
    }

    void introduce(final Neighbors neighbors) {
        for (final Session session : sessions) {
            neighbors.addStatic(EDGE, session.client.high(), session.client.low(), FuzzNetwork.inMemory(STATION[EDGE]));
            neighbors.addStatic(INNER, session.target.high(), session.target.low(),
                    FuzzNetwork.inMemory(STATION[INNER]));
        }
    }

    /** How many sessions the bystander will ever have. */
    int sessions() {
        return sessions.size();
    }

    /** How many it has: they do not end. */
    int opened() {
        return hasOpened ? sessions.size() : 0;
    }

    int sent() {
        return sent;
    }

    /** A packet of each family for this link, as it lies on the wire; none for the target's while it has no client. */
    List<byte[]> speak(final int link) {
        if (link == INNER && !hasOpened) {
            return List.of();
        }
        hasOpened = true;
        final List<byte[]> frames = new ArrayList<>();
        final int out = 1 - link;
        for (final Session session : sessions) {
            final byte[] payload = ByteBuffer.allocate(PAYLOAD).putInt(sequence++).array();
            frames.add(onWire(link, datagram(mac(link), STATION[link], session.source(link),
                    session.destination(link), TTL, payload)));
            due.get(out).add(onWire(out, datagram(STATION[out], mac(out), session.destination(out),
                    session.source(out), TTL - 1, payload)));
        }
        sent += frames.size();
        return frames;
    }

    /** Forbids fragments: otherwise its IP id would be the relay's to choose. */
    private static byte[] datagram(final long macTo, final long macFrom, final Endpoint source,
                                   final Endpoint destination, final int ttl, final byte[] payload) {
        final byte[] frame = UdpFrames.udp(macTo, macFrom, source, destination, ttl, payload);
        return source.isIpv4() ? UdpFrames.unfragmentable(frame) : frame;
    }

    private long mac(final int link) {
        return FuzzNetwork.inMemory(links.get(link).mac());
    }

    private byte[] onWire(final int link, final byte[] frame) {
        return links.get(link).vlan() == Link.UNTAGGED ? frame : UdpFrames.tagged(frame, links.get(link).vlan());
    }

    /** Takes the bystander's frames out of all that left on a link: they are what they must be, and all are there. */
    List<byte[]> takeFrom(final int link, final List<byte[]> frames) {
        final List<byte[]> others = new ArrayList<>();
        for (final byte[] frame : frames) {
            if (!due.get(link).removeIf(expected -> Arrays.equals(expected, frame))) {
                assertEquals(false, isForUs(link, frame),
                        () -> "what reaches the bystander is not its own: " + HexFormat.of().formatHex(frame));
                others.add(frame);
            }
        }
        assertEquals(List.of(), due.get(link).stream().map(HexFormat.of()::formatHex).toList(),
                "what the bystander sent does not leave on link " + link + " as it must");
        return others;
    }

    private boolean isForUs(final int link, final byte[] tagged) {
        final byte[] frame = links.get(link).vlan() == Link.UNTAGGED ? tagged : UdpFrames.untagged(tagged);
        try {
            final StrictPacket packet = StrictPacket.parse(frame);
            return packet.hasPorts() && sessions.stream().anyMatch(session ->
                    packet.destination().equals(session.source(link)));
        } catch (final IllegalArgumentException malformed) {
            return false;
        }
    }
}
