// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import java.util.List;
import java.util.Map;

/** The kernel in B, with the iptables rules that Culvert replaces. Replies come back by conntrack. */
final class IptablesBox implements Box {
    private static final List<String> TOOLS = List.of("iptables", "iptables-legacy", "iptables-nft");

    private final Network network;
    private final Topology topology;
    private final Namespace b;
    private String label = "iptables";

    IptablesBox(final Network network, final Topology topology) {
        this.network = network;
        this.topology = topology;
        this.b = network.relay();
    }

    @Override
    public String label() {
        return label;
    }

    @Override
    public void start() {
        network.addressRelay();
        // With one arm the kernel would tell A of the shorter way; it shall forward instead, as Culvert does.
        b.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward;"
                + " for file in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $file; done");
        final String tool = TOOLS.stream().filter(this::translates).findFirst().orElseThrow(() -> new Unusable(
                "none of " + String.join(", ", TOOLS) + " can set the nat rules; the first says: "
                        + b.attempt(dnat(TOOLS.getFirst())).output().strip()));
        label = b.run(tool, "--version").strip();
    }

    private boolean translates(final String tool) {
        return b.attempt(dnat(tool)).isGood() && b.attempt(tool, "-w", "-t", "nat", "-A", "POSTROUTING",
                "-d", topology.server(), "-p", "udp", "--dport", Integer.toString(Topology.PORT),
                "-j", "SNAT", "--to-source", topology.source()).isGood();
    }

    private String[] dnat(final String tool) {
        return new String[] {tool, "-w", "-t", "nat", "-A", "PREROUTING", "-s", Topology.CLIENT, "-p", "udp",
            "--dport", Integer.toString(Topology.PORT), "-j", "DNAT", "--to-destination", topology.server()};
    }

    @Override
    public Traffic traffic() {
        final Network.Counts counts = network.relayCounts();
        return new Traffic(counts.received(), counts.sent());
    }

    @Override
    public long cpuTicks() {
        return NO_PROCESS;
    }

    @Override
    public void check() {
        // The kernel is there.
    }

    @Override
    public BoxReport report() {
        return new BoxReport(traffic(), Map.of(), network.relayCounts().dropped(),
                BoxReport.UNKNOWN, BoxReport.UNKNOWN, 0, true, List.of());
    }

    @Override
    public BoxReport finish(final BoxReport before) {
        return report().since(before);
    }
}
