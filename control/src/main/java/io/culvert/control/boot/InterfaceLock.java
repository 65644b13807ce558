// SPDX-License-Identifier: Apache-2.0
package io.culvert.control.boot;

import io.culvert.control.Failure;
import io.culvert.dataplane.state.StateDirectory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * One daemon per kernel interface of a network namespace, held while the port is open. Without it the second AF_XDP
 * user of an interface is refused too, but takes the first one's XDP program off the interface before it fails.
 */
final class InterfaceLock implements AutoCloseable {
    private static final Path NAMESPACE = Path.of("/proc/self/ns/net");

    private final FileChannel channel;

    private InterfaceLock(final FileChannel channel) {
        this.channel = channel;
    }

    /**
     * @param directory that all daemons of this host share
     * @throws Failure when another daemon holds it; that one is not harmed
     */
    static InterfaceLock take(final Path directory, final String device, final String name) throws IOException {
        // "net:[4026531840]": interfaces of other namespaces may have the same name.
        final String namespace = Files.readSymbolicLink(NAMESPACE).toString().replaceAll("\\D", "");
        final Path file = directory.resolve("interface-" + namespace + "-" + name + ".lock");
        final FileChannel channel;
        try (StateDirectory all = StateDirectory.own(directory)) {
            channel = all.lock(file.getFileName().toString());
        }
        final FileLock lock = channel.tryLock();
        if (lock == null) {
            channel.close();
            throw new Failure(Failure.FAILED, device + ": another relay drives the interface " + name + " (" + file
                    + " is held). Fix: stop it first, or give this one another interface");
        }
        return new InterfaceLock(channel);
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (final IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
