// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * IPv4 addresses as text and as 32 bits. Names are never resolved: a relay must start the same with DNS down.
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
            throw new IllegalArgumentException(Quote.of(text) + (isIpv6(text)
                    ? " is an IPv6 address, and IPv6 is not relayed yet. Fix: use an IPv4 address"
                    : " is not an address. Fix: write four numbers, like 192.0.2.7"));
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

    /** As {@link #parse}, and one host can own the address. */
    static InetAddress parseUnicast(final String text) {
        final InetAddress address = parse(text);
        final Optional<String> oddity = oddity(address);
        if (oddity.isPresent()) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " is " + oddity.get() + ". Fix: use the address of one host");
        }
        return address;
    }

    /** Why no host on a network can own the address; empty when one can. */
    static Optional<String> oddity(final InetAddress address) {
        final int first = Byte.toUnsignedInt(address.getAddress()[0]);
        if (first == 0) {
            return Optional.of("in 0.0.0.0/8, which names no host");
        }
        if (address.isLoopbackAddress()) {
            return Optional.of("a loopback address");
        }
        if (address.isMulticastAddress()) {
            return Optional.of("a multicast address");
        }
        if (bits(address) == -1) {
            return Optional.of("the broadcast address");
        }
        return first >= CLASS_E_FIRST_OCTET ? Optional.of("in the reserved 240.0.0.0/4") : Optional.empty();
    }

    /** Host order. */
    static int bits(final InetAddress address) {
        return ByteBuffer.wrap(((Inet4Address) address).getAddress()).getInt();
    }

    static InetAddress of(final int bits) {
        try {
            return InetAddress.getByAddress(ByteBuffer.allocate(Integer.BYTES).putInt(bits).array());
        } catch (final UnknownHostException impossible) {
            throw new AssertionError("four bytes are an address", impossible);
        }
    }

    /** Whether it reads as IPv6, in brackets or without. */
    static boolean isIpv6(final String text) {
        if (text.chars().filter(c -> c == ':').count() < 2) {
            return false;
        }
        try {
            InetAddress.ofLiteral(text);
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
