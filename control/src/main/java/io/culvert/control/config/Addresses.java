// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.wire.IpAddress;
import java.net.Inet4Address;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Addresses of both families as text and as bytes. Names are never resolved: a relay must start the same with DNS down.
 * Stricter than {@link InetAddress#ofLiteral}, which also reads {@code 10.1} as 10.0.0.1.
 */
final class Addresses {
    private static final Pattern NUMERIC = Pattern.compile("[0-9.]+");
    private static final Pattern FOUR_PARTS = Pattern.compile("[0-9]{1,3}(?:\\.[0-9]{1,3}){3}");
    private static final Pattern LEADING_ZERO = Pattern.compile("(?:^|\\.)0[0-9]");
    private static final int OCTET_HIGHEST = 255;
    private static final int CLASS_E_FIRST_OCTET = 240;

    private Addresses() {
    }

    /** @throws IllegalArgumentException whose message opens with the quoted text and ends with the mend */
    static InetAddress parse(final String text) {
        if (text.indexOf(':') >= 0) {
            return parseIpv6(text);
        }
        if (!NUMERIC.matcher(text).matches()) {
            throw new IllegalArgumentException(Quote.of(text) + " is not an address in digits, and names are never"
                    + " resolved: the relay must start with DNS down. Fix: write the address, like 192.0.2.7");
        }
        if (LEADING_ZERO.matcher(text).find()) {
            throw new IllegalArgumentException(Quote.of(text) + " has a number with leading zeros, which some programs"
                    + " read as octal. Fix: write it without them");
        }
        if (!FOUR_PARTS.matcher(text).matches() || !octetsFit(text)) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is not an IPv4 address. Fix: write four numbers from 0 to 255, like 192.0.2.7");
        }
        return InetAddress.ofLiteral(text);
    }

    private static InetAddress parseIpv6(final String text) {
        if (!isIpv6(text)) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is not an address. Fix: write one like 192.0.2.7 or 2001:db8::7");
        }
        if (text.indexOf('%') >= 0) {
            throw new IllegalArgumentException(Quote.of(text) + " names an interface. Fix: write "
                    + text.substring(0, text.indexOf('%')) + ", the port that it stands at says the rest");
        }
        final InetAddress address = InetAddress.ofLiteral(text);
        if (!isIpv6(address)) {
            throw new IllegalArgumentException(Quote.of(text) + " is an IPv4 address in IPv6 clothes. Fix: write "
                    + address.getHostAddress());
        }
        return address;
    }

    /** As {@link #parse}, and one host can own the address. */
    static InetAddress parseUnicast(final String text) {
        final InetAddress address = parse(text);
        if (isIpv6(address) && address.isLinkLocalAddress()) {
            throw new IllegalArgumentException(Quote.of(text) + " is a link-local address, which every port has by"
                    + " itself and which is not relayed. Fix: use a routed address");
        }
        return checkUnicast(text, address);
    }

    /** As {@link #parseUnicast}, but it may be link-local: routers call themselves so. */
    static InetAddress parseNextHop(final String text) {
        return checkUnicast(text, parse(text));
    }

    private static InetAddress checkUnicast(final String text, final InetAddress address) {
        final Optional<String> oddity = oddity(address);
        if (oddity.isPresent()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is " + oddity.get() + ". Fix: use the address of one host");
        }
        return address;
    }

    /** Why no host on a network can own the address; empty when one can. */
    static Optional<String> oddity(final InetAddress address) {
        if (address.isLoopbackAddress()) {
            return Optional.of("a loopback address");
        }
        if (address.isMulticastAddress()) {
            return Optional.of("a multicast address");
        }
        if (address instanceof final Inet6Address ipv6) {
            return address.isAnyLocalAddress() ? Optional.of("the unspecified address, which names no host")
                    : ipv6.isIPv4CompatibleAddress() ? Optional.of("in ::/96, which names no host") : Optional.empty();
        }
        final int first = Byte.toUnsignedInt(address.getAddress()[0]);
        if (first == 0) {
            return Optional.of("in 0.0.0.0/8, which names no host");
        }
        if (of4(address) == -1) {
            return Optional.of("the broadcast address");
        }
        return first >= CLASS_E_FIRST_OCTET ? Optional.of("in the reserved 240.0.0.0/4") : Optional.empty();
    }

    /** The 32 bits of an IPv4 address in host order. */
    static int of4(final InetAddress address) {
        return ByteBuffer.wrap(((Inet4Address) address).getAddress()).getInt();
    }

    static InetAddress of(final byte[] bytes) {
        try {
            return bytes.length == Integer.BYTES ? InetAddress.getByAddress(bytes)
                    : Inet6Address.getByAddress(null, bytes, -1);
        } catch (final UnknownHostException impossible) {
            throw new AssertionError("four or sixteen bytes are an address", impossible);
        }
    }

    /** How many bits an address of this family has. */
    static int bits(final InetAddress address) {
        return address.getAddress().length * Byte.SIZE;
    }

    static boolean isIpv6(final InetAddress address) {
        return address instanceof Inet6Address;
    }

    static boolean areOfOneFamily(final InetAddress one, final InetAddress other) {
        return isIpv6(one) == isIpv6(other);
    }

    static String family(final InetAddress address) {
        return isIpv6(address) ? "IPv6" : "IPv4";
    }

    /** As people write it: IPv6 as RFC 5952 says. */
    static String text(final InetAddress address) {
        return IpAddress.of(address).toString();
    }

    /** Whether it reads as IPv6, without brackets. */
    static boolean isIpv6(final String text) {
        if (text.startsWith("[") || text.chars().filter(c -> c == ':').count() < 2) {
            return false;
        }
        try {
            InetAddress.ofLiteral(text.contains("%") ? text.substring(0, text.indexOf('%')) : text);
            return true;
        } catch (final IllegalArgumentException notAnAddress) {
            return false;
        }
    }

    private static boolean octetsFit(final String text) {
        return Pattern.compile("\\.").splitAsStream(text).mapToInt(Integer::parseInt)
                .allMatch(octet -> octet <= OCTET_HIGHEST);
    }
}
