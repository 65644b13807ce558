// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.TypeConversionException;

/** {@code culvert sizing}: what a load asks of the box, before one is bought. */
@Command(
        name = "sizing",
        description = "Compute packets, bandwidth, cores, memory and SNAT addresses for a load.",
        mixinStandardHelpOptions = true,
        footer = {"", "Example: culvert sizing --streams 50000 --bitrate 1M --packet-size 800"})
public final class SizingCommand implements Callable<Integer> {
    private static final long STREAMS_LIMIT = 100_000_000;
    /** An MTU of 9600 bytes without the IP and UDP headers. */
    private static final int PAYLOAD_BYTES_LIMIT = 9572;
    private static final double NANOS_LIMIT = 1_000_000;

    /** How the result is printed. */
    enum Output {
        TABLE,
        JSON
    }

    @Spec
    private CommandSpec spec;

    @Option(names = "--streams", required = true, paramLabel = "N", description = "Streams at once.")
    private long streams;

    @Option(names = "--bitrate", required = true, paramLabel = "BITS", converter = BitRate.class,
            description = "UDP payload of one stream in bits/s, such as 64k, 1M or 2.5M.")
    private long bitsPerSecond;

    @Option(names = "--packet-size", required = true, paramLabel = "BYTES",
            description = "UDP payload of one packet in bytes, headers not counted.")
    private int payloadBytes;

    @Option(names = "--cost", defaultValue = "60", paramLabel = "NANOSECONDS",
            description = "Measured time of one core for one packet (default: ${DEFAULT-VALUE}).")
    private double nanosPerPacket;

    @Option(names = {"-o", "--output"}, defaultValue = "table", paramLabel = "FORMAT",
            description = "table or json (default: ${DEFAULT-VALUE}).")
    private Output output;

    @Override
    public Integer call() {
        require("--streams", streams, 1, STREAMS_LIMIT);
        require("--packet-size", payloadBytes, 1, PAYLOAD_BYTES_LIMIT);
        require("--cost", nanosPerPacket, 1, NANOS_LIMIT);
        final Sizing sizing = new Sizing(streams, bitsPerSecond, payloadBytes, nanosPerPacket);
        final PrintWriter out = spec.commandLine().getOut();
        (output == Output.JSON ? json(sizing) : table(sizing)).forEach(out::println);
        return 0;
    }

    private void require(final String option, final double value, final double lowest, final double highest) {
        if (!(lowest <= value && value <= highest)) {
            throw new ParameterException(spec.commandLine(),
                    String.format(Locale.ROOT, "%s is out of range. Fix: use %.0f to %.0f", option, lowest, highest));
        }
    }

    private static List<String> table(final Sizing sizing) {
        return List.of(
                row("packets", "%,.0f/s per direction, %,.0f/s in both",
                        sizing.packetsPerSecondPerDirection(), sizing.packetsPerSecond()),
                row("payload", "%.3f Gbit/s per direction", sizing.payloadGigabitsPerSecondPerDirection()),
                row("on the wire", "%.3f Gbit/s per direction (%d bytes a packet: headers, FCS, preamble and gap)",
                        sizing.wireGigabitsPerSecondPerDirection(), sizing.wireBytesPerPacket()),
                row("cores", "%d at %s ns a packet (%.2f cores of work, each at most 70 %% busy)",
                        sizing.cores(), number(sizing.nanosPerPacket()), sizing.coresBusy()),
                row("flows", "%,d (two a session), %,.1f MiB; limits.flows must be at least this",
                        sizing.flows(), sizing.flowTableBytes() / (double) (1 << 20)),
                row("SNAT", "%,d ports: %d address%s of 64,512 ports, %,.1f MiB",
                        sizing.streams(), sizing.snatAddresses(), sizing.snatAddresses() == 1 ? "" : "es",
                        sizing.snatBytes() / (double) (1 << 20)),
                row("receive ring", "%,.0f us until 4,096 descriptors run over, if a core pauses",
                        sizing.rxRingMicros()));
    }

    private static String row(final String label, final String format, final Object... values) {
        return String.format(Locale.ROOT, "%-13s", label) + String.format(Locale.ROOT, format, values);
    }

    private static List<String> json(final Sizing sizing) {
        final String figures = sizing.figures().entrySet().stream()
                .map(figure -> "  \"" + figure.getKey() + "\": " + number(figure.getValue()))
                .collect(Collectors.joining(",\n"));
        return List.of("{", "  \"apiVersion\": \"culvert/v1\",", "  \"kind\": \"Sizing\",", figures, "}");
    }

    private static String number(final Number value) {
        return value instanceof Double && value.doubleValue() != Math.rint(value.doubleValue())
                ? String.format(Locale.ROOT, "%.4f", value.doubleValue())
                : Long.toString(value.longValue());
    }

    /** {@code 64k}, {@code 1M}, {@code 2.5M}, {@code 1G}: decimal, as link speeds are. */
    static final class BitRate implements ITypeConverter<Long> {
        private static final Pattern FORM = Pattern.compile("([0-9]{1,12}(?:\\.[0-9]{1,9})?)([kKMG]?)");
        private static final double HIGHEST = 1e12;

        @Override
        public Long convert(final String text) {
            final Matcher form = FORM.matcher(text);
            final double bits = form.matches() ? Double.parseDouble(form.group(1)) * switch (form.group(2)) {
                case "" -> 1;
                case "M" -> 1e6;
                case "G" -> 1e9;
                default -> 1e3;
            } : 0;
            if (bits < 1 || bits > HIGHEST) {
                throw new TypeConversionException(
                        "'" + text + "' is not a bit rate. Fix: write bits/s up to 1000G, such as 64k, 1M or 2.5M");
            }
            return Math.round(bits);
        }
    }
}
