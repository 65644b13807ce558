// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.worker;

import static io.culvert.dataplane.worker.StrictPacket.ARP;
import static io.culvert.dataplane.worker.StrictPacket.ETHERNET;
import static io.culvert.dataplane.worker.StrictPacket.IPV4;
import static io.culvert.dataplane.worker.StrictPacket.IPV6;
import static io.culvert.dataplane.worker.StrictPacket.UDP;
import static io.culvert.dataplane.worker.StrictPacket.word;

import io.culvert.dataplane.worker.StrictPacket.Endpoint;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;

/**
 * Says of every frame that leaves the relay which of those that came in explains it, or that none does. Which
 * sessions there are {@link FuzzSessions} says. It knows nothing of the relay but its configuration.
 */
final class FuzzOracle {
    private static final String NOT_MINE = "is of another kind";

    private final FuzzNetwork network;
    private final FuzzSessions sessions;
    private final Set<Endpoint> pinging = new HashSet<>();
    /** Of UDP, that came in and have not left in fragments. */
    private long fragmentBytes;

    /** A frame that came in, and what it has led to. */
    static final class Cause {
        final int link;
        final byte[] frame;
        private final StrictPacket packet;
        private final String fault;
        private boolean isSpent;

        /** @param frame without a VLAN tag; null when its tag is wrong */
        private Cause(final int link, final byte[] frame) {
            this.link = link;
            this.frame = frame;
            StrictPacket parsed = null;
            String wrong = null;
            try {
                parsed = frame == null ? null : StrictPacket.parse(frame);
            } catch (final IllegalArgumentException refused) {
                wrong = refused.getMessage();
            }
            packet = parsed;
            fault = wrong;
        }

        /** How many bytes this frame and another have in common at their ends, where no relay changes anything. */
        private int likeness(final byte[] out) {
            int common = 0;
            while (common < Math.min(frame.length, out.length)
                    && frame[frame.length - 1 - common] == out[out.length - 1 - common]) {
                common++;
            }
            return common;
        }
    }

    /**
     * What is wrong with a frame that left.
     *
     * @param what the judgement on the cause that the frame resembles most, or on the frame alone
     * @param nearest that cause; null when the frame alone is wrong
     * @param all the judgement on every cause, a line each
     */
    record Fault(String what, Cause nearest, List<String> all) {
        static Fault of(final String what) {
            return new Fault(what, null, List.of());
        }
    }

    FuzzOracle(final FuzzNetwork network) {
        this.network = network;
        this.sessions = new FuzzSessions(network);
    }

    void nowMs(final long now) {
        sessions.nowMs(now);
    }

    /** A frame comes in. */
    Cause cause(final int link, final byte[] frame) {
        final Cause cause = new Cause(link, frame);
        if (cause.packet != null && cause.packet.etherType == IPV4) {
            fragmentBytes += cause.packet.bytes.length - cause.packet.payload;
        }
        if (cause.packet != null && cause.packet.hasPorts()) {
            sessions.attempt(cause.packet);
        }
        return cause;
    }

    boolean mayStillAct(final Cause cause) {
        return cause.packet != null && cause.packet.etherType != ARP && (!sessions.isAlone() || !cause.isSpent);
    }

    void isAlone(final boolean now) {
        sessions.isAlone(now);
    }

    /** Sessions that have ended by now. */
    void forget() {
        sessions.forget();
    }

    boolean amplifies() {
        return fragmentBytes < 0;
    }

    /** A relay may ask for its next hops whenever it likes. @return whether this is such a question */
    static boolean isQuestion(final StrictPacket out) {
        if (out.etherType == ARP) {
            return word(out.bytes, 20) == 1;
        }
        return out.isIcmp() && out.etherType == IPV6 && out.type() == 135;
    }

    /** @return null when a cause explains the frame, otherwise why none does */
    Fault explain(final List<Cause> causes, final int link, final byte[] frame) {
        final StrictPacket out;
        try {
            out = StrictPacket.parse(frame);
        } catch (final IllegalArgumentException e) {
            return Fault.of("it is malformed: " + e.getMessage());
        }
        if (out.bytes.length != frame.length) {
            return Fault.of("something lies behind the packet");
        }
        if (out.macFrom() != FuzzNetwork.MAC[link]) {
            return Fault.of("it has not the port's MAC address");
        }
        if (isQuestion(out)) {
            final String reason = question(link, out);
            return reason == null ? null : Fault.of(reason);
        }
        for (final Cause cause : causes) {
            if (judge(cause, link, out) == null) {
                return null;
            }
        }
        return fault(causes, link, out);
    }

    /** Asks again, now that nothing explains the frame: words are for failures, of which there is one. */
    private Fault fault(final List<Cause> causes, final int link, final StrictPacket out) {
        final List<String> all = new ArrayList<>();
        Cause nearest = null;
        String what = "no frame came in that could explain it";
        for (final Cause cause : causes) {
            if (cause.frame != null) {
                final String reason = judge(cause, link, out);
                all.add(cause.link + ":" + HexFormat.of().formatHex(cause.frame) + " " + reason);
                if (nearest == null || nearest.likeness(out.bytes) < cause.likeness(out.bytes)) {
                    nearest = cause;
                    what = reason;
                }
            }
        }
        return new Fault(what, nearest, all);
    }

    private String judge(final Cause cause, final int link, final StrictPacket out) {
        if (cause.packet == null) {
            return "the cause has a fault: " + cause.fault;
        }
        if (sessions.isAlone() && cause.isSpent) {
            return "the cause has led to another"; // of a burst, which of those that are alike led to which is unknown
        }
        try {
            return explain(cause, link, out);
        } catch (final IndexOutOfBoundsException e) {
            return "a quote is cut short";
        }
    }

    private String question(final int link, final StrictPacket out) {
        final boolean isOurs = out.etherType == ARP
                ? network.isOwn(StrictPacket.endpoint(out.bytes, 28, IPV4, 0))
                : out.source().equals(FuzzNetwork.linkLocal(link));
        return isOurs ? null : "it asks in another's name";
    }

    private String explain(final Cause cause, final int link, final StrictPacket out) {
        final StrictPacket in = cause.packet;
        if (in.etherType != out.etherType) {
            return NOT_MINE;
        }
        final boolean isToUs = in.macTo() == FuzzNetwork.MAC[cause.link];
        String reason;
        if (out.etherType == ARP) {
            reason = cause.link == link ? arpReply(in, out) : "an answer on another link";
        } else if (!isToUs && (in.bytes[0] & 1) == 0) {
            return "the cause was for another station";
        } else {
            reason = cause.link == link ? answer(in, out) : NOT_MINE;
            if (reason != null && isToUs) {
                final boolean isTold = cause.link == link && ownError(in, out) == null;
                reason = isTold ? null : relayed(cause, link, out);
            }
        }
        if (reason == null && out.isFragment()) {
            fragmentBytes -= out.bytes.length - out.payload;
        } else if (reason == null) {
            cause.isSpent = true;
        }
        return reason;
    }

    private String arpReply(final StrictPacket in, final StrictPacket out) {
        final boolean isRight = word(in.bytes, 20) == 1 && word(out.bytes, 20) == 2
                && Arrays.equals(in.bytes, 38, 42, out.bytes, 28, 32)
                && Arrays.equals(in.bytes, 22, 32, out.bytes, 32, 42)
                && network.isOwn(StrictPacket.endpoint(out.bytes, 28, IPV4, 0))
                && Arrays.equals(in.bytes, 22, 28, out.bytes, 0, 6);
        return isRight ? null : "no ARP reply to the cause";
    }

    /** Echo replies and advertisements of our own. */
    private String answer(final StrictPacket in, final StrictPacket out) {
        if (!in.isIcmp() || !out.isIcmp()) {
            return NOT_MINE;
        }
        if (in.etherType == IPV6 && in.type() == 135) {
            final boolean isUnspecified = in.source().high() == 0 && in.source().low() == 0;
            final Endpoint asker = isUnspecified ? new Endpoint(0xFF02L << 48, 1, 0) : in.source();
            final boolean isRight = out.type() == 136 && out.destination().equals(asker)
                    && Arrays.equals(in.bytes, 62, 78, out.bytes, 62, 78) && out.bytes.length == 86
                    && network.isOwn(StrictPacket.endpoint(out.bytes, 62, IPV6, 0));
            return isRight ? null : "no advertisement for the cause";
        }
        final boolean isEcho = in.type() == (in.etherType == IPV4 ? 8 : 128)
                && out.type() == (in.etherType == IPV4 ? 0 : 129) && in.bytes[in.payload + 1] == 0
                && network.isOwn(in.destination()) && out.source().equals(in.destination())
                && out.destination().equals(in.source()) && out.macTo() == in.macFrom()
                && in.bytes.length == out.bytes.length && in.payload == out.payload
                && sameFrom(in.payload + 4, in, out);
        return isEcho ? null : "no echo reply to the cause";
    }

    /** What the relay says of itself about a packet: quotes it as it came in, and goes back where it came from. */
    private String ownError(final StrictPacket in, final StrictPacket out) {
        final int quote = out.payload + 8;
        if (!out.isIcmpError() || !network.isOwn(out.source())
                || !out.destination().equals(in.source().withoutPort())) {
            return NOT_MINE;
        }
        final int quoted = out.bytes.length - quote;
        final boolean isRight = !in.isIcmpError() && out.macTo() == in.macFrom()
                && quoted <= in.bytes.length - ETHERNET
                && out.bytes.length - ETHERNET <= (in.etherType == IPV4 ? 576 : 1_280)
                && Arrays.equals(in.bytes, ETHERNET, ETHERNET + quoted, out.bytes, quote, out.bytes.length);
        return isRight ? null : "an ICMP error that does not quote the cause";
    }

    private String relayed(final Cause cause, final int link, final StrictPacket out) {
        final StrictPacket in = cause.packet;
        if (in.protocol != out.protocol) {
            return NOT_MINE;
        }
        final long mac = network.macOf(out.destination());
        if (network.linkTo(out.destination()) != link || mac != 0 && out.macTo() != mac) {
            return "it leaves by another way than its destination's";
        }
        if (in.ttl() - network.decrement() != out.ttl() || out.ttl() < network.decrement()) {
            return "another TTL";
        }
        if (out.bytes.length - ETHERNET > network.mtu(link)) {
            return "longer than the MTU";
        }
        if (cannotSend(in.source())) {
            return "the cause's source is none";
        }
        if (in.protocol == UDP) {
            return in.isFragment() || out.isFragment() ? fragment(in, out) : datagram(in, out);
        }
        return in.isIcmpError() ? error(in, out) : relayedEcho(in, out);
    }

    private boolean cannotSend(final Endpoint source) {
        if (!source.isIpv4()) {
            return source.high() >>> 56 == 0xFF || source.high() == 0 && source.low() >>> 1 == 0
                    || network.isOwn(source);
        }
        final int first = (int) source.low() >>> 24;
        return first == 0 || first == 127 || first >= 224 || network.isOwn(source);
    }

    private String datagram(final StrictPacket in, final StrictPacket out) {
        if (in.bytes.length != out.bytes.length || in.payload != out.payload) {
            return "another length";
        }
        final byte[] expected = in.bytes.clone();
        takeFromNetwork(out, expected);
        takeFromUdp(out.bytes, expected, in.payload);
        if (!Arrays.equals(expected, out.bytes)) {
            return "a byte changed that is none of NAT's: " + Arrays.mismatch(expected, out.bytes);
        }
        final String checksum = checksum(in.bytes, in.addresses(), out.bytes, out.addresses(), in.addressLength(),
                in.payload);
        return checksum != null ? checksum : sessions.translation(in, out);
    }

    /**
     * MAC addresses, TTL, header checksum and addresses are judged elsewhere; the id of a packet that may be cut is the
     * relay's to choose.
     */
    private static void takeFromNetwork(final StrictPacket out, final byte[] expected) {
        copy(out.bytes, expected, 0, 12);
        copy(out.bytes, expected, out.addresses(), 2 * out.addressLength());
        if (out.etherType == IPV4) {
            copy(out.bytes, expected, 22, 1);
            copy(out.bytes, expected, 24, 2);
            copy(out.bytes, expected, 18, (expected[20] & 0x40) == 0 ? 2 : 0);
        } else {
            copy(out.bytes, expected, 21, 1);
        }
    }

    private static void takeFromUdp(final byte[] out, final byte[] expected, final int at) {
        copy(out, expected, at, 4);
        copy(out, expected, at + 6, 2);
    }

    private static void copy(final byte[] from, final byte[] to, final int at, final int length) {
        System.arraycopy(from, at, to, at, length);
    }

    /** As right or as wrong as it was; or absent as it was. */
    private static String checksum(final byte[] in, final int inAddresses, final byte[] out, final int outAddresses,
                                   final int addressLength, final int udp) {
        final int before = word(in, udp + 6);
        final int after = word(out, udp + 6);
        if (before == 0 || after == 0) {
            return before == after ? null : "a UDP checksum came or went";
        }
        final int was = StrictPacket.sum(in, inAddresses, inAddresses + 2 * addressLength)
                + StrictPacket.sum(in, udp, udp + 4) + before;
        final int is = StrictPacket.sum(out, outAddresses, outAddresses + 2 * addressLength)
                + StrictPacket.sum(out, udp, udp + 4) + after;
        return was % 0xFFFF == is % 0xFFFF ? null : "the UDP checksum is not as wrong as it was";
    }

    /** But for what is judged elsewhere, and the id, which is the relay's to choose. */
    private static boolean isSameHeader(final StrictPacket in, final StrictPacket out) {
        if (in.etherType == IPV4) {
            return in.bytes[15] == out.bytes[15] && (in.bytes[20] & 0x40) == (out.bytes[20] & 0x40);
        }
        final byte[] expected = Arrays.copyOf(in.bytes, in.payload);
        takeFromNetwork(out, expected);
        copy(out.bytes, expected, in.payload - 4, 4);
        return Arrays.equals(expected, Arrays.copyOf(out.bytes, out.payload));
    }

    /** Fragments that are alike cannot be told apart, so they stay causes; {@link #fragmentBytes} bounds them all. */
    private String fragment(final StrictPacket in, final StrictPacket out) {
        final int inLength = in.bytes.length - in.payload;
        final int length = out.bytes.length - out.payload;
        final int from = out.offset - in.offset;
        if (from < 0 || from + length > inLength || length < inLength && !in.mayBeCut()) {
            return "no piece of the cause";
        }
        if (from + length < inLength ? !out.more || length % 8 != 0 : out.more != in.more) {
            return "more fragments follow, or none";
        }
        final byte[] expected = Arrays.copyOfRange(in.bytes, in.payload + from, in.payload + from + length);
        final byte[] actual = Arrays.copyOfRange(out.bytes, out.payload, out.bytes.length);
        if (out.offset == 0) {
            takeFromUdp(actual, expected, 0);
        }
        if (!Arrays.equals(expected, actual) || !isSameHeader(in, out)) {
            return "a byte of the fragment changed";
        }
        String reason = null;
        if (out.offset == 0) {
            reason = checksum(in.bytes, in.addresses(), out.bytes, out.addresses(), in.addressLength(), in.payload);
            reason = reason != null ? reason : sessions.translation(in, out);
        } else if (FuzzNetwork.isListener(in.destination())) {
            final boolean isIpv4 = in.etherType == IPV4;
            final Endpoint target = FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.TARGET : FuzzNetwork.TARGET6, 0);
            final Endpoint other =
                    FuzzNetwork.endpoint(isIpv4 ? FuzzNetwork.OTHER_TARGET : FuzzNetwork.OTHER_TARGET6, 0);
            final boolean isToTarget = out.destination().equals(target) || out.destination().equals(other);
            reason = isToTarget && FuzzNetwork.isExternal(out.source()) ? null : "not to a target";
        } else if (!FuzzNetwork.isListener(out.source()) || !sessions.hasClient(out.destination())) {
            reason = "not from a listener to a client";
        }
        return reason;
    }

    private String error(final StrictPacket in, final StrictPacket out) {
        if (in.bytes.length != out.bytes.length || in.payload != out.payload) {
            return "another length";
        }
        final int quote = in.payload + 8;
        final int addresses = quote + (in.etherType == IPV4 ? 12 : 8);
        final int ports = quotedPorts(in, quote);
        final byte[] expected = in.bytes.clone();
        takeFromNetwork(out, expected);
        copy(out.bytes, expected, in.payload + 2, 2);
        copy(out.bytes, expected, addresses, 2 * in.addressLength());
        final boolean isAboutEcho = in.etherType == IPV4 && in.bytes[quote + 9] == 1;
        copy(out.bytes, expected, ports + (isAboutEcho ? 2 : 0), isAboutEcho ? 4 : 8);
        if (!isAboutEcho) {
            expected[ports + 4] = in.bytes[ports + 4];
            expected[ports + 5] = in.bytes[ports + 5];
        }
        if (in.etherType == IPV4) {
            copy(out.bytes, expected, quote + 10, 2);
            if (StrictPacket.sum(out.bytes, quote, quote + 4 * (out.bytes[quote] & 0xF)) != 0xFFFF) {
                return "the quoted header checksum is wrong";
            }
        }
        if (!Arrays.equals(expected, out.bytes)) {
            return "a byte of the error changed that is none of NAT's: " + Arrays.mismatch(expected, out.bytes);
        }
        if (isAboutEcho) {
            return network.isOpen() ? null : "nobody relays echo";
        }
        final String checksum = checksum(in.bytes, addresses, out.bytes, addresses, in.addressLength(), ports);
        return checksum != null ? "quoted: " + checksum : sessions.errorTranslation(in, out, addresses, ports);
    }

    private static int quotedPorts(final StrictPacket in, final int quote) {
        if (in.etherType == IPV4) {
            return quote + 4 * (in.bytes[quote] & 0xF);
        }
        int next = in.bytes[quote + 6] & 0xFF;
        int at = quote + 40;
        while (next == 0 || next == 43 || next == 44 || next == 60) {
            final int length = next == 44 ? 8 : 8 * (1 + (in.bytes[at + 1] & 0xFF));
            next = in.bytes[at] & 0xFF;
            at += length;
        }
        return at;
    }

    private String relayedEcho(final StrictPacket in, final StrictPacket out) {
        if (!network.isOpen() || in.etherType != IPV4 || in.bytes.length != out.bytes.length) {
            return "nobody relays echo";
        }
        final byte[] expected = in.bytes.clone();
        takeFromNetwork(out, expected);
        copy(out.bytes, expected, in.payload + 2, 4);
        if (!Arrays.equals(expected, out.bytes)) {
            return "a byte of the echo changed";
        }
        if (in.type() == 8 && FuzzNetwork.isListener(in.destination())) {
            pinging.add(in.source());
            return out.destination().equals(FuzzNetwork.endpoint(FuzzNetwork.TARGET, 0))
                    && FuzzNetwork.isExternal(out.source()) ? null : "an echo request to no target";
        }
        return in.type() == 0 && FuzzNetwork.isListener(out.source()) && pinging.contains(out.destination())
                ? null : "an echo reply that nobody waits for";
    }

    private static boolean sameFrom(final int at, final StrictPacket in, final StrictPacket out) {
        return Arrays.equals(in.bytes, at, in.bytes.length, out.bytes, at, out.bytes.length);
    }
}
