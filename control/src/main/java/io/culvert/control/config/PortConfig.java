// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import java.net.InetAddress;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One DPDK port: the device, and what makes it a host on its networks. {@code device} is a PCI address or a vdev
 * string, handed to DPDK as written. The addresses keep their host bits: they are the port's own.
 * Of each family there is one gateway or none.
 */
public record PortConfig(
        String name,
        String device,
        List<Cidr> addresses,
        List<InetAddress> gateways,
        OptionalInt mtu,
        OptionalInt vlan,
        Optional<MacAddress> mac,
        Map<InetAddress, MacAddress> neighbors) {

    /** The kernel interface that a virtual device drives. */
    public Optional<String> kernelInterface() {
        return Devices.kernelInterface(device);
    }
}
