// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.Arrays;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/** An IPv4 address on the command line, or a name that resolves to one. */
final class AddressConverter implements ITypeConverter<Inet4Address> {
    @Override
    public Inet4Address convert(final String text) {
        try {
            return Arrays.stream(InetAddress.getAllByName(text))
                    .filter(Inet4Address.class::isInstance)
                    .map(Inet4Address.class::cast)
                    .findFirst()
                    .orElseThrow(() -> new TypeConversionException("'" + text + "' has no IPv4 address"));
        } catch (final UnknownHostException e) {
            throw new TypeConversionException("'" + text + "' is neither an IPv4 address nor a known name");
        }
    }
}
