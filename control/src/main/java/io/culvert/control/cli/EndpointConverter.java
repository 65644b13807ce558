// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import java.net.InetSocketAddress;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** ADDRESS:PORT on the command line; the address may be a name that resolves to IPv4. */
final class EndpointConverter implements ITypeConverter<InetSocketAddress> {
    private static final int PORT_LIMIT = 65_535;

    @Override
    public InetSocketAddress convert(final String text) {
        final int colon = text.lastIndexOf(':');
        if (colon < 1) {
            throw new TypeConversionException("'" + text + "' is not ADDRESS:PORT, such as 192.0.2.7:7890");
        }
        return new InetSocketAddress(
                new AddressConverter().convert(text.substring(0, colon)), port(text.substring(colon + 1)));
    }

    static int port(final String text) {
        try {
            final int port = Integer.parseInt(text);
            if (port >= 0 && port <= PORT_LIMIT) {
                return port;
            }
        } catch (final NumberFormatException e) {
            // said below, as for a number out of range
        }
        throw new TypeConversionException("'" + text + "' is not a port, 0 to " + PORT_LIMIT);
    }
}
