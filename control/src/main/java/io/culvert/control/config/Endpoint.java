// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.dataplane.wire.IpAddress;
import java.net.InetAddress;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** An address with one port or a range of them, as rules write their two ends. */
record Endpoint(InetAddress address, PortRange ports) {
    private static final String PROTOCOL = "/udp";
    private static final Pattern BRACKETED = Pattern.compile("\\[([^\\[\\]]*)](?::(.*))?");

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
        return parse(text, suffix, Addresses::parseUnicast);
    }

    /** {@code ADDRESS:PORT[-PORT]}, an IPv6 address in brackets. */
    static Endpoint parse(final String text, final String suffix, final Function<String, InetAddress> parser) {
        final Matcher bracketed = BRACKETED.matcher(text);
        if (bracketed.matches()) {
            if (bracketed.group(2) == null) {
                throw withoutPort(text, parser.apply(bracketed.group(1)), suffix);
            }
            return new Endpoint(parser.apply(bracketed.group(1)), PortRange.parse(bracketed.group(2)));
        }
        final int colon = text.indexOf(':');
        if (colon < 0 || Addresses.isIpv6(text)) {
            throw withoutPort(text, parser.apply(text), suffix);
        }
        return new Endpoint(parser.apply(text.substring(0, colon)), PortRange.parse(text.substring(colon + 1)));
    }

    private static IllegalArgumentException withoutPort(final String text, final InetAddress address,
                                                        final String suffix) {
        return new IllegalArgumentException(Quote.of(text) + " has no port. Fix: write "
                + IpAddress.of(address).withPort("PORT") + suffix);
    }

    @Override
    public String toString() {
        return IpAddress.of(address).withPort(ports.toString());
    }
}
