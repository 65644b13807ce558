// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import io.culvert.bindings.libc.SocketAddress;
import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import io.culvert.control.lab.ClientFleet;
import io.culvert.control.lab.ClientPlan;
import io.culvert.control.lab.ClientReport;
import java.net.Inet4Address;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code culvert lab client}: many UDP flows at a steady rate, and an account of every answer. */
@Command(
        name = "client",
        header = {
            "Sends to a UDP echo server from many sockets and accounts for every answer.",
            "",
            "  culvert lab client --target 192.0.2.7:7890 --flows 1000 --rate 20000",
            ""
        },
        description = "Ctrl-C ends it early, with the same report.",
        mixinStandardHelpOptions = true)
final class LabClientCommand implements Runnable {
    private static final int MOST_FLOWS = 4_000_000;
    private static final int MOST_RATE = 100_000_000;
    private static final double USUAL_FLOW_START_RATE = 10_000;
    /** Unless told otherwise, all flows have started after this part of the run. */
    private static final double RAMP_SHARE = 0.2;
    private static final Duration LOOK = Duration.ofMillis(1);

    @Spec
    private CommandSpec spec;

    @Option(names = "--target", paramLabel = "ADDRESS:PORT", required = true, converter = EndpointConverter.class,
            description = "The server, or the relay in front of it.")
    private InetSocketAddress target;

    @Option(names = "--flows", paramLabel = "N", defaultValue = "1000",
            description = "Sockets, each with its own source port; default ${DEFAULT-VALUE}. More than about 60,000 "
                    + "need several --bind addresses. Where one process may not open so many, several share them.")
    private int flows;

    @Option(names = "--rate", paramLabel = "PPS", defaultValue = "20000",
            description = "Packets per second of all flows together; default ${DEFAULT-VALUE}.")
    private double rate;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "10",
            description = "How long to send; default ${DEFAULT-VALUE}.")
    private double seconds;

    @Option(names = "--payload", paramLabel = "BYTES", defaultValue = "758",
            description = "UDP payload, 32 to 65507; default ${DEFAULT-VALUE}, an Ethernet frame of 800 bytes.")
    private int payload;

    @Option(names = "--bind", paramLabel = "ADDRESS", split = ",", converter = AddressConverter.class,
            description = "Send from these addresses of this host in turn; default: as routing chooses.")
    private List<Inet4Address> bind = new ArrayList<>();

    @Option(names = "--source-ports", paramLabel = "LOW-HIGH", defaultValue = "4096-65535",
            converter = PortRangeConverter.class,
            description = "Source ports to take, highest first, leaving out those in use; default ${DEFAULT-VALUE}.")
    private PortRange sourcePorts;

    @Option(names = "--flow-start-rate", paramLabel = "N",
            description = "New flows per second at the start; default 10000, or more if a fifth of the run needs it.")
    private Double flowStartRate;

    @Option(names = "--linger", paramLabel = "MS", defaultValue = "1000",
            description = "Wait this long for the last answers; default ${DEFAULT-VALUE}.")
    private int lingerMillis;

    @Option(names = "--start-when", paramLabel = "FILE",
            description = "Be warm and wait; send as soon as this file exists.")
    private Path startWhen;

    @Option(names = "--json", description = "Print the report as one JSON object.")
    private boolean json;

    @Option(names = "--quiet", description = "No line per second on stderr.")
    private boolean quiet;

    @Override
    public void run() {
        final ClientPlan plan = plan();
        final Consumer<String> messages = quiet ? line -> { } : spec.commandLine().getErr()::println;
        if (rate * seconds < flows) {
            messages.accept("note: " + (long) (rate * seconds)
                    + " packets in all are fewer than the flows: some send nothing");
        }
        try (StopSignal stop = new StopSignal()) {
            final ClientReport report = ClientFleet.run(
                    plan, stop, () -> await(stop), now -> messages.accept(now.progress()));
            spec.commandLine().getOut().println(json ? report.json() : report.text());
        }
    }

    private void await(final StopSignal stop) {
        if (startWhen == null) {
            return;
        }
        spec.commandLine().getErr().println("waiting for " + startWhen);
        while (!Files.exists(startWhen) && !stop.await(LOOK)) {
            // The wait is the work.
        }
    }

    private ClientPlan plan() {
        LabOptions.check("--flows", flows, 1, MOST_FLOWS);
        LabOptions.check("--rate", rate, 1, MOST_RATE);
        LabOptions.check("--seconds", seconds, 0, LabOptions.MOST_SECONDS);
        LabOptions.check("--payload", payload, ClientPlan.LEAST_PAYLOAD, ClientPlan.MOST_PAYLOAD);
        LabOptions.check("--linger", lingerMillis, 0, Integer.MAX_VALUE);
        if (target.getPort() == 0) {
            throw new Failure(Failure.USAGE, "--target has port 0, where nothing listens. Fix: the server's port");
        }
        final double usualStartRate = Math.max(USUAL_FLOW_START_RATE, flows / (RAMP_SHARE * Math.max(seconds, 1)));
        final double startRate = flowStartRate == null ? usualStartRate : flowStartRate;
        LabOptions.check("--flow-start-rate", startRate, 1, Double.MAX_VALUE);
        return new ClientPlan(
                SocketAddress.of(target),
                flows,
                rate,
                LabOptions.duration(seconds),
                payload,
                bind.isEmpty() ? List.of(0L) : bind.stream().map(LabClientCommand::packed).toList(),
                sourcePorts.low,
                sourcePorts.high,
                startRate,
                Duration.ofMillis(lingerMillis));
    }

    private static long packed(final Inet4Address address) {
        return SocketAddress.of(new InetSocketAddress(address, 0));
    }

    private record PortRange(int low, int high) {
    }

    private static final class PortRangeConverter implements ITypeConverter<PortRange> {
        @Override
        public PortRange convert(final String text) {
            final int dash = text.indexOf('-');
            final PortRange range = dash < 1 ? null : new PortRange(
                    EndpointConverter.port(text.substring(0, dash)), EndpointConverter.port(text.substring(dash + 1)));
            if (range == null || range.low < 1 || range.low > range.high) {
                throw new TypeConversionException("'" + text + "' is not LOW-HIGH, such as 20000-29999");
            }
            return range;
        }
    }
}
