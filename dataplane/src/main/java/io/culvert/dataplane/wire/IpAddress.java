// SPDX-License-Identifier: Apache-2.0
package io.culvert.dataplane.wire;

import java.net.Inet4Address;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** An address of either family, for plans and configuration: the walk has its two longs, never the object. */
public record IpAddress(long high, long low) {
    /** Stands where there is none. */
    public static final IpAddress NONE = new IpAddress(0, 0);

    public static IpAddress of(final InetAddress address) {
        if (address instanceof final Inet4Address ipv4) {
            return new IpAddress(0, Ipv6Address.mapped(Ipv4Address.of(ipv4)));
        }
        final ByteBuffer bytes = ByteBuffer.wrap(address.getAddress()).order(ByteOrder.LITTLE_ENDIAN);
        return new IpAddress(bytes.getLong(), bytes.getLong());
    }

    public boolean isIpv4() {
        return Ipv6Address.isMapped(high, low);
    }

    /** The 32 bits of an IPv4 address. */
    public int ipv4() {
        return (int) (low >>> Integer.SIZE);
    }

    /** The address with a port behind it, as URLs write them. */
    public String withPort(final String port) {
        return (isIpv4() ? toString() : "[" + this + "]") + ":" + port;
    }

    @Override
    public String toString() {
        return isIpv4() ? Ipv4Address.format(ipv4()) : Ipv6Address.format(high, low);
    }
}
