// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.demo.Demo;
import io.culvert.control.demo.DemoPlan;
import io.culvert.control.demo.DemoReport;
import io.culvert.control.demo.Driver;
import io.culvert.control.demo.Unprivileged;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code culvert demo}: real UDP clients talk to a real UDP server through Culvert, on this host and nowhere else. */
@Command(
        name = "demo",
        header = {
            "Shows the relay at work: clients, relay and server in network namespaces of this host.",
            "",
            "  culvert demo",
            "  culvert demo --one-arm --flows 50000 --rate 20000",
            "  culvert demo --compare iptables",
            "  culvert demo --flows 5000 --kill-after 5",
            ""
        },
        description = "No NIC and no huge pages needed. Leaves nothing behind. Ctrl-C ends it early.",
        mixinStandardHelpOptions = true,
        sortOptions = false)
final class DemoCommand implements Callable<Integer> {
    private static final int MOST_SECONDS = 86_400;
    /** One client address has so many source ports that the relay can lend as they are. */
    private static final int MOST_FLOWS = 60_000;
    private static final int MOST_RATE = 1_000_000;
    private static final int SECONDS_AFTER_KILL = 10;
    private static final int LEAST_PAYLOAD = 32;
    /** What fits in one packet: fragments are not relayed. */
    private static final int MOST_PAYLOAD = 1_472;

    /** What else to measure. */
    enum Comparison { IPTABLES }

    @Spec
    private CommandSpec spec;

    @Option(names = "--seconds", paramLabel = "N", defaultValue = "10",
            description = "How long the clients send; default ${DEFAULT-VALUE}.")
    private int seconds;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "100",
            description = "Clients, each with its own source port; default ${DEFAULT-VALUE}, at most 60000.")
    private int flows;

    @Option(names = "--rate", paramLabel = "PPS", defaultValue = "10000",
            description = "Packets per second of all clients together; default ${DEFAULT-VALUE}.")
    private int rate;

    @Option(names = "--payload", paramLabel = "BYTES", defaultValue = "758",
            description = "UDP payload, 32 to 1472; default ${DEFAULT-VALUE}, an Ethernet frame of 800 bytes.")
    private int payload;

    @Option(names = "--one-arm", description = "The relay has one port, in one network with client and server.")
    private boolean oneArm;

    @Option(names = "--kill-after", paramLabel = "N", defaultValue = "0",
            description = "After N seconds kill the relay (kill -9) and start it again: its streams go on. Then the"
                    + " clients send for at least 10 seconds more; the exit code is 0 only if every session was kept.")
    private int killAfter;

    @Option(names = "--compare", paramLabel = "iptables",
            description = "Then the same through the kernel with the iptables rules that Culvert replaces.")
    private Comparison comparison;

    @Option(names = "--driver", paramLabel = "NAME",
            description = "af_xdp, tap or af_packet; default: the first of them that works here.")
    private Driver driver;

    @Option(names = "--json", description = "Print one JSON object on stdout.")
    private boolean json;

    @Override
    public Integer call() {
        LabOptions.check("--seconds", seconds, 1, MOST_SECONDS);
        LabOptions.check("--kill-after", killAfter, 0, MOST_SECONDS);
        LabOptions.check("--flows", flows, 1, MOST_FLOWS);
        LabOptions.check("--rate", rate, 1, MOST_RATE);
        LabOptions.check("--payload", payload, LEAST_PAYLOAD, MOST_PAYLOAD);
        try (StopSignal signal = new StopSignal()) {
            return Unprivileged.isPrivileged() ? run(signal)
                    : Unprivileged.run(spec.root().commandLine().getParseResult().originalArgs(), signal);
        }
    }

    private int run(final StopSignal signal) {
        final int longEnough = killAfter == 0 ? seconds : Math.max(seconds, killAfter + SECONDS_AFTER_KILL);
        final DemoPlan plan = new DemoPlan(longEnough, flows, rate, payload, oneArm,
                driver == null ? List.of(Driver.values()) : List.of(driver), killAfter,
                comparison == Comparison.IPTABLES);
        final Optional<DemoReport> report =
                new Demo(plan, signal, line -> spec.commandLine().getErr().println(line)).run();
        if (report.isEmpty()) {
            spec.commandLine().getErr().println("stopped; everything is removed again");
            return Failure.FAILED;
        }
        if (json) {
            report.get().json(spec.commandLine().getOut());
        } else {
            spec.commandLine().getOut().println(report.get().text());
        }
        spec.commandLine().getOut().flush();
        return report.get().isCorrupted() || report.get().hasLostSessions() ? Failure.FAILED : CommandLine.ExitCode.OK;
    }
}
