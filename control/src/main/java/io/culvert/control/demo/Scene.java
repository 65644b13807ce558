// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.demo;

import io.culvert.control.Failure;
import io.culvert.control.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Everything one experiment leaves on the host, and its removal: namespaces, processes, a directory on tmpfs. The names
 * carry this process's id, so that no two demos meet, and so that the next one finds what a killed one left.
 */
public final class Scene implements AutoCloseable {
    private static final String NAME = "culvert-demo-";
    private static final Pattern NAMED = Pattern.compile(NAME + "(\\d+)-.*");
    private static final Path MEMORY = Path.of("/dev/shm");
    private static final Duration LOOK = Duration.ofMillis(50);
    /** For a program to start and do what it is for: 3 s on an idle machine, 30 s beside busy neighbours. */
    static final Duration START_LIMIT = Duration.ofSeconds(120);

    /** The user asked to stop while the experiment was not done. */
    public static final class Stopped extends RuntimeException {
        private Stopped() {
            super("stopped", null, false, false);
        }
    }

    private final StopSignal signal;
    private final String prefix = NAME + ProcessHandle.current().pid() + "-";
    private final Path directory;
    private final Deque<Namespace> namespaces = new ArrayDeque<>();
    private final Deque<Child> children = new ArrayDeque<>();

    private Scene(final StopSignal signal, final Path directory) {
        this.signal = signal;
        this.directory = directory;
    }

    public static Scene open(final StopSignal signal) {
        sweep();
        try {
            final Path directory = Files.createTempDirectory(MEMORY, NAME + ProcessHandle.current().pid() + "-",
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
            return new Scene(signal, directory);
        } catch (final IOException e) {
            throw new Failure(Failure.FAILED, "cannot keep the demo's files in " + MEMORY + ": " + e
                    + ". Fix: mount a tmpfs there (mount -t tmpfs tmpfs /dev/shm)", e);
        }
    }

    /** Private to this experiment, gone after it. */
    public Path directory() {
        return directory;
    }

    public Namespace namespace(final String letter) {
        final Namespace namespace = new Namespace(prefix + letter);
        namespaces.push(namespace); // before it is there: half a namespace must go, too
        return Namespace.create(namespace.name());
    }

    public Child start(final String name, final List<String> words, final Map<String, String> environment) {
        return start(name, words, environment, "TERM");
    }

    /** One that {@link Child#freeze} may freeze: what is frozen hears no signal but this one. */
    public Child startFreezable(final String name, final List<String> words, final Map<String, String> environment) {
        return start(name, words, environment, "KILL");
    }

    private Child start(final String name, final List<String> words, final Map<String, String> environment,
                        final String farewell) {
        final Child child = Child.start(name, words, environment, farewell, directory);
        children.push(child);
        return child;
    }

    /** Lets the time pass. @throws Stopped when the user does not want to wait */
    public void sleep(final Duration time) {
        if (signal.await(time)) {
            throw new Stopped();
        }
    }

    /** @return false when the time passed first. @throws Stopped when the user does not want to wait */
    public boolean await(final Duration limit, final BooleanSupplier condition) {
        return await(limit, LOOK, condition);
    }

    /** @param look how long to wait between two looks at the condition */
    boolean await(final Duration limit, final Duration look, final BooleanSupplier condition) {
        final long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            if (signal.await(look)) {
                throw new Stopped();
            }
        }
        return true;
    }

    /** @throws Stopped when the user asked to stop */
    public void checkWanted() {
        if (signal.await(Duration.ZERO)) {
            throw new Stopped();
        }
    }

    /** Waits one look. @return whether the user asked to stop */
    boolean pause() {
        return signal.await(LOOK);
    }

    /** All of them are asked first and waited for then: they end side by side. */
    @Override
    public void close() {
        children.forEach(Child::stop);
        children.forEach(Child::end);
        namespaces.forEach(namespace -> Namespace.delete(namespace.name()));
        delete(directory);
    }

    /** What demos left that were killed: their processes ended with them, the rest is removed here. */
    private static void sweep() {
        Command.attempt(List.of("ip", "netns", "list")).output().lines().map(line -> line.split(" ")[0])
                .filter(Scene::isOrphaned).forEach(Namespace::delete);
        try (Stream<Path> entries = Files.list(MEMORY)) {
            entries.filter(entry -> isOrphaned(entry.getFileName().toString())).forEach(Scene::delete);
        } catch (final IOException e) {
            // Then open() says what is wrong with it.
        }
    }

    private static boolean isOrphaned(final String name) {
        final Matcher matcher = NAMED.matcher(name);
        return matcher.matches() && !Files.exists(Path.of("/proc", matcher.group(1)));
    }

    private static void delete(final Path tree) {
        try (Stream<Path> entries = Files.walk(tree)) {
            entries.sorted(Comparator.reverseOrder()).forEach(entry -> entry.toFile().delete());
        } catch (final IOException e) {
            // Another demo swept it, or it is another user's.
        }
    }
}
