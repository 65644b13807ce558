// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.system;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.culvert.control.deploy.Script;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A host of its own: a network namespace under a name that no other run has, gone when closed. A socket opened by
 * {@link #call} belongs to the namespace for good, and any thread may use it.
 */
final class Namespace implements AutoCloseable {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle SETNS = LINKER.downcallHandle(LINKER.defaultLookup().find("setns").orElseThrow(),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle OPEN = LINKER.downcallHandle(LINKER.defaultLookup().find("open").orElseThrow(),
            FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT), Linker.Option.firstVariadicArg(2));
    private static final MethodHandle CLOSE = LINKER.downcallHandle(LINKER.defaultLookup().find("close").orElseThrow(),
            FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final int CALL_SECONDS = 500;
    private static final int O_CLOEXEC = 0x80000;
    private static final int CLONE_NEWNET = 0x40000000;

    private static final Path NAMES = Path.of("/run/netns");
    private static final AtomicInteger NUMBER = new AtomicInteger();

    private final String name;

    private Namespace(final String name) {
        this.name = name;
    }

    static Namespace create(final String role) {
        final Namespace created = new Namespace("culvert-" + ProcessHandle.current().pid() + "-"
                + NUMBER.incrementAndGet() + "-" + role);
        run("ip", "netns", "add", created.name);
        created.ip("link set lo up");
        return created;
    }

    /** A pair of veth interfaces, up, that carry whole packets with their checksums. */
    static void join(final Namespace one, final String itsEnd, final Namespace other, final String otherEnd) {
        run("ip", "link", "add", itsEnd, "netns", one.name, "type", "veth", "peer", "name", otherEnd,
                "netns", other.name);
        one.raise(itsEnd);
        other.raise(otherEnd);
    }

    /** Without offloads a packet on the wire is what a NIC would have sent. */
    private void raise(final String link) {
        exec("ethtool", "-K", link, "tx", "off", "gro", "off", "gso", "off");
        ip("link set " + link + " up");
    }

    String name() {
        return name;
    }

    /** @param arguments of ip, separated by spaces */
    String ip(final String arguments) {
        return run(Stream.concat(Stream.of("ip", "-n", name), Stream.of(arguments.split(" "))).toArray(String[]::new));
    }

    /** Runs a command to its end. @return what it printed */
    String exec(final String... command) {
        return run(inside(command).toArray(String[]::new));
    }

    /** Starts a command whose end is the caller's business: {@link Script#finish}. */
    Script.Running start(final String... command) throws IOException {
        return Script.start(Map.of(), inside(command));
    }

    /** The command that runs another one in here; the process is the same. */
    List<String> inside(final String... command) {
        final List<String> whole = new ArrayList<>(List.of("ip", "netns", "exec", name));
        whole.addAll(List.of(command));
        return whole;
    }

    /** Runs the task on a thread that lives in the namespace, as do the threads that it starts; within minutes. */
    <T> T call(final Callable<T> task) {
        final FutureTask<T> future = new FutureTask<>(() -> {
            enter();
            return task.call();
        });
        Thread.ofPlatform().name(name).start(future);
        try {
            return future.get(CALL_SECONDS, TimeUnit.SECONDS);
        } catch (final ExecutionException | InterruptedException | TimeoutException e) {
            throw new AssertionError("in " + name + ": " + e, e);
        }
    }

    private void enter() {
        try (Arena arena = Arena.ofConfined()) {
            final MemorySegment path = arena.allocateFrom(NAMES.resolve(name).toString());
            final int descriptor = (int) OPEN.invokeExact(path, O_CLOEXEC);
            final int result = (int) SETNS.invokeExact(descriptor, CLONE_NEWNET);
            final int closed = (int) CLOSE.invokeExact(descriptor);
            if (result != 0 || closed != 0) {
                throw new AssertionError("setns " + name);
            }
        } catch (final Throwable t) {
            throw new AssertionError("cannot enter " + name, t);
        }
    }

    /** A counter of the namespace's kernel, e.g. {@code Udp InCsumErrors}. */
    long snmp(final String protocol, final String counter) {
        final List<String> lines = call(() -> Files.readAllLines(Path.of("/proc/thread-self/net/snmp"))).stream()
                .filter(line -> line.startsWith(protocol + ":")).toList();
        final int column = List.of(lines.getFirst().split(" ")).indexOf(counter);
        return Long.parseLong(lines.getLast().split(" ")[column]);
    }

    /** Waits until a process in here listens. @param table {@code udp} or {@code tcp} of /proc/net */
    void awaitListener(final String table, final int port) {
        final String local = "[ ]*\\d+: [0-9A-F]+:%04X .*".formatted(port);
        Eventually.holds("a listener on " + table + " port " + port, () -> call(() ->
                Stream.of(table, table + "6").map(each -> Path.of("/proc/thread-self/net", each)).filter(Files::exists)
                        .flatMap(Namespace::lines).anyMatch(line -> line.matches(local))));
    }

    private static Stream<String> lines(final Path file) {
        try {
            return Files.readAllLines(file).stream();
        } catch (final IOException e) {
            throw new AssertionError(e);
        }
    }

    static String run(final String... command) {
        try {
            final Script ended = Script.run(Map.of(), List.of(command));
            if (ended.exitCode() != 0) {
                throw new AssertionError(String.join(" ", command) + ": " + ended.output());
            }
            return ended.output();
        } catch (final IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Override
    public void close() {
        run("ip", "netns", "del", name);
    }
}
