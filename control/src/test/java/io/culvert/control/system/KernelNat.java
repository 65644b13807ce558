// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import io.culvert.control.config.Cidr;
import io.culvert.control.config.PortRange;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.config.RuleConfig;
import io.culvert.control.config.SnatConfig;
import java.net.InetAddress;
import java.util.List;
import java.util.stream.Collectors;

/**
 * The kernel as a relay: the iptables rules that do what a configuration says, and nothing else. What no rule is for is
 * dropped in silence, neither forwarded nor taken in; echo requests are answered.
 */
final class KernelNat {
    private static final List<String> TOOLS = List.of("iptables", "iptables-legacy", "iptables-nft");

    private final Namespace host;
    private final String tool;

    private KernelNat(final Namespace host) {
        this.host = host;
        this.tool = tool(host);
    }

    static void start(final Namespace host, final RelayConfig config) {
        final KernelNat nat = new KernelNat(host);
        host.exec("sh", "-c", "cd /proc/sys/net/ipv4; echo 1 > ip_forward; echo 0 > icmp_ratelimit;"
                + " for file in conf/*/send_redirects; do echo 0 > $file; done");
        nat.run("-P", "INPUT", "DROP");
        nat.run("-A", "INPUT", "-p", "icmp", "--icmp-type", "echo-request", "-j", "ACCEPT");
        nat.run("-P", "FORWARD", "DROP");
        nat.run("-A", "FORWARD", "-m", "conntrack", "--ctstate", "DNAT", "-j", "ACCEPT");
        config.rules().forEach(nat::add);
    }

    /** Makes a host deaf: whatever comes in, its kernel says nothing but ARP. */
    static void silence(final Namespace host) {
        new KernelNat(host).run("-P", "INPUT", "DROP");
    }

    private void add(final RuleConfig rule) {
        if (rule.relayEcho()) {
            addEcho(rule);
        }
        final String sources = rule.sources().isEmpty() ? "0.0.0.0/0"
                : rule.sources().stream().map(Cidr::toString).collect(Collectors.joining(","));
        run("-t", "nat", "-A", "PREROUTING", "-s", sources, "-d", rule.listenAddress().getHostAddress(), "-p", "udp",
                "--dport", range(rule.listenPorts()), "-j", "DNAT", "--to-destination",
                rule.targetAddress().getHostAddress() + targetPorts(rule));
        rule.snat().ifPresent(snat -> run("-t", "nat", "-A", "POSTROUTING",
                "-d", rule.targetAddress().getHostAddress(), "-p", "udp", "--dport", range(rule.targetPorts()),
                "-j", "SNAT", "--to-source", external(snat)));
    }

    private void addEcho(final RuleConfig rule) {
        final String target = rule.targetAddress().getHostAddress();
        run("-t", "nat", "-A", "PREROUTING", "-d", rule.listenAddress().getHostAddress(), "-p", "icmp",
                "--icmp-type", "echo-request", "-j", "DNAT", "--to-destination", target);
        rule.snat().ifPresent(snat -> run("-t", "nat", "-A", "POSTROUTING", "-d", target, "-p", "icmp",
                "-j", "SNAT", "--to-source", snat.addresses().getFirst().getHostAddress()));
    }

    private static String range(final PortRange ports) {
        return ports.low() + ":" + ports.high();
    }

    /** A range keeps the offset into it: that is the number behind the slash. */
    private static String targetPorts(final RuleConfig rule) {
        final PortRange ports = rule.targetPorts();
        return ports.length() == 1 ? ":" + ports.low()
                : ":" + ports.low() + "-" + ports.high() + "/" + rule.listenPorts().low();
    }

    private static String external(final SnatConfig snat) {
        final List<String> addresses = snat.addresses().stream().map(InetAddress::getHostAddress).sorted().toList();
        return addresses.getFirst() + (addresses.size() > 1 ? "-" + addresses.getLast() : "")
                + ":" + snat.ports().low() + "-" + snat.ports().high();
    }

    private void run(final String... arguments) {
        final String[] command = new String[arguments.length + 2];
        command[0] = tool;
        command[1] = "-w";
        System.arraycopy(arguments, 0, command, 2, arguments.length);
        host.exec(command);
    }

    /** The first of the front ends that this kernel has a back end for. */
    private static String tool(final Namespace host) {
        for (final String tool : TOOLS) {
            try {
                host.exec(tool, "-w", "-t", "nat", "-L", "-n");
                return tool;
            } catch (final AssertionError unusable) {
                // The next may be.
            }
        }
        throw new AssertionError("none of " + TOOLS + " works in " + host.name());
    }
}
