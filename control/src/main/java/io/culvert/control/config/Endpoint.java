// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.InetAddress;

/** An address with one port or a range of them, as rules write their two ends. */
record Endpoint(InetAddress address, PortRange ports) {
    private static final String PROTOCOL = "/udp";

    /** {@code ADDRESS:PORT[-PORT]/udp}. */
    static Endpoint parseListen(final String text) {
        final int slash = text.indexOf('/');
        if (slash < 0) {
            final Endpoint endpoint = parse(text, PROTOCOL);
            throw new IllegalArgumentException(
                    Quote.of(text) + " has no protocol. Fix: write " + endpoint + PROTOCOL);
        }
        if (!text.substring(slash).equals(PROTOCOL)) {
            throw new IllegalArgumentException(
                    Quote.of(text) + " asks for something else than udp. Fix: end it with " + PROTOCOL);
        }
        return parse(text.substring(0, slash), PROTOCOL);
    }

    /** {@code ADDRESS:PORT[-PORT]}. */
    static Endpoint parseTarget(final String text) {
        final int slash = text.indexOf('/');
        if (slash >= 0) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " names a protocol; the listener alone has it. Fix: write " + text.substring(0, slash));
        }
        return parse(text, "");
    }

    boolean overlaps(final Endpoint other) {
        return address.equals(other.address) && ports.overlaps(other.ports);
    }

    private static Endpoint parse(final String text, final String suffix) {
        if (text.startsWith("[") || Addresses.isIpv6(text)) {
            throw new IllegalArgumentException(Quote.of(text)
                    + " is an IPv6 address, and IPv6 is not relayed yet. Fix: use an IPv4 address");
        }
        final int colon = text.indexOf(':');
        if (colon < 0) {
            final InetAddress address = Addresses.parseUnicast(text);
            throw new IllegalArgumentException(Quote.of(text) + " has no port. Fix: write "
                    + address.getHostAddress() + ":PORT" + suffix);
        }
        return new Endpoint(
                Addresses.parseUnicast(text.substring(0, colon)), PortRange.parse(text.substring(colon + 1)));
    }

    @Override
    public String toString() {
        return address.getHostAddress() + ":" + ports;
    }
}
