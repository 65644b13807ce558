// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.view;

import io.culvert.dataplane.wire.Ipv4Address;
import java.net.Inet4Address;

/**
 * What an address and port are asked to be: {@code ADDRESS}, {@code ADDRESS:PORT} or {@code ADDRESS/LENGTH}.
 *
 * @param network in wire order, as the mask
 * @param port {@link #ANY_PORT}, or the one
 */
public record AddressFilter(int network, int mask, int port) {
    public static final int ANY_PORT = -1;

    private static final int HIGHEST_PORT = 65_535;

    /** @throws IllegalArgumentException whose message tells the user what is wrong */
    public static AddressFilter parse(final String text) {
        final int slash = text.indexOf('/');
        if (slash >= 0) {
            final int mask = Ipv4Address.mask(number(text, text.substring(slash + 1), Integer.SIZE));
            return new AddressFilter(address(text, text.substring(0, slash)) & mask, mask, ANY_PORT);
        }
        final int colon = text.indexOf(':');
        if (colon >= 0) {
            return new AddressFilter(address(text, text.substring(0, colon)), -1,
                    number(text, text.substring(colon + 1), HIGHEST_PORT));
        }
        return new AddressFilter(address(text, text), -1, ANY_PORT);
    }

    public boolean matches(final int address, final int addressPort) {
        return (address & mask) == network && (port == ANY_PORT || port == addressPort);
    }

    private static int address(final String text, final String address) {
        // The JDK would also take 10.1 for 10.0.0.1.
        if (address.chars().filter(character -> character == '.').count() != 3) {
            throw malformed(text);
        }
        try {
            return Ipv4Address.of(Inet4Address.ofLiteral(address));
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
        return new IllegalArgumentException("'" + text + "' is not an IPv4 ADDRESS, ADDRESS:PORT or ADDRESS/LENGTH");
    }
}
