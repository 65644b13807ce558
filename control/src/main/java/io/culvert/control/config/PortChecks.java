// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.config;

import io.culvert.control.config.Draft.Neighbor;
import io.culvert.control.config.Draft.Port;
import io.culvert.dataplane.wire.Ipv6;
import java.net.InetAddress;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What must hold between the values of the ports: each device once, each network on one port, neighbours on-link. */
final class PortChecks {
    private final List<Port> ports;
    private final Problems problems;

    private PortChecks(final List<Port> ports, final Problems problems) {
        this.ports = ports;
        this.problems = problems;
    }

    static void check(final List<Port> ports, final Problems problems) {
        final PortChecks checks = new PortChecks(ports, problems);
        checks.checkDevices();
        for (int at = 0; at < ports.size(); at++) {
            checks.checkOwnAddresses(ports.get(at));
            checks.checkMtu(ports.get(at));
            checks.checkNetworks(ports.get(at), ports.subList(0, at));
            checks.checkGateways(ports.get(at));
            checks.checkNeighbors(ports.get(at));
        }
    }

    private void checkDevices() {
        final Map<String, Port> devices = new HashMap<>();
        final Map<String, Port> interfaces = new HashMap<>();
        final Map<MacAddress, Port> macs = new HashMap<>();
        for (final Port port : ports) {
            port.mac().ifPresent(mac -> refuseSecond(mac, macs.putIfAbsent(mac.value(), port), port,
                    "has the MAC address " + mac.value(), "give each port its own, or remove the key"));
            port.device().ifPresent(device -> {
                refuseSecond(device, devices.putIfAbsent(Devices.identity(device.value()), port), port,
                        "drives the device " + Quote.of(device.value()), "give each port a device of its own");
                Devices.kernelInterface(device.value()).ifPresent(name -> refuseSecond(
                        device, interfaces.putIfAbsent(name, port), port,
                        "drives the interface " + Quote.of(name), "give each port an interface of its own"));
            });
        }
    }

    private void refuseSecond(
            final Located<?> value, final Port first, final Port second, final String does, final String mend) {
        if (first != null) {
            problems.add(value.place(), second.title() + " " + does + ", as " + first.title() + " does. Fix: " + mend);
        }
    }

    private void checkOwnAddresses(final Port port) {
        final Set<InetAddress> seen = new HashSet<>();
        for (final Located<Cidr> own : port.addresses()) {
            if (!seen.add(own.value().address())) {
                problems.add(own.place(), port.title() + " has the address "
                        + Addresses.text(own.value().address()) + " twice. Fix: remove one");
            }
        }
    }

    private void checkMtu(final Port port) {
        port.mtu().filter(mtu -> mtu.value() < Ipv6.LEAST_MTU && port.speaksIpv6())
                .ifPresent(mtu -> problems.add(mtu.place(), port.title() + " has IPv6 addresses and mtu "
                        + mtu.value() + ", and IPv6 needs " + Ipv6.LEAST_MTU + " (RFC 8200 section 5). Fix: write "
                        + Ipv6.LEAST_MTU + " or more, or remove the IPv6 addresses"));
    }

    private void checkNetworks(final Port port, final List<Port> earlier) {
        for (final Located<Cidr> own : port.addresses()) {
            for (final Port other : earlier) {
                other.addresses().stream().filter(theirs -> theirs.value().overlaps(own.value())).findFirst()
                        .ifPresent(theirs -> problems.add(own.place(), port.title() + " has " + own.value()
                                + ", whose network overlaps " + theirs.value() + " of " + other.title() + " (line "
                                + theirs.line() + "), so it is not clear where a packet leaves. Fix: give each port"
                                + " a network of its own; one port can have several addresses in one network"));
            }
        }
    }

    private void checkGateways(final Port port) {
        for (int at = 0; at < port.gateways().size(); at++) {
            final Located<InetAddress> gateway = port.gateways().get(at);
            if (port.gateways().subList(0, at).stream()
                    .anyMatch(earlier -> Addresses.areOfOneFamily(earlier.value(), gateway.value()))) {
                problems.add(gateway.place(), port.title() + ": gateway " + Addresses.text(gateway.value())
                        + " is the second of " + Addresses.family(gateway.value())
                        + ". Fix: write one for each family");
            } else if (!port.addresses().isEmpty()) {
                checkGateway(port, gateway);
            }
        }
    }

    private void checkGateway(final Port port, final Located<InetAddress> gateway) {
        final String subject = port.title() + ": gateway " + Addresses.text(gateway.value());
        final Optional<Port> owner = ownerOf(gateway.value());
        if (owner.isPresent()) {
            problems.add(gateway.place(), subject + " is the relay's own address (" + owner.get().title()
                    + "). Fix: write the router's address");
        } else if (!isReachable(port, gateway.value())) {
            problems.add(gateway.place(), subject + " is in none of the port's networks ("
                    + networksOf(port) + "), so it cannot be reached. Fix: write a router in one of them");
        } else if (port.addresses().stream().anyMatch(own -> own.value().reserves(gateway.value()))) {
            problems.add(gateway.place(), subject
                    + " is a network or broadcast address. Fix: write the router's own address");
        }
    }

    /** Without another hop: an IPv6 port has a link-local address beside those that are written. */
    private static boolean isReachable(final Port port, final InetAddress neighbor) {
        return port.isOnLink(neighbor) || Addresses.isIpv6(neighbor) && neighbor.isLinkLocalAddress()
                && port.speaksIpv6();
    }

    private void checkNeighbors(final Port port) {
        for (final Neighbor neighbor : port.neighbors()) {
            final InetAddress address = neighbor.address().value();
            final String subject = port.title() + ": neighbor " + Addresses.text(address);
            if (ownerOf(address).isPresent()) {
                problems.add(neighbor.address().place(), subject + " is the relay's own address. Fix: remove it");
            } else if (!port.addresses().isEmpty() && !isReachable(port, address)) {
                problems.add(neighbor.address().place(), subject + " is in none of the port's networks ("
                        + networksOf(port) + "), so no packet goes to it directly. Fix: name the gateway in its place,"
                        + " or move it to the port it is connected to");
            }
        }
    }

    private Optional<Port> ownerOf(final InetAddress address) {
        return ports.stream().filter(port -> port.owns(address)).findFirst();
    }

    private static String networksOf(final Port port) {
        return String.join(", ", port.addresses().stream().map(own -> own.value().network().toString()).toList());
    }
}
