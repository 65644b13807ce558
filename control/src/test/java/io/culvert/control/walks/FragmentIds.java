// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.walks;

import io.culvert.dataplane.wire.Checksum;
import io.culvert.dataplane.wire.Ethernet;
import io.culvert.dataplane.wire.Ipv4;
import io.culvert.dataplane.wire.Ipv6;
import io.culvert.dataplane.wire.Wire;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The IP ids that a relay may choose (RFC 6864). Those of fragments are replaced by their order of appearance: two
 * captures are the same when the same fragments share an id. Those of whole IPv4 packets that may be cut are replaced
 * by 0. The header checksum of IPv4 follows, so that a wrong one stays wrong.
 */
final class FragmentIds {
    /** Of the byte with the flags. */
    private static final int DONT_FRAGMENT = 0x40;
    private static final int NONE = -1;

    private FragmentIds() { }

    static List<byte[]> ranked(final List<byte[]> frames) {
        final Map<Integer, Integer> ranks = new HashMap<>();
        return frames.stream().map(frame -> isFragment(frame) ? ranked(frame, ranks) : whole(frame)).toList();
    }

    /** The same where the order of frames means nothing: all ids replaced by one. */
    static List<byte[]> blanked(final List<byte[]> frames) {
        return frames.stream().map(frame -> isFragment(frame) ? with(frame, 0) : whole(frame)).toList();
    }

    /** How many ids there are. */
    static long count(final List<byte[]> frames) {
        return frames.stream().filter(FragmentIds::isFragment).map(FragmentIds::id).distinct().count();
    }

    private static byte[] ranked(final byte[] frame, final Map<Integer, Integer> ranks) {
        return with(frame, ranks.computeIfAbsent(id(frame), unknown -> ranks.size()));
    }

    private static byte[] whole(final byte[] frame) {
        final boolean mayBeCut = isIpv4(frame) && (frame[ipAt(frame) + 6] & DONT_FRAGMENT) == 0;
        return mayBeCut ? with(frame, 0) : frame;
    }

    private static int id(final byte[] frame) {
        final int header = ipv6HeaderAt(frame);
        return header == NONE ? fromIp(frame).get(Wire.SHORT, Ipv4.ID)
                : MemorySegment.ofArray(frame).get(Wire.INT, header + Ipv6.FRAGMENT_ID);
    }

    private static byte[] with(final byte[] original, final int id) {
        final byte[] frame = original.clone();
        final int header = ipv6HeaderAt(frame);
        if (header != NONE) {
            MemorySegment.ofArray(frame).set(Wire.INT, header + Ipv6.FRAGMENT_ID, id);
            return frame;
        }
        final MemorySegment bytes = fromIp(frame);
        final int checksum = bytes.get(Wire.SHORT, Ipv4.CHECKSUM) & 0xFFFF;
        final int delta = Checksum.delta(0, id(frame) & 0xFFFF, id & 0xFFFF);
        bytes.set(Wire.SHORT, Ipv4.ID, (short) id);
        bytes.set(Wire.SHORT, Ipv4.CHECKSUM, (short) Checksum.update(checksum, delta));
        return frame;
    }

    /** Where the fragment header of a part of an IPv6 datagram lies, or NONE. */
    private static int ipv6HeaderAt(final byte[] frame) {
        if (frame.length < Ipv6.PAYLOAD + Ipv6.EXTENSION_UNIT
                || etherType(frame, Ethernet.ETHERTYPE) != Ethernet.IPV6) {
            return NONE;
        }
        final boolean isBehindOptions = frame[Ipv6.NEXT_HEADER] == Ipv6.DESTINATION_OPTIONS;
        final int next = isBehindOptions ? frame[Ipv6.PAYLOAD] : frame[Ipv6.NEXT_HEADER];
        final int at = Ipv6.PAYLOAD + (isBehindOptions ? (frame[Ipv6.PAYLOAD + 1] + 1) * Ipv6.EXTENSION_UNIT : 0);
        return next == Ipv6.FRAGMENT && !Ipv6.isWhole(etherType(frame, at + Ipv6.FRAGMENT_OFFSET)) ? at : NONE;
    }

    /** The frame as if it had no tag, so that the offsets of IPv4 hold. */
    private static MemorySegment fromIp(final byte[] frame) {
        return MemorySegment.ofArray(frame).asSlice(ipAt(frame) - Ipv4.VERSION_IHL);
    }

    private static boolean isFragment(final byte[] frame) {
        return ipv6HeaderAt(frame) != NONE || isIpv4Fragment(frame);
    }

    private static boolean isIpv4Fragment(final byte[] frame) {
        final int at = ipAt(frame);
        return isIpv4(frame) && ((frame[at + 6] & 0x3F) | frame[at + 7]) != 0;
    }

    private static boolean isIpv4(final byte[] frame) {
        final int at = ipAt(frame);
        return at + Ipv4.HEADER_LENGTH <= frame.length && frame[at] == Ipv4.VERSION_4_NO_OPTIONS
                && etherType(frame, at - 2) == Ethernet.IPV4;
    }

    /** Behind one VLAN tag, if there is one. */
    private static int ipAt(final byte[] frame) {
        final boolean isTagged = frame.length > Ipv4.PAYLOAD && etherType(frame, Ethernet.ETHERTYPE) == Ethernet.VLAN;
        return Ethernet.HEADER_LENGTH + (isTagged ? 4 : 0);
    }

    private static short etherType(final byte[] frame, final int at) {
        return MemorySegment.ofArray(frame).get(Wire.SHORT, at);
    }
}
