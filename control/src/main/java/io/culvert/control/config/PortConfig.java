// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One DPDK port: the device, and what makes it a host on its networks. {@code device} is a PCI address or a vdev
 * string, as DPDK takes it. The addresses keep their host bits: they are the port's own.
 * Of each family there is one gateway or none. A port that checks the reverse path lets only those open sessions whom
 * the relay would answer through it.
 */
public record PortConfig(
        String name,
        String device,
        List<Cidr> addresses,
        List<InetAddress> gateways,
        OptionalInt mtu,
        OptionalInt vlan,
        Optional<MacAddress> mac,
        boolean checksReversePath,
        Map<InetAddress, MacAddress> neighbors) {

    /** Bytes of an IP packet. */
    public static final int LARGEST_MTU = 9_600;

    public boolean speaksIpv6() {
        return addresses.stream().anyMatch(own -> Addresses.isIpv6(own.address()));
    }

    /** The device's address as DPDK and sysfs have it, e.g. {@code 0000:8a:00.0}; empty for a virtual device. */
    public Optional<String> pciAddress() {
        return Devices.pciAddress(device);
    }

    /** The kernel interface that a virtual device drives. */
    public Optional<String> kernelInterface() {
        return Devices.kernelInterface(device);
    }
}
