// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.host.Link.Subnet;
import io.culvert.dataplane.wire.IpAddress;
import java.net.InetAddress;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What an address and port are asked to be: {@code ADDRESS}, {@code ADDRESS:PORT} or {@code ADDRESS/LENGTH}, an IPv6
 * address with a port in brackets.
 *
 * @param port {@link #ANY_PORT}, or the one
 */
public record AddressFilter(Subnet network, int port) {
    public static final int ANY_PORT = -1;

    private static final int HIGHEST_PORT = 65_535;
    private static final Pattern WITH_PORT = Pattern.compile("\\[([^]]*)]:(.*)|([^:]*):([^:]*)");

    /** @throws IllegalArgumentException whose message tells the user what is wrong */
    public static AddressFilter parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash >= 0) {
            final IpAddress address = address(text, text.substring(0, slash));
            return new AddressFilter(
                    Subnet.of(address, number(text, text.substring(slash + 1), longestPrefix(address))), ANY_PORT);
        }
        final Matcher form = WITH_PORT.matcher(text);
        if (form.matches()) {
            final boolean isBracketed = form.group(1) != null;
            return new AddressFilter(whole(address(text, form.group(isBracketed ? 1 : 3))),
                    number(text, form.group(isBracketed ? 2 : 4), HIGHEST_PORT));
        }
        return new AddressFilter(whole(address(text, text)), ANY_PORT);
    }

    public boolean matches(final IpAddress address, final int addressPort) {
        return network.contains(address.high(), address.low()) && (port == ANY_PORT || port == addressPort);
    }

    private static Subnet whole(final IpAddress address) {
        return Subnet.of(address, longestPrefix(address));
    }

    private static int longestPrefix(final IpAddress address) {
        return address.isIpv4() ? Integer.SIZE : 2 * Long.SIZE;
    }

    private static IpAddress address(final String text, final String address) {
        // The JDK would also take 10.1 for 10.0.0.1.
        if (address.indexOf(':') < 0 && address.chars().filter(character -> character == '.').count() != 3) {
            throw malformed(text);
        }
        try {
            return IpAddress.of(InetAddress.ofLiteral(address));
        } catch (final IllegalArgumentException e) {
            throw malformed(text);
        }
    }

    private static int number(final String text, final String digits, final int highest) {
        try {
            final int number = Integer.parseUnsignedInt(digits);
            if (number >= 0 && number <= highest) {
                return number;
            }
        } catch (final NumberFormatException e) {
            // Told below.
        }
        throw malformed(text);
    }

    private static IllegalArgumentException malformed(final String text) {
        return new IllegalArgumentException(
                "'" + text + "' is not an ADDRESS, ADDRESS:PORT, [IPV6]:PORT or ADDRESS/LENGTH");
    }
}
