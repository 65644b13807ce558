// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import io.culvert.control.cli.Culvert;
import io.culvert.control.config.RelayConfig;
import io.culvert.control.deploy.Patience;
import io.culvert.control.deploy.Script;
import io.culvert.control.instance.Instance;
import io.culvert.dataplane.flow.FlowEntry;
import io.culvert.dataplane.flow.FlowFile;
import io.culvert.dataplane.wire.Wire;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** {@code culvert run} as a child process in a namespace, with the JVM flags of the real daemon. */
final class RelayProcess implements AutoCloseable {
    private static final Path EAL_RUNTIME = Path.of("/var/run/dpdk");

    private final Path state;
    private final RelayConfig config;
    private final Process process;
    private final Path output;
    private RelayCounters counters;

    private RelayProcess(final Path state, final RelayConfig config, final Process process, final Path output) {
        this.state = state;
        this.config = config;
        this.process = process;
        this.output = output;
    }

    /**
     * @param state the directory of all instances; configuration and output are kept there too
     * @param environment of the process, beside this one's
     */
    static RelayProcess start(final Namespace host, final Path state, final Map<String, String> environment,
                              final String yaml, final String... options) throws IOException {
        final Path file = Files.createTempFile(state, "relay", ".yaml");
        Files.writeString(file, yaml);
        final Path output = Files.createTempFile(state, "relay", ".log");
        final List<String> command = new ArrayList<>(host.inside(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Script.checkout().resolve("deploy/jvm/run.argfile"), "--enable-native-access=ALL-UNNAMED",
                "-Dculvert.library=" + System.getProperty("culvert.library"),
                "-cp", System.getProperty("java.class.path"), Culvert.class.getName(), "run", "-c", file.toString()));
        command.addAll(List.of(options));
        final ProcessBuilder builder = new ProcessBuilder(command);
        builder.environment().put(Instance.STATE_VARIABLE, state.toString());
        builder.environment().putAll(environment);
        final Process process = builder.redirectErrorStream(true).redirectOutput(output.toFile()).start();
        process.getOutputStream().close();
        return new RelayProcess(state, config(yaml), process, output);
    }

    /** Null for a configuration that is no valid one. */
    private static RelayConfig config(final String yaml) {
        try {
            return RelayConfig.parse(yaml, "relay.yaml");
        } catch (final RuntimeException e) {
            return null;
        }
    }

    RelayProcess awaitReady() {
        Eventually.holds(() -> "the relay is ready: " + output(), () -> {
            if (!process.isAlive()) {
                throw new AssertionError("the relay ended with " + process.exitValue() + ": " + output());
            }
            return output().contains("is ready");
        });
        counters = new RelayCounters(instance(), config);
        return this;
    }

    /** @return the exit code */
    int awaitExit() throws InterruptedException {
        if (!process.waitFor(Patience.SECONDS, TimeUnit.SECONDS)) {
            throw new AssertionError("the relay goes on after " + Patience.SECONDS + " s: " + output());
        }
        return process.exitValue();
    }

    long pid() {
        return process.pid();
    }

    Instance instance() {
        return new Instance(state.resolve(config.instance()));
    }

    RelayCounters counters() {
        return counters;
    }

    /** The clients of all live sessions, read from the flow file. */
    List<InetSocketAddress> clients() {
        final List<InetSocketAddress> clients = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment copy = arena.allocate(FlowFile.COPY_LENGTH, Long.BYTES);
            for (final FlowFile flows : instance().openFlows(counters.file(), arena)) {
                for (int session = 0; session < flows.highWater(); session++) {
                    if (flows.readSession(session, copy)) {
                        clients.add(source(copy));
                    }
                }
            }
        }
        return clients;
    }

    private static InetSocketAddress source(final MemorySegment flow) {
        final byte[] address = flow.asSlice(FlowEntry.KEY_LO, Integer.BYTES).toArray(ValueLayout.JAVA_BYTE);
        try {
            return new InetSocketAddress(InetAddress.getByAddress(address), Wire.host16(FlowEntry.ports(flow)));
        } catch (final UnknownHostException e) {
            throw new AssertionError(e);
        }
    }

    boolean isAlive() {
        return process.isAlive();
    }

    String output() {
        try {
            return Files.readString(output);
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** @param name as kill knows it: TERM, STOP, CONT, KILL */
    void signal(final String name) {
        Namespace.run("kill", "-" + name, Long.toString(process.pid()));
    }

    /** Ends the process, if it has not ended, and waits for its end. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(Patience.SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor(Patience.SECONDS, TimeUnit.SECONDS);
                throw new AssertionError("the relay did not end on SIGTERM: " + output());
            }
            removeEalRuntime();
        } catch (final InterruptedException | IOException e) {
            throw new AssertionError(e);
        }
    }

    /** EAL leaves its runtime directory behind. */
    private void removeEalRuntime() throws IOException {
        if (config != null) {
            RelayLab.deleteTree(EAL_RUNTIME.resolve("culvert-" + config.instance()));
        }
    }
}
